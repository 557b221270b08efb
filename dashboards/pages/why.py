"""Why one sale is credited to the affiliate, or is not, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Brand
from affiliates.models import Attribution
from dashboards.wording import reason_said
from insights.reasons import TOLD, Evidence, Explanation, Sale

# What a kind of evidence is called as a reason of its own (Attribution.Reason).
REASON_OF = {
    "click": "click_in_window",
    "coupon": "coupon",
    "declared": "declared_by_shop",
    "referral": "customer_referral",
    "customer": "acquired_before",
    TOLD: "manual",
}


@dataclass(frozen=True)
class SaleRow:
    on: date
    how: str
    url: str


@dataclass(frozen=True)
class EvidenceRow:
    what: str
    on: date | None
    outcome: str
    won: bool


@dataclass(frozen=True)
class Why:
    """`verdict` is one sentence, `because` another; `rules` the brand's kinds of evidence, the strongest first."""

    on: date
    is_own: bool
    verdict: str
    because: str
    confidence: str
    evidence: list[EvidenceRow]
    others: str
    rules: list[str]
    window: str


def write_sale_row(sale: Sale, url: str) -> SaleRow:
    return SaleRow(sale.on, how_said(sale.method, sale.link), url)


def write_why(explained: Explanation, brand: Brand) -> Why:
    return Why(
        on=explained.on,
        is_own=explained.is_own,
        verdict=_("This sale is yours.") if explained.is_own else _("This sale is not credited to you."),
        because=own_reason(explained, brand) if explained.is_own else others_reason(explained),
        confidence=confidence_said(explained) if explained.is_own else "",
        evidence=[
            EvidenceRow(how_said(each.method, each.name), each.on, outcome_said(each, brand), each.won)
            for each in explained.own
        ],
        others=", ".join(kind_said(kind) for kind in explained.others),
        rules=[kind_said(kind) for kind in kinds_of(brand)],
        window=ngettext(
            "A visit counts for %(days)s day.", "A visit counts for %(days)s days.", brand.attribution_window_days
        )
        % {"days": brand.attribution_window_days},
    )


def own_reason(explained: Explanation, brand: Brand) -> str:
    return reason_said(REASON_OF.get(explained.winner, ""), brand)


def others_reason(explained: Explanation) -> str:
    if explained.is_indirect:
        return _(
            "A customer whom you had brought recommended the shop. It counts among what your customers bring, "
            "apart from your own sales."
        )
    return {
        "click": _("A link that is not yours counted more."),
        "coupon": _("A coupon that is not yours counted more."),
        "declared": _("The shop said that it came from elsewhere."),
        "referral": _("A customer had recommended the shop, and that counted more."),
        "customer": _("Somebody else had brought this customer before."),
        TOLD: _("The customer or the brand's staff said that it came from elsewhere."),
    }.get(explained.winner, _("No evidence held, so it is credited to nobody."))


def confidence_said(explained: Explanation) -> str:
    labels = dict(Attribution.Confidence.choices)
    return str(labels.get(explained.confidence, ""))


def how_said(method: str, name: str = "") -> str:
    """A piece of evidence, said to whom it points to."""
    if method == "click" and name:
        return _("A visit by your link “%(name)s”") % {"name": name}
    if method == "coupon" and name:
        return _("Your coupon %(name)s") % {"name": name}
    return {
        "click": _("A visit by one of your links"),
        "coupon": _("A coupon of yours"),
        "declared": _("The shop named you"),
        "referral": _("Your own recommendation link"),
        "customer": _("You had brought this customer before"),
        TOLD: _("The customer or the brand's staff named you"),
    }.get(method, "")


def outcome_said(evidence: Evidence, brand: Brand) -> str:
    if evidence.won:
        return _("This is what counted.")
    days = brand.attribution_window_days
    return {
        "window_over": ngettext(
            "More than %(days)s day passed between the visit and the purchase.",
            "More than %(days)s days passed between the visit and the purchase.",
            days,
        )
        % {"days": days},
        "affiliate_inactive": _("Your account was not active then."),
        "self_referral": _("Whoever bought is you, or somebody of your account."),
        "later_click": _("There was a later visit, and in this programme the last one counts."),
        "earlier_click": _("There was an earlier visit, and in this programme the first one counts."),
        "after_purchase": _("It came after the purchase."),
        "not_a_visit": _("It was a robot or an automatic check, not a person."),
    }.get(evidence.reason, _("Other evidence counts more in this programme."))


def kind_said(kind: str) -> str:
    return {
        "click": _("a link followed"),
        "coupon": _("a coupon used"),
        "declared": _("the shop's word"),
        "referral": _("a customer's recommendation"),
        "customer": _("who brought the customer the first time"),
        TOLD: _("the word of the customer or of the brand's staff"),
        "manual": _("a decision of the brand's staff"),
    }.get(kind, "")


def kinds_of(brand: Brand) -> Sequence[str]:
    return list(brand.attribution_order)
