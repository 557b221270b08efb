"""Who works for a brand: invited by mail, given another role, let go. A brand keeps one administrator at least."""

import uuid
from datetime import datetime, timedelta

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import AuditEntry, Brand, Membership, Role, User
from accounts.services import record_change
from accounts.sessions import end_sessions
from affiliates.models import StaffInvitation
from affiliates.services.members import create_user
from mailing.models import OutgoingMail
from mailing.services import MailRequest, cancel_mails, queue_mail

Action = AuditEntry.Action
INVITATION_LASTS = timedelta(days=7)
MAX_INVITATIONS_A_DAY = 20  # of one brand: whoever may invite must not be able to flood mailboxes


@transaction.atomic
def invite_staff(brand: Brand, email: str, *, role: str, by: User, now: datetime) -> StaffInvitation:
    """Write to them with a link that works once, for a week; an earlier link of theirs works no more.

    ValidationError: not an address or role, they work here, or too many within a day. PermissionDenied: `by` is no
    administrator.
    """
    locked = _locked(brand, by=by)
    address = User.objects.normalize_email(email)
    if Membership.objects.filter(brand=locked, user__email=address).exists():
        raise ValidationError({"email": ValidationError(_("This person works for the brand already."), "known")})
    sent = StaffInvitation.objects.filter(brand=locked, created_at__gt=now - timedelta(days=1))
    if sent.count() >= MAX_INVITATIONS_A_DAY:
        raise ValidationError(_("These are enough invitations for one day. Go on tomorrow."), "too_many")
    _withdraw(locked, address, now=now)
    invitation = StaffInvitation(
        brand=locked, email=address, role=role, invited_by=by, created_at=now, expires_at=now + INVITATION_LASTS
    )
    invitation.clean_fields(exclude=["mail"])
    invitation.mail = _queue(invitation, by=by, now=now)
    invitation.save(force_insert=True)
    record_change(by, locked, Action.ADDED, invitation, role=role)
    return invitation


@transaction.atomic
def withdraw_staff_invitation(invitation: StaffInvitation, *, by: User, now: datetime) -> None:
    """The link in its mail opens nothing from now on. ValidationError: it was used or withdrawn already."""
    brand = _locked(invitation.brand, by=by)
    if not _withdraw(brand, invitation.email, now=now):
        raise ValidationError(_("This invitation has been used or withdrawn already."), "used_up")
    record_change(by, brand, Action.CHANGED, invitation, state=["pending", "withdrawn"])


@transaction.atomic
def accept_staff_invitation(
    invitation: StaffInvitation, *, name: str = "", password: str = "", now: datetime
) -> Membership:
    """Whoever got the mail works for the brand; with an account of theirs they keep its password, else choose one.

    ValidationError: the link is used up, or the password is too weak.
    """
    brand = Brand.objects.select_for_update(no_key=True).get(pk=invitation.brand_id)
    locked = StaffInvitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    user = User.objects.filter(email=locked.email).first()
    if not locked.is_usable(now) or (user and not user.is_active):
        raise ValidationError(_("This invitation is no longer valid. Ask for another one."), "used_up")
    user = user or create_user(locked.email, name=name, password=password, timezone=brand.timezone)
    if not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
    membership, made = Membership.objects.get_or_create(user=user, brand=brand, defaults={"role": locked.role})
    if made:
        record_change(user, brand, Action.ADDED, membership, role=locked.role)
    locked.accepted_at = now
    locked.save(update_fields=["accepted_at"])
    return membership


@transaction.atomic
def change_staff_role(membership: Membership, role: str, *, by: User, now: datetime) -> None:
    """ValidationError: no role, or the brand would be without an administrator."""
    brand = _locked(membership.brand, by=by)
    if role not in Role.values:
        raise ValidationError({"role": ValidationError(_("This is no role."), "invalid")})
    if role != Role.ADMIN:
        _keep_an_administrator(brand, without=membership.user)
    before = Membership.objects.get(pk=membership.pk).role
    Membership.objects.filter(pk=membership.pk).update(role=role)
    record_change(by, brand, Action.CHANGED, membership, role=[before, role])


@transaction.atomic
def remove_staff(membership: Membership, *, by: User, now: datetime) -> None:
    """They work for this brand no more; what they did stays, as does their account. ValidationError: the last one."""
    brand = _locked(membership.brand, by=by)
    _keep_an_administrator(brand, without=membership.user)
    user = membership.user
    record_change(by, brand, Action.DELETED, membership, role=membership.role, person=user.pk)
    membership.delete()
    if user.is_staff and not user.is_superuser and not user.memberships.exists():
        user.is_staff = False
        user.save(update_fields=["is_staff"])


