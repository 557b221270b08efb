"""Who signs in for an affiliate: its owners invite people, say what they may do, and let them go."""

from collections.abc import Sequence

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.clock import database_now
from accounts.forms import add_refusal
from accounts.models import User
from affiliates.models import AffiliateMember
from affiliates.services import change_role, invite_member, remove_member, withdraw_invitation
from dashboards.forms import InvitationForm, InvitePersonForm, PersonForm
from dashboards.selectors import Reader, invitations_of, people_of
from dashboards.views.opening import affiliate_page, show


@require_http_methods(["GET", "POST"])
@affiliate_page
def people(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Who signs in, and who is invited to. An owner invites: again, and the link sent before works no more."""
    is_inviting = request.method == "POST"
    owner = owner_of(reader) if is_inviting else None
    form = InvitePersonForm(request.POST if is_inviting else None, label_suffix="")
    if form.is_valid():
        try:
            invite_member(reader.affiliate, **form.cleaned_data, by=owner, now=database_now())
        except ValidationError as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, _("The invitation is on its way to %(email)s.") % form.cleaned_data)
            return redirect(reader.urls["people"])
    everybody = list(people_of(reader))
    context = {
        "form": form,
        "people": everybody,
        "last_owner": last_owner(everybody) if reader.may_manage_people else None,
        "invitations": invitations_of(reader, now=database_now()),
    }
    return show(request, reader, "people", **context)


@require_POST
@affiliate_page
def change_person(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Make a member an owner, or the other way round."""
    owner = owner_of(reader)
    form = PersonForm(people_of(reader), request.POST)
    if form.is_valid():
        try:
            change_role(form.cleaned_data["person"], form.cleaned_data["role"], by=owner, now=database_now())
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
        else:
            messages.success(request, _("The role is changed."))
    return redirect(reader.urls["people"])


@require_http_methods(["GET", "POST"])
@affiliate_page
def remove_person(request: HttpRequest, reader: Reader) -> HttpResponse:
    """Ask first; with the answer yes, they sign in for this affiliate no more."""
    owner = owner_of(reader)
    form = PersonForm(people_of(reader), request.POST)
    if not form.is_valid():  # gone meanwhile, or nobody named
        return redirect(reader.urls["people"])
    person = form.cleaned_data["person"]
    if request.POST.get("sure") != "yes":
        return show(request, reader, "remove_person", person=person)
    try:
        remove_member(person, by=owner, now=database_now())
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect(reader.urls["people"])
    messages.success(request, _("%(person)s signs in for the affiliate no more.") % {"person": person.user})
    return redirect("accounts:home" if person.user_id == owner.pk else reader.urls["people"])


@require_POST
@affiliate_page
def take_back_invitation(request: HttpRequest, reader: Reader) -> HttpResponse:
    owner = owner_of(reader)
    form = InvitationForm(reader.affiliate, request.POST)
    if form.is_valid():
        try:
            withdraw_invitation(form.cleaned_data["invitation"], by=owner, now=database_now())
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
        else:
            messages.success(request, _("The invitation is withdrawn: its link opens nothing now."))
    return redirect(reader.urls["people"])


def last_owner(everybody: Sequence[AffiliateMember]) -> AffiliateMember | None:
    owners = [each for each in everybody if each.role == AffiliateMember.Role.OWNER]
    return owners[0] if len(owners) == 1 else None


def owner_of(reader: Reader) -> User:
    if reader.member is None or not reader.may_manage_people:
        raise PermissionDenied
    return reader.member.user
