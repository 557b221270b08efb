"""Writing down what was changed, so that it can be measured."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand, User
from affiliates.models import Affiliate, Product, TrackingLink
from insights.actions import Subject
from insights.models import Action, Finding
from insights.outcomes import today_of
from surveys.models import Aspect, Fact

# Half a year before a slip of the pen such as the year 1 there is no calendar any more.
NOT_TOO_EARLY = MinValueValidator(date(1990, 1, 1))
KINDS = {"aspect": Finding.Kind.IMPROVE, "fact": Finding.Kind.MISSING}


@dataclass(frozen=True)
class Change:
    """What somebody writes down: what they changed, when, and which figure it should move, of what.

    `aim`: where the figure should get, in percent or points of NPS.
    """

    text: str
    changed_on: date
    subject: Subject
    link: TrackingLink | None = None
    product: Product | None = None
    aim: Decimal | None = None


@transaction.atomic
def write_action(brand: Brand, affiliate: Affiliate | None, change: Change, *, by: User, now: datetime) -> Action:
    """By an affiliate, or without one by the brand. A finding that it is about is in progress from then on."""
    check_change(brand, affiliate, change, now=now)
    if affiliate and (same := _written_just_so(affiliate, change)):
        return same
    finding = _finding_of(brand, affiliate, change.subject)
    action = Action.objects.create(
        brand=brand, affiliate=affiliate, finding=finding, written_by=by, **_columns(change)
    )  # fmt: skip
    if finding:
        Finding.objects.filter(pk=finding.pk, status=Finding.Status.OPEN).update(
            status=Finding.Status.IN_PROGRESS, updated_at=now
        )
    return action


def _written_just_so(affiliate: Affiliate, change: Change) -> Action | None:
    """A second click writes nothing twice. One after the other, since both may come at once."""
    Affiliate.objects.select_for_update(no_key=True).get(pk=affiliate.pk)
    return Action.objects.filter(affiliate=affiliate, closed_on=None, **_columns(change)).first()


@transaction.atomic
def edit_action(action: Action, change: Change, *, now: datetime) -> None:
    """A closed one stays as it was measured."""
    action = Action.objects.select_for_update(of=("self",)).select_related("brand", "affiliate").get(pk=action.pk)
    if not action.is_open:
        raise ValidationError(_("This action is closed."))
    check_change(action.brand, action.affiliate, change, now=now)
    columns = _columns(change) | {"finding": _finding_of(action.brand, action.affiliate, change.subject)}
    for name, value in columns.items():
        setattr(action, name, value)
    action.save(update_fields=[*columns, "updated_at"])


def close_action(action: Action, *, now: datetime) -> bool:
    """Measure up to today and no further. False: it was closed already."""
    today = max(today_of(action.brand, now), action.changed_on)
    return bool(Action.objects.filter(pk=action.pk, closed_on=None).update(closed_on=today, updated_at=now))


def check_change(brand: Brand, affiliate: Affiliate | None, change: Change, *, now: datetime) -> None:
    """Raises ValidationError by field: what nobody can measure is not written down."""
    errors: dict[str, str] = {}
    if not change.text.strip():
        errors["text"] = _("Say what you changed.")
    if change.changed_on > today_of(brand, now):
        errors["changed_on"] = _("This day has not come yet.")
    try:
        NOT_TOO_EARLY(change.changed_on)
    except ValidationError as refusal:
        errors["changed_on"] = refusal.messages[0]
    if not _is_measured(brand, change.subject):
        errors["about"] = _("Choose one of the figures.")
    if change.aim is not None and not (-100 if change.subject.is_nps else 0) <= change.aim <= 100:
        errors["aim"] = _("A share lies between 0 and 100, and the NPS between −100 and 100.")
    if change.link and (affiliate is None or change.link.affiliate_id != affiliate.pk):
        errors["link"] = _("Choose one of your links.")
    if change.product and (affiliate is not None or change.product.brand_id != brand.pk):
        errors["product"] = _("Choose a product of the brand.")
    if errors:
        raise ValidationError(errors)


def _is_measured(brand: Brand, subject: Subject) -> bool:
    if subject.kind == "figure":
        return True
    entries = Aspect if subject.kind == "aspect" else Fact
    return entries.objects.filter(brand=brand, code=subject.key).exists()


def _finding_of(brand: Brand, affiliate: Affiliate | None, subject: Subject) -> Finding | None:
    kind = KINDS.get(subject.kind)
    return (
        Finding.objects.filter(brand=brand, affiliate=affiliate, kind=kind, key=subject.key).first() if kind else None
    )


def _columns(change: Change) -> dict[str, Any]:
    return {
        "text": change.text.strip(),
        "changed_on": change.changed_on,
        "subject": change.subject.kind,
        "key": change.subject.key,
        "link": change.link,
        "product": change.product,
        "aim": change.aim,
    }
