"""What moves the score: of the whole programme, and where an affiliate stands in it.

Nothing is worked out here but what follows from last night's counts and weights.
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.models import Brand, User
from dashboards.pages import write_effects, write_priorities, write_weights
from dashboards.selectors import (
    Reader,
    find_affiliate,
    find_brand,
    labels_of_aspects,
    measured_at,
    telling_words_of,
    words_of_affiliate,
)
from dashboards.views.opening import affiliate_page, language_of, show
from insights.priorities import affiliate_priorities, programme_priorities
from insights.privacy import own_words, programme_effects, programme_weights


@require_GET
@affiliate_page
def drivers(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What holds for the programme, without counts, and the affiliate's own place and words beside it."""
    language = language_of(reader)
    labels = labels_of_aspects(reader.brand, language)
    context = {
        "weights": write_weights(programme_weights(reader.brand), labels),
        "priorities": write_priorities(affiliate_priorities(reader.affiliate, language=language), labels),
        "effects": write_effects(programme_effects(reader.brand)),
        "words": own_words(reader.affiliate),
    }
    return show(request, reader, "drivers", **context)


@require_GET
@never_cache
def drivers_of_brand(request: HttpRequest, brand: str) -> HttpResponse:
    """With all counts: staff only."""
    found = brand_of_staff(request, brand)
    language = get_language() or found.default_language
    labels = labels_of_aspects(found, language)
    context = {
        "brand": found,
        "weights": write_weights(programme_weights(found, view="staff"), labels),
        "priorities": write_priorities(programme_priorities(found, language=language), labels),
        "effects": write_effects(programme_effects(found, view="staff")),
        "words": telling_words_of(found, language),
        "measured_at": measured_at(found),
    }
    return render(request, "dashboards/drivers_of_brand.html", context)


@require_GET
@never_cache
def drivers_of_affiliate(request: HttpRequest, brand: str, code: str) -> HttpResponse:
    """What its own pages do not show it, from all answers and comments: staff only."""
    found = brand_of_staff(request, brand)
    affiliate = find_affiliate(found, code)
    if affiliate is None:
        raise Http404
    language = get_language() or found.default_language
    priorities = affiliate_priorities(affiliate, view="staff", language=language)
    context = {
        "brand": found,
        "affiliate": affiliate,
        "priorities": write_priorities(priorities, labels_of_aspects(found, language)),
        "words": words_of_affiliate(affiliate),
        "measured_at": measured_at(found),
    }
    return render(request, "dashboards/drivers_of_affiliate.html", context)


def brand_of_staff(request: HttpRequest, slug: str) -> Brand:
    assert isinstance(request.user, User)
    found = find_brand(request.user, slug)
    if found is None or not request.user.is_staff:
        raise Http404
    return found
