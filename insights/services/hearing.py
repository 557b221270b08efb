"""Affiliates write down what customers told them directly."""

from dataclasses import dataclass
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from affiliates.models import Affiliate
from insights.models import HeardFeedback
from insights.outcomes import today_of
from insights.services.conversing import refuse_personal_data


@dataclass(frozen=True)
class Heard:
    """`theme` is the code of an aspect, or nothing."""

    heard_on: date
    kind: str
    theme: str
    text: str


def write_heard(affiliate: Affiliate, heard: Heard, *, by: User, now: datetime) -> HeardFeedback:
    """A second click writes nothing twice. Who said it is not written down: what leads to a person is refused."""
    if heard.heard_on > today_of(affiliate.brand, now):
        raise ValidationError({"heard_on": _("That day has not come yet.")})
    refuse_personal_data(heard.text, affiliate.brand)
    with transaction.atomic():
        Affiliate.objects.select_for_update(no_key=True).get(pk=affiliate.pk)  # both clicks may come at once
        if same := HeardFeedback.objects.filter(**vars(heard), affiliate=affiliate).first():
            return same
        return HeardFeedback.objects.create(
            **vars(heard), brand=affiliate.brand, affiliate=affiliate, written_by=by, created_at=now
        )


def forget_heard(heard: HeardFeedback) -> None:
    """It rests on nothing and counts nowhere."""
    heard.delete()
