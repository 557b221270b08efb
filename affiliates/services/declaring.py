"""«¿Quién te lo recomendó?»: what customers say where nothing else says who brought them."""

from datetime import datetime

from django.db import transaction

from affiliates.attribution import attribute
from affiliates.models import Attribution, Customer, Purchase, PurchaseChange, Suspicion
from affiliates.services.evidence import attribution_row, gather, ids_by_name, rules_of
from affiliates.services.telling import tell_recredited

# Decided by more than the absence of evidence: by staff, or in favour of a customer.
STANDS = (Attribution.Method.MANUAL, Attribution.Method.REFERRAL)


@transaction.atomic
def declare_affiliate(purchase: Purchase, *, words: str, now: datetime) -> Attribution | None:
    """Credit the purchase to the active affiliate whose name or code the customer wrote, under the brand's rules.

    None, and nothing changed: the words name nobody or more than one, or something stronger stands.
    """
    locked = lock_purchase(purchase)
    standing = Attribution.objects.current().filter(purchase=locked).first()
    if standing and (standing.affiliate_id or standing.method in STANDS):
        return None
    dossier = gather(locked.brand, [locked], words=[words])
    named = dossier.named(words)
    evidence = dossier.evidence_for(locked)._replace(self_declared=named)
    decision = attribute(evidence, rules_of(locked.brand), now=now)
    if not (named and decision.affiliate):
        return None
    _acquire(locked.customer, decision.acquiring_affiliate.pk if decision.acquiring_affiliate else None, locked)
    Attribution.objects.current().filter(purchase=locked).update(is_current=False)
    declared = attribution_row(locked, decision, dossier.affiliates)
    declared.save()
    PurchaseChange.objects.create(purchase=locked)
    tell_recredited(locked, standing, declared)
    return declared


@transaction.atomic
def withdraw_declaration(purchase: Purchase, *, now: datetime) -> Attribution | None:
    """Weigh the evidence without what the customer was thought to have said. None: it was not what decided."""
    locked = lock_purchase(purchase)
    standing = Attribution.objects.current().filter(purchase=locked, reason=Attribution.Reason.SELF_DECLARED).first()
    if standing is None:
        return None
    customer = locked.customer
    if customer.acquiring_affiliate_id == standing.affiliate_id and customer.acquired_at == locked.purchased_at:
        customer.acquiring_affiliate, customer.acquired_at = None, None
        customer.save(update_fields=["acquiring_affiliate", "acquired_at", "updated_at"])
    dossier = gather(locked.brand, [locked])
    decision = attribute(dossier.evidence_for(locked), rules_of(locked.brand), now=now)
    Attribution.objects.current().filter(purchase=locked).update(is_current=False)
    weighed = attribution_row(locked, decision, dossier.affiliates)
    weighed.save()
    PurchaseChange.objects.create(purchase=locked)
    tell_recredited(locked, standing, weighed)
    return weighed


def flag_declaration(purchase: Purchase, *, words: str, now: datetime) -> bool:
    """An affiliate's own browser named that affiliate: for a person to look at, once. False: it named somebody else."""
    named = list(ids_by_name(purchase.brand, [words]).values())
    flags = [
        Suspicion(
            affiliate_id=affiliate,
            purchase=purchase,
            kind=Suspicion.Kind.OWN_DEVICE,
            key=str(purchase.pk),
            detail={"declared": True},
            found_at=now,
        )
        for affiliate in named
    ]
    Suspicion.objects.bulk_create(flags, ignore_conflicts=True)
    return bool(flags)


def lock_purchase(purchase: Purchase) -> Purchase:
    """The purchase with its customer, both locked, in the order in which recording locks them."""
    purchases = Purchase.objects.select_related("brand").select_for_update(no_key=True, of=("self",))
    locked = purchases.get(pk=purchase.pk)
    locked.customer = Customer.objects.select_for_update(no_key=True).get(pk=locked.customer_id)
    return locked


def _acquire(customer: Customer, affiliate: int | None, purchase: Purchase) -> None:
    if affiliate and customer.acquiring_affiliate_id is None:
        customer.acquiring_affiliate_id, customer.acquired_at = affiliate, purchase.purchased_at
        customer.save(update_fields=["acquiring_affiliate", "acquired_at", "updated_at"])
