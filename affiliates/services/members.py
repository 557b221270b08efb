"""People who sign in for an affiliate: invited by mail, and let go again. An affiliate keeps one owner at least."""

import uuid
from datetime import datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from affiliates.models import Affiliate, AffiliateEvent, AffiliateMember, MemberInvitation
from mailing.addresses import abridged
from mailing.models import OutgoingMail
from mailing.services import MailRequest, cancel_mails, queue_mail

INVITATION_LASTS = timedelta(days=14)
MAX_INVITATIONS_A_DAY = 20  # of one affiliate: whoever may invite must not be able to flood a mailbox
Kind = AffiliateEvent.Kind


@transaction.atomic
def invite_member(
    affiliate: Affiliate, email: str, *, role: str = AffiliateMember.Role.OWNER, by: User | None, now: datetime
) -> MemberInvitation:
    """Write to them with a link that works once, for two weeks; an earlier link of theirs works no more.

    ValidationError: not an address or role, they are a member, too many within a day, or the affiliate is suspended.
    """
    address = User.objects.normalize_email(email)
    locked = _locked(affiliate)
    if locked.status == Affiliate.Status.SUSPENDED:
        raise ValidationError(_("This affiliate is suspended."), "suspended")
    if AffiliateMember.objects.filter(affiliate=locked, user__email=address).exists():
        raise ValidationError({"email": ValidationError(_("This person signs in for the affiliate already."), "known")})
    if locked.invitations.filter(created_at__gt=now - timedelta(days=1)).count() >= MAX_INVITATIONS_A_DAY:
        raise ValidationError(_("These are enough invitations for one day. Go on tomorrow."), "too_many")
    withdraw_invitations(locked, now=now, email=address)
    invitation = MemberInvitation(
        affiliate=locked, email=address, role=role, invited_by=by, created_at=now, expires_at=now + INVITATION_LASTS
    )
    invitation.clean_fields(exclude=["mail"])
    invitation.mail = _queue(invitation, now=now)
    invitation.save(force_insert=True)
    AffiliateEvent.objects.create(affiliate=locked, kind=Kind.MEMBER_INVITED, by=by, at=now, note=abridged(address))
    return invitation


def withdraw_invitations(affiliate: Affiliate, *, now: datetime, email: str | None = None) -> int:
    """Links not used yet, to all or to one address, open nothing from now on; their mail stays unsent where it can."""
    pending = affiliate.invitations.pending()
    if email is not None:
        pending = pending.filter(email=email)
    cancel_mails(pending.values("mail"), reason=OutgoingMail.Reason.TAKEN_BACK)
    return pending.update(withdrawn_at=now)


@transaction.atomic
def withdraw_invitation(invitation: MemberInvitation, *, by: User, now: datetime) -> None:
    """The link in its mail opens nothing from now on. ValidationError: it was used or withdrawn already."""
    affiliate = _locked(invitation.affiliate)
    if not affiliate.invitations.pending().filter(pk=invitation.pk).exists():
        raise ValidationError(_("This invitation has been used or withdrawn already."), "used_up")
    withdraw_invitations(affiliate, now=now, email=invitation.email)
    note = abridged(invitation.email)
    AffiliateEvent.objects.create(affiliate=affiliate, kind=Kind.MEMBER_UNINVITED, by=by, at=now, note=note)


@transaction.atomic
def accept_invitation(invitation: MemberInvitation, *, name: str = "", password: str = "", now: datetime) -> User:
    """Whoever got the mail becomes a member; with an account of theirs they keep its password, else they choose one.

    ValidationError: the link is used up, or the password is too weak.
    """
    # The affiliate first, as whoever withdraws invitations locks it.
    affiliate = _locked(invitation.affiliate)
    locked = MemberInvitation.objects.select_for_update().get(pk=invitation.pk)
    user = User.objects.filter(email=locked.email).first()
    if not locked.is_usable(now) or affiliate.status == Affiliate.Status.SUSPENDED or (user and not user.is_active):
        raise ValidationError(_("This invitation is no longer valid. Ask for another one."), "used_up")
    user = user or create_user(locked.email, name=name, password=password)
    AffiliateMember.objects.get_or_create(affiliate=affiliate, user=user, defaults={"role": locked.role})
    locked.accepted_at = now
    locked.save(update_fields=["accepted_at"])
    AffiliateEvent.objects.create(affiliate=affiliate, kind=Kind.MEMBER_JOINED, by=user, at=now)
    if affiliate.status == Affiliate.Status.INVITED:
        affiliate.status, affiliate.joined_at = Affiliate.Status.ACTIVE, affiliate.joined_at or now
        affiliate.save(update_fields=["status", "joined_at", "updated_at"])
    return user


@transaction.atomic
def remove_member(member: AffiliateMember, *, by: User, now: datetime) -> None:
    """They sign in for this affiliate no more; their account stays. ValidationError: the last owner."""
    affiliate = _locked(member.affiliate)
    _keep_an_owner(affiliate, without=member)
    note = abridged(member.user.email)
    AffiliateEvent.objects.create(affiliate=affiliate, kind=Kind.MEMBER_REMOVED, by=by, at=now, note=note)
    member.delete()


@transaction.atomic
def change_role(member: AffiliateMember, role: str, *, by: User, now: datetime) -> None:
    """ValidationError: no role, or the last owner would be none."""
    affiliate = _locked(member.affiliate)
    if role not in AffiliateMember.Role.values:
        raise ValidationError({"role": ValidationError(_("This is no role."), "invalid")})
    if role != AffiliateMember.Role.OWNER:
        _keep_an_owner(affiliate, without=member)
    if AffiliateMember.objects.filter(pk=member.pk).exclude(role=role).update(role=role):
        note = f"{abridged(member.user.email)}: {AffiliateMember.Role(role).label}"
        AffiliateEvent.objects.create(affiliate=affiliate, kind=Kind.ROLE_CHANGED, by=by, at=now, note=note)


def _keep_an_owner(affiliate: Affiliate, *, without: AffiliateMember) -> None:
    owners = affiliate.members.filter(role=AffiliateMember.Role.OWNER)
    if owners.filter(pk=without.pk).exists() and owners.count() == 1:
        raise ValidationError(_("An affiliate needs an owner: name another one first."), "last_owner")


def create_user(email: str, *, name: str, password: str, timezone: str = "") -> User:
    """An account for whoever followed the link in their mail. ValidationError: the password is too weak."""
    user = User(email=email, name=name.strip(), timezone=timezone)
    try:
        validate_password(password, user)
    except ValidationError as refusal:
        raise ValidationError({"password": refusal}) from refusal
    user.set_password(password)
    user.full_clean(exclude=["password"])
    user.save()
    return user


def _queue(invitation: MemberInvitation, *, now: datetime) -> OutgoingMail:
    affiliate = invitation.affiliate
    language = User.objects.filter(email=invitation.email).values_list("language", flat=True).first() or ""
    return queue_mail(
        MailRequest(
            brand=affiliate.brand,
            template="affiliates/invitation",
            to=invitation.email,
            language=affiliate.brand.language_for(language),
            dedupe_key=f"member:{uuid.uuid4()}",
            guarantee=OutgoingMail.Guarantee.AT_LEAST_ONCE,
            not_before=now,
            expires_at=invitation.expires_at,
            context={"affiliate": affiliate.name, "days": INVITATION_LASTS.days},
        )
    )


def _locked(affiliate: Affiliate) -> Affiliate:
    return Affiliate.objects.select_related("brand").select_for_update(of=("self",), no_key=True).get(pk=affiliate.pk)
