"""Staff try the way with a purchase that nobody made, and undo it."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from affiliates.models import Attribution, Click, Customer, Purchase, PurchaseChange, Suspicion

# In a test purchase's metadata: nobody knew its customer before.
MADE_CUSTOMER = "made_customer"


def lock_test_purchase(purchase: Purchase) -> Purchase:
    """The row, kept from others until the transaction ends. ValidationError: somebody really bought this."""
    locked = Purchase.objects.select_for_update().select_related("brand").get(pk=purchase.pk)
    if not locked.is_test:
        raise ValidationError(_("Only a test purchase can be undone."), "real")
    return locked


@transaction.atomic
def remove_test_purchase(purchase: Purchase) -> None:
    """Delete it with all that came of it here; its customer too, if it made them. Raises: see lock_test_purchase.

    What apps above hold about it is theirs to remove first: the database refuses otherwise.
    """
    locked = lock_test_purchase(purchase)
    customer = Customer.objects.select_for_update().get(pk=locked.customer_id)
    Suspicion.objects.filter(purchase=locked).delete()
    Attribution.objects.filter(purchase=locked).delete()
    PurchaseChange.objects.filter(purchase=locked).delete()
    Click.objects.named(locked.click_ids).delete()
    locked.refunds.all().delete()
    locked.delete()
    _forget_customer(customer, locked)


def _forget_customer(customer: Customer, purchase: Purchase) -> None:
    """Somebody known before stays, but was not brought by anybody through a purchase that there never was."""
    if purchase.metadata.get(MADE_CUSTOMER) and not customer.purchases.exists():
        customer.delete()
    elif customer.acquired_at == purchase.purchased_at:
        customer.acquiring_affiliate, customer.acquired_at = None, None
        customer.save(update_fields=["acquiring_affiliate", "acquired_at", "updated_at"])
