"""Affiliates claim sales they miss; staff answer with a reason. A claim finds nothing out: filing looks nothing up."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from affiliates.currencies import CURRENCIES
from affiliates.models import Affiliate, Claim, Purchase
from affiliates.services.claim_mails import tell_answer
from affiliates.services.corrections import correct_attribution

MAX_OPEN = 50  # claims of one affiliate that wait for an answer
OLDEST = timedelta(days=365)


@dataclass(frozen=True)
class ClaimInput:
    """What the affiliate knows of the sale: never who bought."""

    order_reference: str
    purchased_on: date
    amount: Decimal
    currency: str
    text: str = ""


@transaction.atomic
def file_claim(affiliate: Affiliate, given: ClaimInput, *, by: User, now: datetime) -> tuple[Claim, bool]:
    """The claim, due by the brand's term, and whether it is new: an open one for the same order stands as it was.

    Says the same whether or not there is such an order. ValidationError: a field does not hold, or too many are open.
    """
    Affiliate.objects.select_for_update(no_key=True).get(pk=affiliate.pk)  # two at once must not become two claims
    reference = given.order_reference.strip()
    waiting = Claim.objects.open().filter(affiliate=affiliate)
    if standing := waiting.filter(order_reference__iexact=reference).first():
        return standing, False
    if waiting.count() >= MAX_OPEN:
        message = _("%(count)d claims of yours wait for an answer. Wait for some before you file more.")
        raise ValidationError(message, "too_many", {"count": MAX_OPEN})
    today = now.astimezone(ZoneInfo(affiliate.brand.timezone)).date()
    if errors := _errors(given, today=today):
        raise ValidationError(errors)
    claim = Claim(
        affiliate=affiliate,
        order_reference=reference,
        purchased_on=given.purchased_on,
        amount=given.amount,
        currency=given.currency.strip().upper(),
        text=given.text.strip(),
        filed_by=by,
        filed_at=now,
        due_on=today + timedelta(days=affiliate.brand.claim_answer_days),
    )
    claim.full_clean(validate_constraints=False)
    claim.save(force_insert=True)
    return claim, True


def purchase_claimed(claim: Claim) -> Purchase | None:
    """The brand's purchase of that order, for staff."""
    found = Purchase.objects.filter(brand=claim.affiliate.brand_id, external_id=claim.order_reference)
    return found.select_related("brand").first()


@transaction.atomic
def accept_claim(claim: Claim, *, order: str = "", answer: str = "", by: User, now: datetime) -> Claim:
    """Credit the purchase to the affiliate. `order`: the shop's own number, where the affiliate's is another.

    ValidationError: answered already, no such purchase, or it is the affiliate's already.
    """
    locked = _locked(claim)
    brand, reference = locked.affiliate.brand, order.strip() or locked.order_reference
    purchase = Purchase.objects.filter(brand=brand, external_id=reference).first()
    if purchase is None:
        message = _("There is no purchase with this order number.")
        raise ValidationError({"order": ValidationError(message, "unknown")})
    try:
        note = _("Claim of order %(order)s") % {"order": locked.order_reference}
        correct_attribution(purchase, affiliate=locked.affiliate, by=by, note=note, now=now)
    except ValidationError as refusal:
        raise ValidationError({"order": refusal.messages}) from refusal
    locked.purchase = purchase
    return _answer(locked, Claim.State.ACCEPTED, Claim.Reason.CREDITED, answer, by=by, now=now)


@transaction.atomic
def decline_claim(claim: Claim, *, reason: str, answer: str = "", by: User, now: datetime) -> Claim:
    """ValidationError: answered already, or the reason is none for declining."""
    if reason == Claim.Reason.CREDITED or reason not in Claim.Reason.values:
        message = _("Say why the claim is declined.")
        raise ValidationError({"reason": ValidationError(message, "invalid")})
    return _answer(_locked(claim), Claim.State.DECLINED, reason, answer, by=by, now=now)


def _answer(claim: Claim, state: str, reason: str, answer: str, *, by: User, now: datetime) -> Claim:
    claim.state, claim.reason, claim.answer = state, reason, answer.strip()
    claim.answered_at, claim.answered_by = now, by
    claim.save(update_fields=["state", "reason", "answer", "answered_at", "answered_by", "purchase"])
    tell_answer(claim, now=now)
    return claim


def _locked(claim: Claim) -> Claim:
    locked = Claim.objects.select_related("affiliate__brand").select_for_update(of=("self",)).get(pk=claim.pk)
    if not locked.is_open:
        raise ValidationError(_("This claim has been answered already."), "answered")
    return locked


def _errors(given: ClaimInput, *, today: date) -> dict[str, ValidationError]:
    errors = {}
    if given.purchased_on > today:
        errors["purchased_on"] = ValidationError(_("The purchase lies in the future."), "in_the_future")
    elif given.purchased_on < today - OLDEST:
        errors["purchased_on"] = ValidationError(_("Sales of more than a year ago cannot be claimed."), "too_old")
    if given.currency.strip().upper() not in CURRENCIES:
        message = _("This is no ISO 4217 currency, such as EUR.")
        errors["currency"] = ValidationError(message, "unknown_currency")
    return errors
