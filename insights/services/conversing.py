"""Affiliate and brand write to each other about a finding, and never about a customer."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import Brand, User
from affiliates.models import Affiliate
from insights.models import Finding, FindingMessage
from surveys.models import Aspect
from surveys.redaction import find_personal_data

REFUSED = gettext_noop(
    "It holds an e-mail address, a telephone number or another number that leads to a person. "
    "Take it out: customers are not named here, by either side."
)
# What leads to a person. Addresses of pages do not: one's own video is what it may be about.
PERSONAL = frozenset({"email", "order", "account", "card", "id_document", "phone"})


def write_to_brand(affiliate: Affiliate, kind: str, key: str, text: str, *, by: User, now: datetime) -> FindingMessage:
    """About what stands on one of the affiliate's boards; with the first message it is a finding."""
    refuse_personal_data(text, affiliate.brand)
    with transaction.atomic():
        about = {"brand": affiliate.brand, "affiliate": affiliate, "kind": kind, "key": key}
        owner = _owner(affiliate, kind, key)
        finding, _is_new = Finding.objects.get_or_create(**about, defaults={"owner": owner})
        return _write(finding, text, is_from_brand=False, by=by, now=now)


def answer_affiliate(finding: Finding, text: str, *, by: User, now: datetime) -> FindingMessage:
    """The brand's word. What it looks after is in progress from then on."""
    refuse_personal_data(text, finding.brand)
    with transaction.atomic():
        message = _write(finding, text, is_from_brand=True, by=by, now=now)
        Finding.objects.filter(pk=finding.pk, status=Finding.Status.OPEN).update(
            status=Finding.Status.IN_PROGRESS, updated_at=now
        )
        return message


def mark_read(finding: Finding, *, now: datetime) -> None:
    """Somebody of the affiliate has opened it."""
    FindingMessage.objects.unread_by_affiliate().filter(finding=finding).update(read_at=now)


def refuse_personal_data(text: str, brand: Brand) -> None:
    if any(kind in PERSONAL for _start, _end, kind in find_personal_data(text, regions=[brand.country])):
        raise ValidationError(_(REFUSED))


def _write(finding: Finding, text: str, *, is_from_brand: bool, by: User, now: datetime) -> FindingMessage:
    """A second click says nothing new: the same words as the last, from the same hand, are the same message."""
    Finding.objects.select_for_update().get(pk=finding.pk)
    last = FindingMessage.objects.filter(finding=finding).order_by("-written_at", "-pk").first()
    if last and (last.text, last.written_by_id, last.is_from_brand) == (text, by.pk, is_from_brand):
        return last
    return FindingMessage.objects.create(
        finding=finding, is_from_brand=is_from_brand, written_by=by, text=text, written_at=now
    )


def _owner(affiliate: Affiliate, kind: str, key: str) -> str:
    if kind == Finding.Kind.MISSING:
        return Aspect.Owner.AFFILIATE  # what to tell before a sale is told by whoever sells
    owners = Aspect.objects.filter(brand=affiliate.brand, code=key).values_list("owner", flat=True)
    return owners.first() or Aspect.Owner.BRAND
