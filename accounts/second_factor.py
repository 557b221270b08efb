"""Whether somebody has a second factor, has shown it in this session, and may do without."""

from typing import Any, ClassVar

from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.middleware import GetResponse
from accounts.models import Brand, User
from accounts.sealing import seal, unseal

SETTING_UP = {"mfa_activate_totp", "mfa_add_webauthn"}
SHOWING = {"mfa_reauthenticate", "mfa_reauthenticate_webauthn"}
ALWAYS_OPEN = {"accounts:second_factor", "account_reauthenticate", "account_logout"}
JUST_SET_UP = "second_factor_set_up_by"  # session: who did, and so has shown it


class Adapter(DefaultMFAAdapter):
    """allauth's second factor: its secrets sealed in the table, and the last factor kept where a brand asks for one."""

    error_messages: ClassVar[dict[str, str | Promise]] = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": gettext_lazy("This code is not correct, or has been used already. Wait for the next one."),
        "cannot_delete_authenticator": gettext_lazy(
            "Your brand asks its staff for a second factor: set up another one before you remove this one."
        ),
    }

    def encrypt(self, text: str) -> str:
        return seal(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text.encode())

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        others = factors_of(authenticator.user).exclude(pk=authenticator.pk)
        return others.exists() or not strict_brands(authenticator.user)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return _("Key %(number)s") % {"number": number}


def factors_of(user: User) -> QuerySet[Authenticator]:
    """What they can show at the door. Recovery codes alone are no factor: they stand in for one."""
    return Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES)


def strict_brands(user: User) -> list[Brand]:
    """The brands that ask this person for a second factor."""
    return list(Brand.objects.visible_to(user).filter(requires_second_factor=True))


def has_shown_factor(request: HttpRequest) -> bool:
    """Has whoever sits before this session shown a second factor, or set one up in it?"""
    if request.session.get(JUST_SET_UP) == request.user.pk:
        return True
    return any(record["method"] == "mfa" for record in get_authentication_records(request, request.user))


class SecondFactorMiddleware:
    """Staff of a brand that asks for a second factor come no further than where it is set up or shown.

    In one place for the desk, the portal as staff see it, and whatever else a session opens. What needs no sign-in
    stays open to them as to everybody.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        user: Any = request.user
        if getattr(request, "sets_up_first_factor", False) and factors_of(user).exists():
            request.session[JUST_SET_UP] = user.pk
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        user: Any = request.user
        if not getattr(view, "login_required", True) or not user.is_authenticated or not user.owes_second_factor:
            return None
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in ALWAYS_OPEN or has_shown_factor(request):
            return None
        if factors_of(user).exists():
            # Nothing else of the second factor: who has but the password must not add a factor of their own.
            return None if name in SHOWING else way_to(request, page_to_show_it(user))
        request.sets_up_first_factor = name in SETTING_UP  # type: ignore[attr-defined]  # ours, for the way back
        return None if name.startswith("mfa_") else way_to(request, reverse("accounts:second_factor"))


def page_to_show_it(user: User) -> str:
    has_codes = factors_of(user).filter(type=Authenticator.Type.TOTP).exists()
    return reverse("mfa_reauthenticate" if has_codes else "mfa_reauthenticate_webauthn")


def way_to(request: HttpRequest, page: str) -> HttpResponse:
    """There, and then back to what was asked for."""
    url = f"{page}?{urlencode({'next': request.get_full_path()})}"
    if request.headers.get("HX-Request"):  # as a fragment it would stand in the middle of the desk
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)