@transaction.atomic
def deactivate_person(user: User, *, by: User, now: datetime) -> None:
    """They sign in no more, from this moment on, and are kept. ValidationError: oneself, or somebody whom others need.

    Closing an account closes it for all: only whoever administers every place where it is used may do that.
    """
    if user == by:
        raise ValidationError(_("You cannot close your own account."), "oneself")
    _administers_alone(user, by=by)
    for membership in user.memberships.select_related("brand").order_by("brand"):
        brand = _locked(membership.brand, by=by)
        _keep_an_administrator(brand, without=user)
        record_change(by, brand, Action.CHANGED, user, is_active=[True, False])
    User.objects.filter(pk=user.pk).update(is_active=False)


@transaction.atomic
def reactivate_person(user: User, *, by: User, now: datetime) -> None:
    """They sign in again as before. ValidationError: they are somebody else's business too."""
    _administers_alone(user, by=by)
    for brand in Brand.objects.filter(memberships__user=user):
        record_change(by, brand, Action.CHANGED, user, is_active=[False, True])
    User.objects.filter(pk=user.pk).update(is_active=True)


@transaction.atomic
def forget_second_factor(user: User, *, by: User, now: datetime) -> None:
    """For whoever lost phone and codes: all of their factors go, they are signed out everywhere, and are told.

    ValidationError: oneself, or, unless an operator does it, they are somebody else's business too.
    """
    if user == by:
        raise ValidationError(_("You take away your own in your account."), "oneself")
    if not by.is_superuser:
        _administers_alone(user, by=by)
    Authenticator.objects.filter(user=user).delete()
    end_sessions(user, keep=None)
    for brand in Brand.objects.filter(memberships__user=user):
        record_change(by, brand, Action.CHANGED, user, second_factor=[True, False])
    title = _("Your second factor was taken away")
    text = _(
        "Sign in with your password, and set up another. Did you not ask for it? Tell whoever invited you, at once."
    )
    get_adapter().send_account_mail(user, to=user.email, title=title, paragraphs=[text])


def _administers_alone(user: User, *, by: User) -> None:
    elsewhere = user.memberships.exclude(brand__in=Brand.objects.administered_by(by))
    if user.is_superuser or elsewhere.exists() or user.affiliate_members.exists():
        raise ValidationError(
            _("This account is used in other places too: take away the role in your brand instead."), "elsewhere"
        )


def _keep_an_administrator(brand: Brand, *, without: User) -> None:
    """The brand is locked: two administrators who remove each other do not both succeed."""
    administrators = Membership.objects.filter(brand=brand, role=Role.ADMIN, user__is_active=True)
    is_one = administrators.filter(user=without).exists()
    if is_one and not administrators.exclude(user=without).exists():
        raise ValidationError(_("A brand needs an administrator: name another one first."), "last_administrator")


def _locked(brand: Brand, *, by: User) -> Brand:
    locked = Brand.objects.select_for_update(no_key=True).get(pk=brand.pk)
    if by.role_in(locked) != Role.ADMIN:
        raise PermissionDenied(_("Only an administrator decides who works for the brand."))
    return locked


def _withdraw(brand: Brand, email: str, *, now: datetime) -> int:
    """Its mail stays unsent where it can."""
    pending = StaffInvitation.objects.filter(brand=brand, email=email).pending()
    cancel_mails(pending.values("mail"), reason=OutgoingMail.Reason.TAKEN_BACK)
    return pending.update(withdrawn_at=now)


def _queue(invitation: StaffInvitation, *, by: User, now: datetime) -> OutgoingMail:
    brand = invitation.brand
    language = User.objects.filter(email=invitation.email).values_list("language", flat=True).first() or ""
    return queue_mail(
        MailRequest(
            brand=brand,
            template="affiliates/staff_invitation",
            to=invitation.email,
            language=brand.language_for(language),
            dedupe_key=f"staff:{uuid.uuid4()}",
            guarantee=OutgoingMail.Guarantee.AT_LEAST_ONCE,
            not_before=now,
            expires_at=invitation.expires_at,
            context={"by": str(by), "days": INVITATION_LASTS.days},
        )
    )
