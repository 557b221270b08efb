"""Affiliates from another tool or a spreadsheet, in sets. Nobody is written to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Brand
from affiliates.models import Affiliate, AffiliateEvent
from affiliates.services.inputs import FieldError, Status
from affiliates.services.links import is_code

TOLD = ("name", "public_name", "email")


@dataclass(frozen=True)
class AffiliateInput:
    """An affiliate as told. What is empty says nothing; `status` is where a new one begins."""

    code: str
    name: str = ""
    public_name: str = ""
    email: str = ""
    status: str = Affiliate.Status.ACTIVE


@dataclass(frozen=True)
class ImportedAffiliate:
    status: Status
    errors: tuple[FieldError, ...] = ()


@transaction.atomic
def import_affiliates(brand: Brand, inputs: Sequence[AffiliateInput], *, now: datetime) -> list[ImportedAffiliate]:
    """What became of each, in their order. One who is known learns names and address; where they stand stays."""
    Brand.objects.select_for_update(no_key=True).get(pk=brand.pk)  # two imports at once would add one twice
    found = Affiliate.objects.filter(brand=brand, code__in={given.code for given in inputs})
    known = {affiliate.code: affiliate for affiliate in found.select_for_update(no_key=True).order_by("pk")}
    new: dict[str, Affiliate] = {}
    changed: dict[str, Affiliate] = {}

    def take(given: AffiliateInput) -> ImportedAffiliate:
        if errors := tuple(_errors(given)):
            return ImportedAffiliate("rejected", errors)
        told = {name: value for name in TOLD if (value := getattr(given, name))}
        affiliate = known.get(given.code) or new.get(given.code)
        if affiliate is None:
            joined_at = now if given.status == Affiliate.Status.ACTIVE else None
            told.setdefault("name", given.code)
            new[given.code] = Affiliate(brand=brand, code=given.code, status=given.status, joined_at=joined_at, **told)
            return ImportedAffiliate("created")
        news = {name: value for name, value in told.items() if getattr(affiliate, name) != value}
        for name, value in news.items():
            setattr(affiliate, name, value)
        if news and given.code in known:
            affiliate.updated_at = timezone.now()
            changed[given.code] = affiliate
        return ImportedAffiliate("updated" if news else "duplicate")

    results = [take(given) for given in inputs]
    Affiliate.objects.bulk_create(new.values())
    Affiliate.objects.bulk_update(changed.values(), [*TOLD, "updated_at"])
    AffiliateEvent.objects.bulk_create(
        AffiliateEvent(affiliate=affiliate, kind=AffiliateEvent.Kind.IMPORTED, at=now) for affiliate in new.values()
    )
    return results


def _errors(given: AffiliateInput) -> Iterator[FieldError]:
    if not is_code(given.code):
        message = _("A code has up to 60 letters, digits, dots, hyphens and underscores.")
        yield FieldError("code", "invalid_code", message)
    if given.status not in Affiliate.Status.values:
        yield FieldError("status", "invalid", _("This is no status of an affiliate."))
