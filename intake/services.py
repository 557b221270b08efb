"""What a purchase sets in motion: who is credited (affiliates), and when the customer is asked (surveys)."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.text import slugify

from accounts.append_only import ERASURE, open_door
from accounts.models import AuditEntry, Brand, Membership, User
from accounts.services import add_staff, record_change
from affiliates.models import Click, Customer, Product, Purchase, Refund, TrackingLink
from affiliates.services import (
    MADE_CUSTOMER,
    CustomerInput,
    ProductInput,
    PurchaseInput,
    Recorded,
    change_purchase,
    record_click,
    record_purchases,
    record_refund,
    remove_test_purchase,
)
from affiliates.standard import offer_standard_promises
from complaints.services import remove_test_cases
from mailing.addresses import known_hashes
from surveys.asking import Verdict
from surveys.models import Wave
from surveys.selectors import SurveyState, state_of_new, survey_states
from surveys.services import remove_test_surveys
from surveys.services.planning import plan_invitations
from surveys.standard import publish_standard_survey

SETTING_UP = 0x50_56_01  # of the database's own locks: one at a time makes the first brand


class Taken(NamedTuple):
    """What became of an input, and where the first survey of its purchase stands."""

    recorded: Recorded
    survey: SurveyState | None = None


@transaction.atomic
def take_purchases(
    brand: Brand, inputs: Sequence[PurchaseInput], *, now: datetime, source: str, create_affiliates: bool = False
) -> list[Taken]:
    """Record purchases and plan their surveys, all or nothing; what became of each, in order."""
    recorded, verdicts = record_and_plan(brand, inputs, now=now, source=source, create_affiliates=create_affiliates)
    created = {r.purchase.id for r in recorded if r.purchase and r.status == "created"}
    known = {r.purchase.id for r in recorded if r.purchase} - created
    states = {pk: state_of_new(verdicts[pk]) for pk in created} | survey_states(known, now=now)
    return [Taken(r, states.get(r.purchase.id) if r.purchase else None) for r in recorded]


@transaction.atomic(savepoint=False)  # nobody goes on after a failure in here
def record_and_plan(
    brand: Brand, inputs: Sequence[PurchaseInput], *, now: datetime, source: str, create_affiliates: bool = False
) -> tuple[list[Recorded], Mapping[int, Verdict]]:
    """The same, for whoever need not tell where each survey stands."""
    recorded = record_purchases(brand, inputs, now=now, source=source, create_affiliates=create_affiliates)
    news = {r.purchase.id: r.purchase for r in recorded if r.purchase and r.status in ("created", "updated")}
    created = {r.purchase.id for r in recorded if r.purchase and r.status == "created"}
    return recorded, plan_invitations(brand, list(news.values()), now=now, just_made=created)


@transaction.atomic
def take_change(purchase: Purchase, changes: Mapping[str, Any], *, now: datetime) -> Recorded:
    """Correct a purchase's stages and decide anew whether its customer is asked. Refusals: see change_purchase."""
    recorded = change_purchase(purchase, changes)
    if recorded.purchase and recorded.status == "updated":
        plan_invitations(recorded.purchase.brand, [recorded.purchase], now=now)
    return recorded


@transaction.atomic
def take_refund(
    purchase: Purchase, *, external_id: str, amount: Decimal, reason: str, refunded_at: datetime, now: datetime
) -> tuple[Refund, bool]:
    """Record a refund once; who got everything back is not asked how it was. Refusals: see record_refund."""
    refund, is_new = record_refund(
        purchase, external_id=external_id, amount=amount, reason=reason, refunded_at=refunded_at
    )
    if is_new:
        plan_invitations(refund.purchase.brand, [refund.purchase], now=now)
    return refund, is_new


@dataclass(frozen=True)
class Trial:
    """What staff choose for a test purchase: the evidence that a shop would send, of one kind or none."""

    email: str
    language: str = ""
    product: Product | None = None
    link: TrackingLink | None = None
    coupon: str = ""
    affiliate: str = ""


@transaction.atomic
def take_test_purchase(brand: Brand, trial: Trial, *, by: User, now: datetime) -> Taken:
    """Let a purchase that nobody made go the whole way: evidence, attribution, survey, answers, case.

    It is delivered at once and asked about at once, whatever the brand's delays, hours, sample and rests. It counts in
    no figure; `undo_test_purchase` removes it.
    """
    known = Customer.objects.filter(brand=brand, email_hash__in=known_hashes(trial.email)).exists()
    product = trial.product
    given = PurchaseInput(
        f"TEST-{secrets.token_hex(4).upper()}",
        purchased_at=now,
        delivered_at=now,
        activated_at=now,
        product=ProductInput(product.sku) if product else None,
        customer=CustomerInput(email=trial.email, language=trial.language),
        click_ids=(_test_click(trial.link, now=now),) if trial.link else (),
        coupon=trial.coupon,
        affiliate=trial.affiliate,
        metadata={"by": by.pk, MADE_CUSTOMER: not known},
    )
    [taken] = take_purchases(brand, [given], now=now, source=Purchase.TEST)
    return taken


def _test_click(link: TrackingLink, *, now: datetime) -> str:
    """A repeated visit: it holds as evidence and counts in no figure."""
    return record_click(link.pk, kind=Click.Kind.REPEAT, visitor="", occurred_at=now)


@transaction.atomic
def undo_test_purchase(purchase: Purchase) -> None:
    """Remove it with all that came of it; mails that went out stay in the ledger. ValidationError: a real purchase."""
    with open_door(ERASURE):
        remove_test_cases(purchase)
        remove_test_surveys(purchase)
        remove_test_purchase(purchase)


class AlreadySetUp(Exception):
    """Somebody can sign in already: whoever comes now is not the first."""


@transaction.atomic
def set_up_first_brand(*, brand: Mapping[str, Any], email: str, name: str, password: str) -> User:
    """The first brand of all and its administrator, once, however many try at the same time.

    AlreadySetUp; ValidationError: a field does not hold, or the password is too weak.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SETTING_UP])
    if User.objects.exists():
        raise AlreadySetUp
    try:
        validate_password(password, User(email=email, name=name))
    except ValidationError as refusal:
        raise ValidationError({"password": refusal}) from refusal
    first = create_brand(slugify(brand["name"])[:50] or "brand", **brand)
    user = add_staff(first, email, role=Membership.Role.ADMIN, password=password, name=name)
    record_change(user, first, AuditEntry.Action.ADDED, first)
    return user


@transaction.atomic
def create_brand(slug: str, **fields: Any) -> Brand:
    """A brand that can ask from its first day. ValidationError: a field does not hold."""
    brand = Brand(slug=slug, **fields)
    brand.full_clean()
    brand.save()
    publish_standard_survey(brand)
    offer_standard_promises(brand)
    publish_standard_survey(brand, Wave.FOLLOW_UP)
    publish_standard_survey(brand, Wave.CLOSING)
    return brand
