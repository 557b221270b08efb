"""Purchases in: once each, with who is credited, whatever the shop repeats and however many tell us at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Brand
from accounts.statements import select
from affiliates.attribution import Rules, attribute
from affiliates.currencies import CURRENCIES
from affiliates.models import Affiliate, Attribution, Purchase, PurchaseChange
from affiliates.services.copying import Sheet, insert, new_row, number_rows
from affiliates.services.customers import CustomerMismatch, Customers, identity_hash, is_same_identity
from affiliates.services.evidence import Dossier, attribution_row, gather, rules_of
from affiliates.services.inputs import FieldError, PurchaseInput, Recorded, Status
from affiliates.services.products import Products
from affiliates.services.telling import tell_credited, tell_refunded
from mailing.addresses import normalize_address

CENT = Decimal("0.01")
MAX_AMOUNT = Decimal("999999999999.99")
# Shops' clocks differ; a purchase of tomorrow is a fault all the same.
FUTURE_TOLERANCE = timedelta(days=1)
LOCK_STRIPES = 128
FILLABLE = ("delivered_at", "activated_at", "promised_on")
REPEATED_FIELDS = (*FILLABLE, "state", "metadata", "updated_at")


# A statement of its own: what is looked for next must be seen as it is when nobody else is at work on it.
LOCK = "SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key;\n"
KNOWN = " FROM affiliates_purchase WHERE brand_id = %s AND external_id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"


def record_purchases(
    brand: Brand, inputs: Sequence[PurchaseInput], *, now: datetime, source: str, create_affiliates: bool = False
) -> list[Recorded]:
    """What became of each input, in their order: one transaction and a fixed number of statements a thousand.

    Safe against itself: of many simultaneous calls with the same purchase one creates it. An id twice among the inputs
    is treated as posted twice. `create_affiliates`: an affiliate that the shop names and nobody knows is added.
    """
    size = settings.PURCHASE_BATCH_SIZE
    batches = (inputs[start : start + size] for start in range(0, len(inputs), size))
    return [
        recorded
        for batch in batches
        for recorded in _record_batch(brand, batch, now=now, source=source, create_affiliates=create_affiliates)
    ]


@transaction.atomic(savepoint=False)  # nobody goes on after a failure in here
def _record_batch(
    brand: Brand, inputs: Sequence[PurchaseInput], *, now: datetime, source: str, create_affiliates: bool
) -> list[Recorded]:
    inputs = [_normalised(given) for given in inputs]
    batch = _Batch(brand, inputs, source)
    results = [batch.take(given, now=now) for given in inputs]
    if create_affiliates:
        _create_affiliates(brand, batch.new, now=now)
    attributions = batch.attribute(now=now)
    batch.save(attributions)
    tell_credited(brand, batch.new, attributions, now=now)
    tell_refunded(brand, batch.refunded)
    return [
        recorded._replace(attribution=attributions.get(recorded.purchase.external_id))
        if recorded.purchase
        else recorded
        for recorded in results
    ]


class _Batch:
    """Up to a thousand purchases while they are worked: what there was, what is new, what changed."""

    def __init__(self, brand: Brand, inputs: Sequence[PurchaseInput], source: str) -> None:
        self.brand = brand
        self.source = source
        ids = [given.external_id for given in inputs]
        values = [_locks_of(brand, inputs), brand.pk, ids]
        known = [purchase for (purchase,) in select([Purchase], KNOWN, values, first=LOCK)]
        customer_ids = [purchase.customer_id for purchase in known]
        product_ids = [purchase.product_id for purchase in known if purchase.product_id]
        self.customers = Customers.of(brand, [given.customer for given in inputs], also=customer_ids)
        self.products = Products(brand, [given.product for given in inputs], also=product_ids)
        for purchase in known:
            purchase.customer = self.customers.by_id[purchase.customer_id]
            purchase.product = self.products.by_id[purchase.product_id] if purchase.product_id else None
        self.known = {purchase.external_id: purchase for purchase in known}
        self.purchases = dict(self.known)
        self.new: list[Purchase] = []
        self.changed: dict[str, Purchase] = {}
        self.refunded: list[Purchase] = []

    def take(self, given: PurchaseInput, *, now: datetime) -> Recorded:
        if errors := _errors(given, now=now):
            return Recorded("rejected", errors=tuple(errors))
        if purchase := self.purchases.get(given.external_id):
            return self._repeat(purchase, given)
        try:
            return self._create(given)
        except CustomerMismatch as mismatch:
            return Recorded("rejected", errors=(mismatch.as_error(),))

    def _create(self, given: PurchaseInput) -> Recorded:
        customer, product = self.customers.resolve(given.customer), self.products.resolve(given.product)
        purchase = new_row(
            Purchase,
            {"brand": self.brand, "customer": customer, "product": product},
            external_id=given.external_id,
            purchased_at=given.purchased_at,
            delivered_at=given.delivered_at,
            activated_at=given.activated_at,
            promised_on=given.promised_on,
            amount=given.amount,
            currency=given.currency,
            state=given.state,
            click_ids=list(given.click_ids),
            coupon_code=given.coupon,
            declared_affiliate=given.affiliate,
            referral_code=given.referral,
            recommended_by=given.recommended_by,
            identity_hash=identity_hash(given.customer),
            metadata=dict(given.metadata),
            source=self.source,
        )
        self.purchases[given.external_id] = purchase
        self.new.append(purchase)
        return Recorded("created", purchase)

    def _repeat(self, purchase: Purchase, given: PurchaseInput) -> Recorded:
        """The same again, a later stage of the same, or somebody else's purchase under the same id."""
        if purchase.customer.erased_at:  # nobody brings them back by telling it again
            return Recorded("duplicate", purchase)
        if differing := [*self._differing(purchase, given), *_contradicting(purchase, given)]:
            return Recorded("conflict", purchase, errors=tuple(_conflict(name) for name in differing))
        self.products.resolve(given.product)
        changes = _progress(purchase, given)
        for name, value in changes.items():
            setattr(purchase, name, value)
        is_news = self.customers.update(purchase.customer, given.customer) or bool(changes)
        if is_news and purchase.external_id in self.known:
            self.changed[purchase.external_id] = purchase
            if changes.get("state") == Purchase.State.REFUNDED:
                self.refunded.append(purchase)
        status: Status = "updated" if is_news else "duplicate"
        return Recorded(status, purchase)

    def _differing(self, purchase: Purchase, given: PurchaseInput) -> list[str]:
        """Fields that make it another purchase. What is absent counts as empty."""
        same = {
            "purchased_at": purchase.purchased_at == given.purchased_at,
            "amount": purchase.amount == given.amount,
            "currency": purchase.currency == given.currency,
            "product.sku": (purchase.product.sku if purchase.product else None)
            == (given.product.sku if given.product else None),
            "customer": self._is_same_person(purchase, given),
            "click_ids": set(purchase.click_ids) == set(given.click_ids),
            "coupon": purchase.coupon_code == given.coupon,
            "affiliate": purchase.declared_affiliate == given.affiliate,
            "referral": purchase.referral_code == given.referral,
            "recommended_by": purchase.recommended_by == given.recommended_by,
        }
        return [name for name, is_same in same.items() if not is_same]

    def _is_same_person(self, purchase: Purchase, given: PurchaseInput) -> bool:
        if purchase.identity_hash is not None:
            return is_same_identity(purchase.identity_hash, given.customer)
        try:
            return self.customers.find(given.customer) is purchase.customer
        except CustomerMismatch:
            return False

    def attribute(self, *, now: datetime) -> dict[str, Attribution]:
        """The attribution of every purchase in the batch, those of new ones unsaved, by external id."""
        attributions = self._standing_attributions() if self.known else {}
        dossier, rules = gather(self.brand, self.new), rules_of(self.brand)
        # In the order of buying, so that the first purchase brings the customer wherever it stands in the file.
        for purchase in sorted(self.new, key=lambda p: (p.purchased_at, p.external_id)):
            attributions[purchase.external_id] = self._decide(purchase, dossier, rules, now=now)
        return attributions

    def _standing_attributions(self) -> dict[str, Attribution]:
        current = Attribution.objects.current().filter(purchase__in=[p.pk for p in self.known.values()])
        related = current.select_related("affiliate", "acquiring_affiliate", "indirect_affiliate")
        by_id = {a.purchase_id: a for a in related}
        return {key: by_id[p.pk] for key, p in self.known.items() if p.pk in by_id}

    def _decide(self, purchase: Purchase, dossier: Dossier, rules: Rules, *, now: datetime) -> Attribution:
        decision = attribute(dossier.evidence_for(purchase), rules, now=now)
        acquiring = decision.acquiring_affiliate
        if acquiring and purchase.customer.acquiring_affiliate_id is None:
            self.customers.acquire(purchase.customer, dossier.affiliates[acquiring.pk], at=purchase.purchased_at)
        return attribution_row(purchase, decision, dossier.affiliates)

    def save(self, attributions: dict[str, Attribution]) -> None:
        self.products.save()
        self.customers.save_changed()
        sheets = number_rows(self.customers.new, self.new, [attributions[p.external_id] for p in self.new])
        for purchase in self.changed.values():
            purchase.updated_at = timezone.now()
        if self.changed:
            Purchase.objects.bulk_update(self.changed.values(), REPEATED_FIELDS)
        changed_at = timezone.now()
        changes = [(purchase.id, changed_at) for purchase in [*self.new, *self.changed.values()]]
        insert([*sheets, Sheet(PurchaseChange, ["purchase_id", "created_at"], changes)])


