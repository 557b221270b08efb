"""An affiliate's way through the programme: applied or invited, active, suspended, active again, all on record."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand, User
from affiliates.models import Affiliate, AffiliateEvent, AffiliateMember, random_code
from affiliates.services.links import CodeTaken, check_code, errors_of, taking_code
from affiliates.services.members import invite_member, withdraw_invitations
from affiliates.services.telling import hush

Status = Affiliate.Status
Kind = AffiliateEvent.Kind


@transaction.atomic
def apply_to_programme(brand: Brand, *, name: str, email: str, text: str = "", now: datetime) -> None:
    """Ask to sell for the brand. Who is known there already changes nothing, and nobody is told so.

    ValidationError: a field does not hold.
    """
    address = User.objects.normalize_email(email)
    Brand.objects.select_for_update(no_key=True).get(pk=brand.pk)  # the second of two at once finds the first
    applicant = Affiliate(brand=brand, code=random_code(), name=name.strip(), email=address, status=Status.APPLIED)
    applicant.full_clean()
    is_member = AffiliateMember.objects.filter(affiliate__brand=brand, user__email=address).exists()
    if is_member or Affiliate.objects.filter(brand=brand, email__iexact=address).exists():
        return
    applicant.save(force_insert=True)
    AffiliateEvent.objects.create(affiliate=applicant, kind=Kind.APPLIED, at=now, note=text.strip()[:1000])


@transaction.atomic
def enter_affiliate(affiliate: Affiliate, *, by: User | None, now: datetime) -> Affiliate:
    """Store a new affiliate as filled in: active from now on, or invited, and active once they follow the link by mail.

    ValidationError: a field does not hold, the code is taken, or an invitation has no address.
    """
    _check_code_is_free(affiliate)
    affiliate.email = User.objects.normalize_email(affiliate.email)
    affiliate.joined_at = now if affiliate.is_active else None
    affiliate.full_clean()
    is_invited = affiliate.status == Status.INVITED
    if is_invited and not affiliate.email:
        raise ValidationError({"email": ValidationError(_("An invitation needs an address."), "required")})
    with _code_errors():
        affiliate.save(force_insert=True)
    _record(affiliate, Kind.INVITED if is_invited else Kind.APPROVED, by=by, now=now)
    if is_invited:
        invite_member(affiliate, affiliate.email, by=by, now=now)
    return affiliate


@transaction.atomic
def approve_affiliate(affiliate: Affiliate, *, code: str, by: User, now: datetime) -> Affiliate:
    """Let an applicant in under this code, for good; they get a link by mail to sign in as the owner.

    ValidationError: not an applicant, or a code that cannot be.
    """
    locked = _locked(affiliate, Status.APPLIED)
    locked.code = code.strip()
    _check_code_is_free(locked)
    locked.status, locked.joined_at = Status.ACTIVE, now
    with _code_errors():
        locked.save(update_fields=["code", "status", "joined_at", "updated_at"])
    _record(locked, Kind.APPROVED, by=by, now=now)
    if locked.email:
        invite_member(locked, locked.email, by=by, now=now)
    return locked


@transaction.atomic
def suspend_affiliate(affiliate: Affiliate, *, note: str, by: User, now: datetime) -> Affiliate:
    """Nothing is credited to them from now on, and links in invitations open nothing; what they have stays theirs.

    An applicant or somebody invited is declined so. ValidationError: no reason, or suspended already.
    """
    if not note.strip():
        raise ValidationError({"note": ValidationError(_("Say why: the reason stays on record."), "required")})
    locked = _locked(affiliate, Status.APPLIED, Status.INVITED, Status.ACTIVE)
    kind = Kind.SUSPENDED if locked.is_active else Kind.DECLINED
    locked.status = Status.SUSPENDED
    locked.save(update_fields=["status", "updated_at"])
    withdraw_invitations(locked, now=now)
    hush(locked, now=now)
    _record(locked, kind, by=by, now=now, note=note.strip())
    return locked


@transaction.atomic
def reactivate_affiliate(affiliate: Affiliate, *, by: User, now: datetime) -> Affiliate:
    """ValidationError: not suspended."""
    locked = _locked(affiliate, Status.SUSPENDED)
    locked.status, locked.joined_at = Status.ACTIVE, locked.joined_at or now
    locked.save(update_fields=["status", "joined_at", "updated_at"])
    _record(locked, Kind.REACTIVATED, by=by, now=now)
    return locked


def _locked(affiliate: Affiliate, *expected: str) -> Affiliate:
    locked = Affiliate.objects.select_related("brand").select_for_update(of=("self",), no_key=True).get(pk=affiliate.pk)
    if locked.status not in expected:
        message = _("This cannot be done: the affiliate is %(status)s.")
        raise ValidationError(message, "status", {"status": locked.get_status_display()})
    return locked


def _check_code_is_free(affiliate: Affiliate) -> None:
    with errors_of("code"):
        check_code(affiliate.code)
    if Affiliate.objects.filter(brand=affiliate.brand_id, code=affiliate.code).exclude(pk=affiliate.pk).exists():
        raise _taken()


@contextmanager
def _code_errors() -> Iterator[None]:
    """ValidationError: somebody else took the code meanwhile."""
    try:
        with taking_code():
            yield
    except CodeTaken as clash:
        raise _taken() from clash


def _taken() -> ValidationError:
    return ValidationError({"code": ValidationError(_("This code is in use already."), "taken")})


def _record(affiliate: Affiliate, kind: str, *, by: User | None, now: datetime, note: str = "") -> None:
    AffiliateEvent.objects.create(affiliate=affiliate, kind=kind, by=by, at=now, note=note)
