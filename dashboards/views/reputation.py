"""What an affiliate shows in public: its owners' choice, and the pages that everybody reads."""

from typing import Any, cast

from csp.constants import NONE
from csp.decorators import csp_replace
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.middleware import for_visitors, use_language
from dashboards.forms import ReputationForm
from dashboards.pages import write_loyalty, write_reputation, write_testimonials
from dashboards.selectors import Reader
from dashboards.views.opening import affiliate_page, show
from insights.loyalty import own_loyalty
from insights.models import PublicPage
from insights.reputation import as_testimonial, public_satisfaction, testimonials_of
from insights.services.showing import change_public_page

TESTIMONIALS_A_PAGE = 20
TESTIMONIALS_IN_A_FRAME = 5
# Words that a customer takes back are gone from where they were kept within this time, in seconds.
KEPT = 300


@require_http_methods(["GET", "POST"])
@affiliate_page
def reputation(request: HttpRequest, reader: Reader) -> HttpResponse:
    """What stands or would stand on the public page, and whether it is public."""
    page = PublicPage.objects.filter(affiliate=reader.affiliate).first() or PublicPage(affiliate=reader.affiliate)
    form = ReputationForm(request.POST if request.method == "POST" else None, page=page, label_suffix="")
    if form.is_bound and not reader.may_manage_people:
        raise PermissionDenied
    if form.is_valid():
        change_public_page(reader.affiliate, **form.cleaned_data)
        messages.success(request, _("Your choice is kept."))
        return redirect(reader.urls["reputation"])
    words = testimonials_of(reader.affiliate)
    context = {
        "form": form,
        "public": page,
        "page": write_reputation(page, public_satisfaction(reader.affiliate)),
        "testimonials": write_testimonials(map(as_testimonial, words[:TESTIMONIALS_IN_A_FRAME])),
        "count": words.count(),
        "loyalty": write_loyalty(own_loyalty(reader.affiliate), k=reader.brand.k),
    }
    return show(request, reader, "reputation", **context)


# --- For everybody ---------------------------------------------------------------------------------------------------
@for_visitors
@require_safe
@cache_control(public=True, max_age=KEPT)
def public_page(request: HttpRequest, token: str) -> HttpResponse:
    """How satisfied all who answered are, and the words of whoever agreed, in pages."""
    page = open_page(request, token)
    words = testimonials_of(page.affiliate) if page.shows_words else testimonials_of(page.affiliate).none()
    found = Paginator(words, TESTIMONIALS_A_PAGE).get_page(request.GET.get("page"))
    context = {"page_obj": found, "testimonials": write_testimonials(map(as_testimonial, found))}
    return render(request, "dashboards/public_page.html", context_of(page) | context)


@for_visitors
@require_safe
@xframe_options_exempt
@cache_control(public=True, max_age=KEPT)
def embedded_page(request: HttpRequest, token: str) -> HttpResponse:
    """The same in short, for a frame on the sites that its affiliate named and on no other."""
    page = open_page(request, token)
    words = testimonials_of(page.affiliate)[:TESTIMONIALS_IN_A_FRAME] if page.shows_words else ()
    context = {"testimonials": write_testimonials(map(as_testimonial, words)), "is_embedded": True}

    def shown(request: HttpRequest) -> HttpResponse:
        return render(request, "dashboards/public_embed.html", context_of(page) | context)

    framing = csp_replace({"frame-ancestors": [f"https://{host}" for host in page.frame_hosts] or [NONE]})
    return cast(HttpResponse, framing(shown)(request))


@for_visitors
@require_safe
@cache_control(public=True, max_age=KEPT)
def badge(request: HttpRequest, token: str) -> HttpResponse:
    """A small picture with the figure alone."""
    context = context_of(open_page(request, token))
    return render(request, "dashboards/badge.svg", context, content_type="image/svg+xml; charset=utf-8")


def open_page(request: HttpRequest, token: str) -> PublicPage:
    """In the language asked for (?lang=), where the brand has it. What is off, stopped or unknown is not there."""
    page: PublicPage = get_object_or_404(PublicPage.objects.open().select_related("affiliate__brand"), token=token)
    use_language(request, page.brand.language_for(request.GET.get("lang") or get_language() or ""))
    return page


def context_of(page: PublicPage) -> dict[str, Any]:
    satisfaction = public_satisfaction(page.affiliate)
    return {"brand": page.brand, "public": page, "page": write_reputation(page, satisfaction)}
