"""Links that people follow to the shop: each leads to a host of the brand. And how affiliates get in."""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import add_refusal
from accounts.middleware import for_visitors, in_their_language, wordless
from accounts.models import Brand, User
from accounts.secret_links import client_address, secret_link
from affiliates.destinations import is_allowed_destination
from affiliates.forms import ApplicationForm, JoinForm
from affiliates.models import Customer
from affiliates.selectors import invitation_for, link_target, staff_invitation_for
from affiliates.services import (
    accept_invitation,
    accept_staff_invitation,
    apply_to_programme,
    is_code,
    kind_of_visit,
    record_click,
)
from affiliates.sub_ids import read_sub_ids
from affiliates.visitors import is_pressing, key_of_the_day

HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}  # a link is followed anew each time


@for_visitors
@wordless
@require_safe
def follow_link(request: HttpRequest, code: str) -> HttpResponse:
    """Store the click, then lead on to the shop with its id: what the shop hands back has been stored before."""
    target = link_target(code) if is_code(code) else None
    if target is None:
        return no_way_on(request, "affiliates/link_unknown.html", status=404)
    if not target.is_open:
        return no_way_on(request, "affiliates/link_paused.html", status=410)
    now = timezone.now()
    user_agent = request.META.get("HTTP_USER_AGENT", "")
    visitor = key_of_the_day(target.brand_id, client_address(request), user_agent, now.date())
    kind = kind_of_visit(request.method or "", user_agent)
    is_own = is_member(request.user, target.affiliate_id)
    public_id = record_click(
        target.link_id,
        kind=kind,
        visitor=visitor,
        occurred_at=now,
        is_own_device=is_own,
        sub_ids=dict(target.sub_ids) | (read_sub_ids(request.GET) if request.META.get("QUERY_STRING") else {}),
    )
    # Not by HttpResponseRedirect, which would look at each address anew: this one was looked at when it was read.
    return HttpResponse(status=302, headers={"Location": target.address(public_id), **HEADERS})


@for_visitors
@require_safe
def follow_recommendation(request: HttpRequest, code: str) -> HttpResponse:
    """A customer's own link leads to the front page of the shop, with the code that the shop hands back."""
    referrer = Customer.objects.filter(referral_code=code).select_related("brand").first() if is_code(code) else None
    if referrer is None:
        return no_way_on(request, "affiliates/link_unknown.html", status=404)
    destination = f"https://{referrer.brand.allowed_hosts[0]}/" if referrer.brand.allowed_hosts else ""
    if not is_allowed_destination(destination, referrer.brand.allowed_hosts):
        return no_way_on(request, "affiliates/link_paused.html", status=410)
    return HttpResponseRedirect(f"{destination}?pv_ref={quote(code)}", headers=HEADERS)


def is_member(user: User | AnonymousUser, affiliate_id: int) -> bool:
    """Asks the database only where somebody is signed in: buyers are not."""
    return user.is_authenticated and user.affiliate_members.filter(affiliate=affiliate_id).exists()


def no_way_on(request: HttpRequest, page: str, *, status: int) -> HttpResponse:
    def show(request: HttpRequest) -> HttpResponse:
        return HttpResponse(render_to_string(page, request=request), status=status, headers=HEADERS)

    return in_their_language(request, show)


# --- How affiliates get in -------------------------------------------------------------------------------------------
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: HttpRequest, brand: str) -> HttpResponse:
    """Ask to sell for a brand. The answer is the same for who is known already."""
    asked = get_object_or_404(Brand, slug=brand, accepts_applications=True)
    form = ApplicationForm(request.POST if request.method == "POST" else None, label_suffix="")
    if form.is_valid():
        if is_pressing(request):
            return render(
                request, "affiliates/apply.html", {"brand": asked, "form": form, "is_pressing": True}, status=429
            )
        apply_to_programme(asked, **form.cleaned_data, now=timezone.now())
        return redirect("affiliates:applied", asked.slug)
    return render(request, "affiliates/apply.html", {"brand": asked, "form": form})


@login_not_required
@require_safe
def applied(request: HttpRequest, brand: str) -> HttpResponse:
    asked = get_object_or_404(Brand, slug=brand, accepts_applications=True)
    return render(request, "affiliates/applied.html", {"brand": asked})


@secret_link
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Become a member by the link in the mail: with a new password, or with the account one has."""
    now = timezone.now()
    invitation = invitation_for(token, now=now)
    if invitation is None:
        raise Http404
    context = {"invitation": invitation, "brand": invitation.affiliate.brand}
    accept = partial(accept_invitation, invitation, now=now)
    return ask_to_join(request, invitation.email, "affiliates/join.html", context, accept)


@secret_link
@require_http_methods(["GET", "HEAD", "POST"])
def join_staff(request: HttpRequest, token: str) -> HttpResponse:
    """Work for a brand from now on, by the link in the mail."""
    now = timezone.now()
    invitation = staff_invitation_for(token, now=now)
    if invitation is None:
        raise Http404
    context = {"invitation": invitation, "brand": invitation.brand}
    accept = partial(accept_staff_invitation, invitation, now=now)
    return ask_to_join(request, invitation.email, "affiliates/join_staff.html", context, accept)


def ask_to_join(
    request: HttpRequest, email: str, page: str, context: dict[str, Any], accept: Callable[..., Any]
) -> HttpResponse:
    """With the account that this address has, else with a name and a password. Then on to sign-in."""
    has_account = User.objects.filter(email=email).exists()
    form_class = forms.Form if has_account else JoinForm
    form = form_class(request.POST if request.method == "POST" else None, label_suffix="")
    if form.is_valid():
        try:
            accept(**form.cleaned_data)
        except ValidationError as refusal:
            add_refusal(form, refusal)
        else:
            return redirect(f"{reverse('account_login')}?joined")
    return render(request, page, context | {"has_account": has_account, "form": form})
