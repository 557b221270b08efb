"""Why one sale is credited to an affiliate or is not: as much of it as that affiliate may know.

Days and no hours. Its own evidence; of others' only of what kind it was. Nothing of who bought, of what they answered,
or of whether it was given back:

- Where the customer named the affiliate, or staff decided so, one word stands for both ("told"): the first may have
  been said in a survey, and nobody is to learn who answered one.
- That a customer had been brought before carries no day, for the day would tie two purchases of one person together.
- A sale is addressed by its day and by a mark that only this affiliate's page gives, and only for its own sales. Of an
  order it claimed, more than the answer is told only once that stands, and only if day and amount are those of the
  order and there is evidence in its favour: whoever guesses order numbers learns nothing.
- That a claimed order was bought on the word of one of its customers is told where k such purchases are: of the only
  one it would tell who recommended the brand to whom.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from accounts.models import Brand
from affiliates.marks import is_mark_of, mark_of
from affiliates.models import Affiliate, Attribution, Claim, Click, Purchase
from insights.loyalty import indirect_purchases
from insights.privacy import parse_period
from insights.sales import within

TOLD = "told"  # by the customer, or decided by staff
UNDATED = ("customer", "coupon", "declared", "referral", TOLD)
DAY = timedelta(days=1)

Touches = list[dict[str, Any]]


@dataclass(frozen=True)
class Sale:
    """One credited sale in a list."""

    on: date
    mark: str
    method: str
    link: str  # its name; empty where no link brought it


@dataclass(frozen=True)
class Evidence:
    """What pointed to the affiliate, and why it lost where it did not win. `name`: of its link or coupon."""

    method: str
    reason: str
    won: bool
    on: date | None = None
    name: str = ""


@dataclass(frozen=True)
class Explanation:
    """`winner`: the kind of evidence that decided, whosesoever it was; empty where nothing did."""

    on: date
    is_own: bool
    winner: str
    confidence: str
    own: tuple[Evidence, ...]
    others: tuple[str, ...]  # kinds of evidence for somebody else
    is_indirect: bool = False  # bought on the word of a customer whom this affiliate brought


def sales_of(affiliate: Affiliate, *, period: str = "all") -> QuerySet[Attribution]:
    """The newest first, for a page of them; shown by `as_sales`."""
    # The brand says nothing new, but its index gives the newest without sorting all.
    sales = Attribution.objects.sales_of(affiliate).filter(purchase__brand=affiliate.brand_id)
    found = within(sales, "purchase__purchased_at", parse_period(period), affiliate.brand)
    return found.select_related("purchase", "link").order_by("-purchase__purchased_at", "-purchase_id")


def as_sales(affiliate: Affiliate, attributions: list[Attribution]) -> list[Sale]:
    """Within a day in no order that would tell which came first."""
    shown = [
        Sale(
            _day(each.purchase.purchased_at, affiliate.brand),
            mark_of(affiliate.pk, f"sale:{each.purchase_id}"),
            _method(each),
            str(each.link or ""),
        )
        for each in attributions
    ]
    return sorted(shown, key=lambda sale: (-sale.on.toordinal(), sale.mark))


def explain_sale(affiliate: Affiliate, on: date, mark: str) -> Explanation | None:
    """None: no such sale is credited to this affiliate."""
    start = datetime.combine(on, time(), ZoneInfo(affiliate.brand.timezone))
    sales = Attribution.objects.sales_of(affiliate).select_related("purchase")
    for each in sales.filter(purchase__purchased_at__gte=start - DAY, purchase__purchased_at__lt=start + 2 * DAY):
        is_that_day = _day(each.purchase.purchased_at, affiliate.brand) == on
        if is_that_day and is_mark_of(mark, affiliate.pk, f"sale:{each.purchase_id}"):
            return _explain(each, affiliate)
    return None


def explain_claim(claim: Claim) -> Explanation | None:
    """None: it waits for its answer, or nothing may be told beyond that."""
    if claim.is_open:
        return None
    purchase = claim.purchase or _order_as_claimed(claim)
    current = Attribution.objects.current().filter(purchase=purchase).select_related("purchase").first()
    if purchase is None or current is None:
        return None
    explained = _explain(current, claim.affiliate)
    if current.indirect_affiliate_id == claim.affiliate_id and indirect_purchases(claim.affiliate):
        explained = replace(explained, is_indirect=True)
    return explained if explained.is_own or explained.own or explained.is_indirect else None


def _order_as_claimed(claim: Claim) -> Purchase | None:
    found = Purchase.objects.real().filter(
        brand=claim.affiliate.brand_id,
        external_id=claim.order_reference,
        amount=claim.amount,
        currency=claim.currency,
    )
    purchase = found.first()
    if purchase is None or abs(_day(purchase.purchased_at, claim.brand) - claim.purchased_on) > DAY:
        return None
    return purchase


def _explain(attribution: Attribution, affiliate: Affiliate) -> Explanation:
    is_own = attribution.affiliate_id == affiliate.pk
    winner = "" if attribution.method == Attribution.Method.NONE else _method(attribution)
    return Explanation(
        on=_day(attribution.purchase.purchased_at, affiliate.brand),
        is_own=is_own,
        winner=winner,
        # How sure one is would tell a customer's word from a decision of staff.
        confidence="" if winner == TOLD else attribution.confidence,
        own=tuple(_own(attribution, affiliate)),
        others=tuple(dict.fromkeys(_others(attribution, affiliate))),
    )


def _own(attribution: Attribution, affiliate: Affiliate) -> Iterator[Evidence]:
    own = [touch for touch in attribution.touches if touch["affiliate"] == affiliate.code]
    links = _names_of_links(own, affiliate)
    for touch in own:
        method = _kind(touch, attribution.purchase)
        at = parse_datetime(touch["at"]) if touch["at"] and method not in UNDATED else None
        name = {"click": links.get(touch["source"], ""), "coupon": touch["source"]}.get(method, "")
        reason = "" if touch["won"] else touch["reason"]
        yield Evidence(method, reason, touch["won"], _day(at, affiliate.brand) if at else None, name)


def _others(attribution: Attribution, affiliate: Affiliate) -> Iterator[str]:
    for touch in attribution.touches:
        if touch["affiliate"] not in (None, affiliate.code):
            yield _kind(touch, attribution.purchase)


def _names_of_links(touches: Touches, affiliate: Affiliate) -> Mapping[str, str]:
    clicks = Click.objects.named([touch["source"] for touch in touches if touch["method"] == "click"])
    return {
        click.public_id: str(click.link) for click in clicks.filter(link__affiliate=affiliate).select_related("link")
    }


def _method(attribution: Attribution) -> str:
    if attribution.reason == Attribution.Reason.SELF_DECLARED:
        return TOLD
    return TOLD if attribution.method == Attribution.Method.MANUAL else attribution.method


def _kind(touch: Mapping[str, Any], purchase: Purchase) -> str:
    """Evidence that lost does not say whether the shop or the customer declared it: the purchase does."""
    is_shops_word = touch["affiliate"] == purchase.declared_affiliate and touch["reason"] != "self_declared"
    if touch["method"] == "manual" or (touch["method"] == "declared" and not is_shops_word):
        return TOLD
    return str(touch["method"])


def _day(at: datetime, brand: Brand) -> date:
    return at.astimezone(ZoneInfo(brand.timezone)).date()
