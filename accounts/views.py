"""Pages that belong to nobody in particular: the door, the glossary, privacy, language, a tenant's colour, errors."""

import sys
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views import i18n
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from rest_framework import exceptions

from accounts.api import error_body
from accounts.colour import PAPER_DARK, PAPER_LIGHT, ink_on, readable_on
from accounts.forms import EmailForm, ProfileForm
from accounts.middleware import use_language
from accounts.models import Brand, User
from accounts.second_factor import factors_of, strict_brands
from accounts.secret_links import HEADERS
from accounts.services import ask_for_new_email, confirm_new_email, new_email_in
from accounts.sessions import end_sessions, sessions_of

RETRY_AFTER = 30  # seconds that a busy database may need


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Everybody's own page; what this is, for who has not signed in."""
    if not request.user.is_authenticated:
        is_new = not User.objects.exists()
        return redirect("not_set_up") if is_new else render(request, "pages/landing.html")
    return redirect("admin:index" if request.user.is_staff else "dashboards:home")


@login_not_required
@require_safe
def glossary(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/glossary.html")


@login_not_required
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/privacy.html")


@require_safe
def second_factor(request: HttpRequest) -> HttpResponse:
    """Where staff of a brand that asks for a second factor come first: why, and how to one."""
    user: Any = request.user
    if factors_of(user).exists():
        return redirect(safe_next(request) or "mfa_index")
    brands = strict_brands(user)
    return render(request, "accounts/second_factor.html", {"brands": brands}) if brands else redirect("mfa_index")


def safe_next(request: HttpRequest) -> str:
    """Where the address says to go on to, if that is one of our pages."""
    target = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if is_ours else ""


# --- Your account --------------------------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = ProfileForm(request.POST if request.method == "POST" else None, instance=user, label_suffix="")
    if form.is_valid():
        user.save(update_fields=["name", "language", "timezone"])
        with translation.override(user.language or translation.get_language()):
            messages.success(request, _("Saved."))
        return redirect("accounts:profile")
    return render(request, "accounts/profile.html", {"form": form})


@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    listed = sessions_of(user, current=request.session.session_key)
    return render(request, "accounts/sessions.html", {"sessions": listed})


@require_POST
def end_session(request: HttpRequest) -> HttpResponse:
    """One of one's own, or all but this."""
    user: Any = request.user
    asked = request.POST.get("session", "")
    if not (asked == "others" or (asked.isdecimal() and len(asked) < 19)):
        return HttpResponseBadRequest()
    ended = end_sessions(user, keep=request.session.session_key, only=None if asked == "others" else int(asked))
    said = ngettext("%(count)d session ended.", "%(count)d sessions ended.", ended)
    messages.success(request, said % {"count": ended})
    return redirect("accounts:sessions")


@require_http_methods(["GET", "HEAD", "POST"])
def email(request: HttpRequest) -> HttpResponse:
    """Ask for another address. The answer is the same whoever has it."""
    user: Any = request.user
    form = EmailForm(request, request.POST if request.method == "POST" else None)
    if form.is_valid():
        ask_for_new_email(user, form.cleaned_data["email"])
        said = _("We have written to %(email)s: the change happens by the link in that mail.")
        messages.success(request, said % {"email": form.cleaned_data["email"]})
        return redirect("accounts:email")
    return render(request, "accounts/email.html", {"form": form})


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_email(request: HttpRequest, token: str) -> HttpResponse:
    """Looking changes nothing: mail scanners look too."""
    asked = new_email_in(token)
    if asked is None:
        return page_of_token(request, "accounts/confirm_email.html", {"email": None}, status=404)
    user, address = asked
    if request.method == "POST":
        try:
            confirm_new_email(user, address)
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
        else:
            messages.success(request, _("You sign in with %(email)s from now on.") % {"email": address})
        return redirect("accounts:home" if request.user.is_authenticated else "account_login")
    return page_of_token(request, "accounts/confirm_email.html", {"email": address})


def page_of_token(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Nobody may keep, index or pass on its address.

    Only to ourselves, as everywhere: from a page without any referrer browsers send forms of origin `null`, which the
    check against forged ones refuses.
    """
    page = render(request, template, context, status=status)
    for name, value in (HEADERS | {"Referrer-Policy": settings.SECURE_REFERRER_POLICY}).items():
        page.headers[name] = value
    return page


# --- Language, a tenant's colour -----------------------------------------------------------------------------------
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
@require_safe
@cache_control(public=True, max_age=3600)
def brand_css(request: HttpRequest, slug: str) -> HttpResponse:
    """The tenant's colour as tokens, readable on our paper. Served apart, since no page may carry style of its own."""
    brand = get_object_or_404(Brand, slug=slug)
    light, dark = readable_on(PAPER_LIGHT, brand.color), readable_on(PAPER_DARK, brand.color)
    context = {"light": light, "dark": dark, "on_light": ink_on(light), "on_dark": ink_on(dark)}
    return render(request, "pages/brand.css", context, content_type="text/css; charset=utf-8")


# --- What the URL configuration calls where no view could answer ---------------------------------------------------
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 400, exceptions.ParseError())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 403, exceptions.PermissionDenied())


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 404, exceptions.NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """A database that does not answer, or takes no more connections, will again: 503, and when to come back."""
    response = error_page(request, 500, exceptions.APIException())
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        response.status_code = 503
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def error_page(request: HttpRequest, status: int, error: exceptions.APIException) -> HttpResponse:
    """A page that says what happened and what to do; JSON in the contract's shape for programs."""
    if request.path.startswith("/api/v1/"):
        return JsonResponse(error_body(error), status=status)
    if not hasattr(request, "LANGUAGE_CODE"):  # it failed before one was chosen: the thread still speaks the last one's
        use_language(request, translation.get_language_from_request(request))
    # Without the request: what filled in its user or messages may be what failed.
    return HttpResponse(render_to_string(f"{status}.html"), status=status)
