"""What moves the score: of the whole programme, for its staff."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.models import User
from dashboards.pages import write_effects
from dashboards.selectors import find_brand, measured_at, telling_words_of
from insights.privacy import programme_effects


@require_GET
@never_cache
def drivers_of_brand(request: HttpRequest, brand: str) -> HttpResponse:
    """With all counts: staff only. Nothing is worked out here but what follows from last night's counts."""
    assert isinstance(request.user, User)
    found = find_brand(request.user, brand)
    if found is None or not request.user.is_staff:
        raise Http404
    effects = write_effects(programme_effects(found, view="staff"))
    words = telling_words_of(found, get_language() or found.default_language)
    context = {"brand": found, "effects": effects, "words": words, "measured_at": measured_at(found)}
    return render(request, "dashboards/drivers_of_brand.html", context)
