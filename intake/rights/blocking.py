"""A customer wants to be left in peace while something is settled: kept, and neither asked nor written to unasked."""

from datetime import datetime

from django.db import transaction

from accounts.models import AuditEntry, User
from accounts.services import record_change
from affiliates.models import Customer
from affiliates.services.erasing import block_person, unblock_person
from intake.models import Erasure
from mailing.models import Suppression
from mailing.services import suppress
from mailing.services.suppression import lift
from surveys.services import plan_invitations


@transaction.atomic
def block_customer(customer: Customer, *, by: User, now: datetime) -> None:
    """From the next mail on. Who writes to us still gets an answer."""
    block_person(customer.pk, now=now)
    if customer.email:
        suppress(customer.brand, customer.email, scope=Suppression.UNASKED, reason=Suppression.Reason.MANUAL, now=now)
    _decide_anew(customer, now=now)
    record_change(by, customer.brand_id, AuditEntry.Action.BLOCKED, customer)


@transaction.atomic
def unblock_customer(customer: Customer, *, by: User, now: datetime) -> None:
    """What they objected to themselves stays. What has become too old meanwhile is not asked any more.

    Whoever is being erased stays blocked: nothing may be written to them meanwhile.
    """
    Customer.objects.select_for_update().get(pk=customer.pk)  # as who asks for an erasure does
    if Erasure.objects.unfinished().filter(customer=customer).exists():
        return
    unblock_person(customer.pk)
    if customer.email:
        lift(customer.brand, customer.email, scope=Suppression.UNASKED, reason=Suppression.Reason.MANUAL)
    _decide_anew(customer, now=now)
    record_change(by, customer.brand_id, AuditEntry.Action.UNBLOCKED, customer)


def _decide_anew(customer: Customer, *, now: datetime) -> None:
    purchases = customer.purchases.select_related("brand", "customer", "product").order_by("pk")
    plan_invitations(customer.brand, list(purchases), now=now)
