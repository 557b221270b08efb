"""Pages that belong to nobody in particular: the door, the glossary, privacy, the reader's language, a tenant's colour."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views import i18n
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from accounts.colour import PAPER_DARK, PAPER_LIGHT, ink_on, readable_on
from accounts.models import Brand


@login_not_required
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Everybody's own page; what this is, for who has not signed in."""
    if not request.user.is_authenticated:
        return render(request, "pages/landing.html")
    return redirect("admin:index" if request.user.is_staff else "dashboards:home")


@login_not_required
@require_GET
def glossary(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/glossary.html")


@login_not_required
@require_GET
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/privacy.html")


# Exempt so that public pages need no cookie of ours. Nothing is lost: the session cookie is SameSite=Lax, so a form on
# somebody else's page changes at most the language of a visitor.
@csrf_exempt
@login_not_required
@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Remember the language in a cookie, and in the account of who is signed in."""
    language = request.POST.get("language", "")
    if request.user.is_authenticated and language in dict(settings.LANGUAGES):
        request.user.language = language
        request.user.save(update_fields=["language"])
    return i18n.set_language(request)


@login_not_required
@require_GET
@cache_control(public=True, max_age=3600)
def brand_css(request: HttpRequest, slug: str) -> HttpResponse:
    """The tenant's colour as tokens, readable on our paper. A page may not carry it itself: inline style is forbidden."""
    brand = get_object_or_404(Brand, slug=slug)
    light, dark = readable_on(PAPER_LIGHT, brand.color), readable_on(PAPER_DARK, brand.color)
    context = {"light": light, "dark": dark, "on_light": ink_on(light), "on_dark": ink_on(dark)}
    return render(request, "pages/brand.css", context, content_type="text/css; charset=utf-8")
