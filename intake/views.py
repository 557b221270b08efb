"""The first page of an installation: whoever runs it makes the first brand, and its administrator."""

from allauth.account.internal.flows.login import record_authentication
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import add_refusal
from accounts.sessions import begin_noting
from accounts.views import page_of_token
from intake.forms import SetUpForm
from intake.services import AlreadySetUp, set_up_first_brand
from intake.setting_up import is_new, may_set_up


@login_not_required
@require_safe
def not_set_up(request: HttpRequest) -> HttpResponse:
    """Says where the link is to be had; nothing at all once somebody can sign in."""
    if not is_new():
        raise Http404
    return page_of_token(request, "intake/not_set_up.html", {})


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest, token: str) -> HttpResponse:
    if not may_set_up(token):
        return page_of_token(request, "pages/unknown_link.html", {}, status=404)
    language = translation.get_language() or ""
    form = SetUpForm(language, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            user = set_up_first_brand(**form.brand_and_person())
        except ValidationError as refusal:
            add_refusal(form, refusal)
        except AlreadySetUp:  # in another browser, a moment ago
            messages.info(request, _("Somebody has set it up meanwhile."))
            return redirect("account_login")
        else:
            login(request, user, backend="accounts.backends.EmailBackend")
            record_authentication(request, user, method="password", email=user.email)
            begin_noting(request)
            return redirect("admin:index")
    return page_of_token(request, "intake/set_up.html", {"form": form})
