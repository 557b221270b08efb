"""What moves the score: of the whole programme, and where an affiliate stands in it.

Nothing is worked out here but what follows from last night's counts and weights.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from accounts.models import Brand
from accounts.replica import reads_replica
from affiliates.models import Affiliate
from dashboards.pages import write_effects, write_priorities, write_weights
from dashboards.selectors import (
    Reader,
    labels_of_aspects,
    measured_at,
    telling_words_of,
    words_of_affiliate,
)
from dashboards.views.opening import affiliate_page, brand_page, language_of, reading_language, show, show_of_brand
from insights.priorities import affiliate_priorities, programme_priorities
from insights.privacy import own_words, programme_effects, programme_weights


@require_GET
@affiliate_page
@reads_replica
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
@brand_page
@reads_replica
def drivers_of_brand(request: HttpRequest, brand: Brand) -> HttpResponse:
    """With all counts."""
    language = reading_language(brand)
    labels = labels_of_aspects(brand, language)
    context = {
        "weights": write_weights(programme_weights(brand, view="staff"), labels),
        "priorities": write_priorities(programme_priorities(brand, language=language), labels),
        "effects": write_effects(programme_effects(brand, view="staff")),
        "words": telling_words_of(brand, language),
        "measured_at": measured_at(brand),
    }
    return show_of_brand(request, brand, "drivers_of_brand", **context)


@require_GET
@brand_page
@reads_replica
def drivers_of_affiliate(request: HttpRequest, brand: Brand, code: str) -> HttpResponse:
    """What its own pages do not show it, from all answers and comments."""
    affiliate = get_object_or_404(Affiliate.objects.select_related("brand"), brand=brand, code=code)
    language = reading_language(brand)
    priorities = affiliate_priorities(affiliate, view="staff", language=language)
    context = {
        "affiliate": affiliate,
        "priorities": write_priorities(priorities, labels_of_aspects(brand, language)),
        "words": words_of_affiliate(affiliate),
        "measured_at": measured_at(brand),
    }
    return show_of_brand(request, brand, "drivers_of_affiliate", **context)
