"""What other systems are told of sales, in the transaction of the change: ids, codes, amounts and times alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from affiliates.models import Affiliate, Attribution, Purchase, Refund
from affiliates.representations import attribution_as_json, code_of
from mailing.models import Endpoint, WebhookEvent
from mailing.services.webhooks import announce, pause_endpoint, resume_endpoint

Kind = WebhookEvent.Kind
EVENTS_OF_AFFILIATE = (Kind.BLOCK_PUBLISHED,)  # what an affiliate's own endpoint may listen for
PREFIX = "affiliate:"


def audience_of(affiliate: Affiliate) -> str:
    """The name under which mailing knows an affiliate's own endpoints."""
    return f"{PREFIX}{affiliate.pk}"


def affiliate_of(audience: str) -> int | None:
    """The id of the affiliate; None for the brand itself."""
    number = audience.removeprefix(PREFIX)
    return int(number) if number != audience else None


def hush(affiliate: Affiliate, *, now: datetime) -> None:
    """Whoever may see nothing of its own any more is told nothing either; going on again is its owners' to say."""
    for endpoint in Endpoint.objects.filter(brand=affiliate.brand, audience=audience_of(affiliate)):
        pause_endpoint(endpoint, now=now)


@transaction.atomic
def resume_webhook(endpoint: Endpoint) -> bool:
    """It gets what waited. ValidationError: its affiliate is not active, and so is told nothing. False: not paused."""
    pk = affiliate_of(endpoint.audience)
    # Locked as whoever suspends locks it: that cannot come in between.
    active = Affiliate.objects.active().select_for_update(no_key=True)
    if pk is not None and active.filter(pk=pk).first() is None:
        raise ValidationError(_("Its affiliate is not active: it is told nothing."), "inactive")
    return resume_endpoint(endpoint)


def tell_credited(
    brand: Brand, purchases: Iterable[Purchase], attributions: Mapping[str, Attribution], *, now: datetime
) -> None:
    """Of new purchases those that are credited to an affiliate. Of what was bought long ago nobody has to hear now."""
    since = now - timedelta(days=brand.max_age_days)
    credited = [
        (purchase, attribution)
        for purchase in purchases
        if (attribution := attributions[purchase.external_id])
        and (attribution.affiliate_id or attribution.indirect_affiliate_id)
        and purchase.purchased_at >= since
        and not purchase.is_test
    ]
    if credited:
        announce(brand, Kind.PURCHASE_ATTRIBUTED, (_sale(purchase) | _credit(a) for purchase, a in credited))


def tell_recredited(purchase: Purchase, before: Attribution | None, after: Attribution) -> None:
    """To whom it was credited, if anybody, and to whom it is now."""
    if not purchase.is_test:
        announce(purchase.brand, Kind.ATTRIBUTION_CHANGED, _change(purchase, before, after))


def tell_refunded(brand: Brand, purchases: Iterable[Purchase], refund: Refund | None = None) -> None:
    """Without a refund: the shop said that it gave the money back, and not how much at which time."""
    real = [purchase for purchase in purchases if not purchase.is_test]
    if real:
        announce(brand, Kind.PURCHASE_REFUNDED, _refunded(real, refund))


def _sale(purchase: Purchase) -> dict[str, Any]:
    return {
        "purchase": purchase.external_id,
        "purchased_at": purchase.purchased_at,
        "amount": None if purchase.amount is None else f"{purchase.amount:.2f}",
        "currency": purchase.currency or None,
        "state": purchase.state,
    }


def _credit(attribution: Attribution) -> dict[str, Any]:
    return {"attribution": attribution_as_json(attribution)}


def _change(purchase: Purchase, before: Attribution | None, after: Attribution) -> Iterator[dict[str, Any]]:
    yield _sale(purchase) | _credit(after) | {"before": attribution_as_json(before)}


def _refunded(purchases: Sequence[Purchase], refund: Refund | None) -> Iterator[dict[str, Any]]:
    current = Attribution.objects.current().filter(purchase__in=purchases).select_related("affiliate")
    credited = {each.purchase_id: code_of(each.affiliate) for each in current}
    for purchase in purchases:
        yield _sale(purchase) | {"affiliate": credited.get(purchase.pk)} | _refund(refund)


def _refund(refund: Refund | None) -> dict[str, Any]:
    """Not its reason, which are somebody's words."""
    if refund is None:
        return {"refund": None}
    told = {"external_id": refund.external_id, "amount": f"{refund.amount:.2f}", "refunded_at": refund.refunded_at}
    return {"refund": told}