def _normalised(given: PurchaseInput) -> PurchaseInput:
    """One spelling for what is the same: 49.9 = 49.90, EUR = eur, codes trimmed."""
    customer = given.customer
    if customer.email and customer.email != (email := normalize_address(customer.email)):
        customer = customer._replace(email=email)
    spelled = given._replace(
        customer=customer,
        currency=given.currency.strip().upper(),
        coupon=given.coupon.strip().lower(),
        affiliate=given.affiliate.strip(),
        referral=given.referral.strip().lower(),
        recommended_by=given.recommended_by.strip(),
    )
    if given.amount is not None and _has_two_decimals(given.amount):
        spelled = spelled._replace(amount=given.amount.quantize(CENT))
    if given.click_ids:
        spelled = spelled._replace(click_ids=tuple(dict.fromkeys(code for code in given.click_ids if code)))
    return spelled


def _errors(given: PurchaseInput, *, now: datetime) -> list[FieldError]:
    errors = []
    if not given.external_id:
        errors.append(FieldError("external_id", "required", _("The purchase needs an id.")))
    if given.purchased_at > now + FUTURE_TOLERANCE:
        errors.append(FieldError("purchased_at", "in_the_future", _("The purchase lies in the future.")))
    if given.amount is not None and not (_has_two_decimals(given.amount) and given.amount >= 0):
        errors.append(
            FieldError("amount", "invalid_amount", _("An amount is zero or more, with two decimals at most."))
        )
    if given.amount is not None and not given.currency:
        errors.append(FieldError("currency", "required", _("An amount needs its currency.")))
    elif given.currency and given.currency not in CURRENCIES:
        errors.append(FieldError("currency", "unknown_currency", _("This is no ISO 4217 currency, such as EUR.")))
    return errors


