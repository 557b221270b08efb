"""A customer leaves; their purchases stay as entries in the books, of nobody."""

import uuid
from datetime import datetime

from django.db import transaction

from accounts.personal_data import erase_all
from affiliates.models import Claim, Click, Customer, Purchase, PurchaseChange, click_public_id
from affiliates.personal_data import HELD


@transaction.atomic
def erase_person(customer_id: int, *, now: datetime) -> dict[str, int]:
    """Overwrite who they were and what led to them; how many rows of each table. What apps above hold goes before.

    The row stays, empty, so that sums by customer stay true; it is no way back to anybody.
    """
    customer = Customer.objects.select_for_update().get(pk=customer_id)
    clicks = _unname_clicks(customer)
    # Whoever came by their recommendation keeps the credit, not the name of the link.
    recommended = Purchase.objects.none()
    if customer.referral_code:
        recommended = Purchase.objects.filter(brand=customer.brand_id, referral_code=customer.referral_code)
    recommended.update(referral_code="")
    # What an affiliate wrote who missed one of these sales; found or not, it was about them.
    numbers = list(customer.purchases.values_list("external_id", flat=True))
    Claim.objects.filter(affiliate__brand=customer.brand_id, order_reference__in=numbers).update(text="", answer="")
    erased = erase_all(HELD, customer.pk)
    Customer.objects.filter(pk=customer.pk).update(uuid=uuid.uuid4(), erased_at=now, blocked_at=now)
    PurchaseChange.objects.bulk_create([PurchaseChange(purchase=each) for each in customer.purchases.all()])
    return erased | ({Click._meta.label: clicks} if clicks else {})


def _unname_clicks(customer: Customer) -> int:
    """Every visit with the browser that their purchases came from: counted on, by nobody in particular."""
    ids = [code for codes in customer.purchases.values_list("click_ids", flat=True) for code in codes]
    own = Click.objects.filter(link__affiliate__brand=customer.brand_id)
    visitors = own.filter(public_id__in=ids).exclude(visitor="").values_list("visitor", flat=True)
    clicks = [*own.filter(public_id__in=ids), *own.filter(visitor__in=list(visitors)).exclude(public_id__in=ids)]
    for click in clicks:
        click.public_id, click.visitor, click.sub_ids = click_public_id(click.occurred_at), "", {}
    return Click.objects.bulk_update(clicks, ["public_id", "visitor", "sub_ids"], batch_size=500) if clicks else 0


def block_person(customer_id: int, *, now: datetime) -> None:
    """Nobody asks or writes to them on their own account from now on; what is known stays, untouched."""
    Customer.objects.filter(pk=customer_id, blocked_at=None).update(blocked_at=now)


def unblock_person(customer_id: int) -> None:
    Customer.objects.filter(pk=customer_id, erased_at=None).update(blocked_at=None)