def _has_two_decimals(amount: Decimal) -> bool:
    return amount.is_finite() and abs(amount) <= MAX_AMOUNT and amount == amount.quantize(CENT)


def _contradicting(purchase: Purchase, given: PurchaseInput) -> list[str]:
    """What was told before and is told otherwise now; nobody but a PATCH corrects it."""
    stages = [
        name
        for name in FILLABLE
        if getattr(given, name) is not None and getattr(purchase, name) not in (None, getattr(given, name))
    ]
    open_state = Purchase.State.OPEN
    is_sideways = given.state != open_state and purchase.state not in (open_state, given.state)
    return [*stages, "state"] if is_sideways else stages


def _progress(purchase: Purchase, given: PurchaseInput) -> dict[str, object]:
    """What the purchase learns from a repeat that contradicts nothing."""
    changes: dict[str, object] = {
        name: value for name in FILLABLE if (value := getattr(given, name)) and getattr(purchase, name) is None
    }
    # A repeat that says "open" repeats how it began; it never takes a refund back.
    if given.state not in (Purchase.State.OPEN, purchase.state):
        changes["state"] = given.state
    if given.metadata and purchase.metadata != given.metadata:
        changes["metadata"] = dict(given.metadata)
    return changes


def _conflict(name: str) -> FieldError:
    return FieldError(name, "differs", _("This differs from what is stored under the same id."))


def _create_affiliates(brand: Brand, purchases: Sequence[Purchase], *, now: datetime) -> None:
    named = {purchase.declared_affiliate for purchase in purchases if purchase.declared_affiliate}
    known = Affiliate.objects.filter(brand=brand, code__in=named).values_list("code", flat=True)
    missing = sorted(named.difference(known)) if named else []
    if missing:
        Affiliate.objects.bulk_create(
            [Affiliate(brand=brand, code=code, name=code, joined_at=now) for code in missing], ignore_conflicts=True
        )


def _locks_of(brand: Brand, inputs: Sequence[PurchaseInput]) -> list[int]:
    """What keeps others away from these purchases and customers until the transaction ends, in the order of taking.

    Rows that do not exist yet cannot be locked, and a customer has two keys. So their names share 128 locks, taken in
    one order by everybody: no two batches can wait for each other, and two single purchases seldom meet.
    """
    if len(inputs) >= LOCK_STRIPES:  # they would take nearly all
        stripes = list(range(LOCK_STRIPES))
    else:
        stripes = sorted({_digest(name) % LOCK_STRIPES for given in inputs for name in _names_of(given)})
    return [_digest(f"purchases:{brand.pk}:{stripe}") for stripe in stripes]


def _names_of(given: PurchaseInput) -> set[str]:
    customer = given.customer
    named = {"purchase": given.external_id, "customer": customer.external_id, "email": customer.email}
    return {f"{kind}:{value}" for kind, value in named.items() if value}


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest(), "big")
