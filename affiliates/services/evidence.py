"""From what a shop sent to what `attribution` weighs: clicks, codes and people, looked up for a whole batch at once."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from accounts.models import Brand
from accounts.statements import select
from affiliates.attribution import ClickSeen, CodeSeen, Decision, Evidence, Party, ReferralSeen, Rules, Touch
from affiliates.models import Affiliate, Attribution, Click, Coupon, Customer, Purchase
from affiliates.services.copying import new_row
from affiliates.visitors import is_shops_key
from mailing.addresses import normalize_address

MEMBERS = " FROM affiliates_affiliatemember JOIN accounts_user ON accounts_user.id = user_id WHERE "
ADDRESSES = f", ARRAY(SELECT accounts_user.email{MEMBERS}affiliate_id = affiliates_affiliate.id)"
NAMED = " FROM affiliates_affiliate WHERE brand_id = %s AND (code = ANY(%s) OR id = ANY(%s::bigint[])"
OR_ADDRESSED = f" OR lower(email) = ANY(%s) OR id IN (SELECT affiliate_id{MEMBERS}accounts_user.email = ANY(%s))"


@dataclass(frozen=True)
class Dossier:
    """All that the database knows of the codes, clicks and people that a batch of new purchases names."""

    affiliates: dict[int, Affiliate]
    parties: dict[int, Party]
    by_code: dict[str, Party]
    clicks: dict[str, Click] = field(default_factory=dict)
    clicks_of_visitor: dict[str, list[Click]] = field(default_factory=dict)
    coupons: dict[str, list[Coupon]] = field(default_factory=dict)
    referrers: dict[str, Customer] = field(default_factory=dict)
    by_name: dict[str, Party] = field(default_factory=dict)  # by folded words that name just this one

    def party(self, pk: int | None) -> Party | None:
        return self.parties.get(pk) if pk else None

    def evidence_for(self, purchase: Purchase) -> Evidence:
        customer, declared, codes = purchase.customer, purchase.declared_affiliate, purchase.click_ids
        return Evidence(
            purchased_at=purchase.purchased_at,
            customer_email=customer.email,
            declared=CodeSeen(declared, self.by_code.get(declared)) if declared else None,
            coupon=CodeSeen(purchase.coupon_code, self._owner_of_coupon(purchase)) if purchase.coupon_code else None,
            clicks=tuple(self._clicks(purchase)) if codes else (),
            unknown_clicks=tuple(code for code in codes if code not in self.clicks) if codes else (),
            referral=self._referral(purchase) if purchase.referral_code else None,
            acquired_by=self.party(customer.acquiring_affiliate_id),
            acquired_at=customer.acquired_at,
            self_declared=self.named(purchase.recommended_by) if purchase.recommended_by else None,
        )

    def named(self, words: str) -> CodeSeen | None:
        """Whom a customer's own words name; the words themselves, which may name anybody, are no evidence to show."""
        party = self.by_name.get(folded(words))
        return CodeSeen(party.code, party) if party else None

    def _owner_of_coupon(self, purchase: Purchase) -> Party | None:
        for coupon in self.coupons.get(purchase.coupon_code, ()):
            ends = coupon.valid_until
            if coupon.valid_from <= purchase.purchased_at and (ends is None or purchase.purchased_at < ends):
                return self.parties[coupon.affiliate_id]
        return None

    def _clicks(self, purchase: Purchase) -> Iterable[ClickSeen]:
        quoted = {click.pk: click for code in purchase.click_ids if (click := self.clicks.get(code))}
        visitors = {click.visitor for click in quoted.values() if click.visitor}
        others = {c.pk: c for visitor in visitors for c in self.clicks_of_visitor.get(visitor, ())}
        for click in {**others, **quoted}.values():
            if click.pk in quoted or click.occurred_at <= purchase.purchased_at:
                yield ClickSeen(
                    pk=click.pk,
                    code=click.public_id,
                    at=click.occurred_at,
                    party=self.parties[click.link.affiliate_id],
                    link=click.link_id,
                    is_quoted=click.pk in quoted,
                    is_visit=click.kind in (Click.Kind.VISIT, Click.Kind.REPEAT),
                )

    def _referral(self, purchase: Purchase) -> ReferralSeen:
        code = purchase.referral_code
        referrer = self.referrers.get(code)
        if referrer is None:
            return ReferralSeen(code, is_known=False)
        own = (party for party in self.parties.values() if referrer.email in party.emails)
        return ReferralSeen(
            code,
            is_customer_themselves=referrer.pk == purchase.customer.pk,
            party=min(own, key=lambda party: party.code, default=None),
            brought_by=self.party(referrer.acquiring_affiliate_id),
        )


def rules_of(brand: Brand) -> Rules:
    return Rules(
        order=tuple(brand.attribution_order),
        window=timedelta(days=brand.attribution_window_days),
        counts_last_click=brand.attribution_model == Brand.AttributionModel.LAST,
    )


def gather(brand: Brand, purchases: Sequence[Purchase], *, words: Iterable[str] = ()) -> Dossier:
    """A fixed number of questions, whatever the number of purchases; none for kinds of evidence that nobody sent.

    `words`: whom customers say otherwise than with their purchase.
    """
    clicks = _clicks(brand, {code for p in purchases for code in p.click_ids})
    of_visitors = _clicks_of_visitors(brand, clicks.values(), purchases)
    coupons = _coupons(brand, {p.coupon_code for p in purchases if p.coupon_code})
    referrers = _referrers(brand, {p.referral_code for p in purchases if p.referral_code})
    named = ids_by_name(brand, [*words, *(p.recommended_by for p in purchases if p.recommended_by)])
    affiliates, parties = _affiliates(
        brand,
        codes={p.declared_affiliate for p in purchases if p.declared_affiliate},
        emails={referrer.email for referrer in referrers.values() if referrer.email},
        ids={click.link.affiliate_id for click in clicks.values()}
        | {click.link.affiliate_id for each in of_visitors.values() for click in each}
        | {coupon.affiliate_id for each in coupons.values() for coupon in each}
        | {c.acquiring_affiliate_id for c in referrers.values() if c.acquiring_affiliate_id}
        | set(named.values())
        | {p.customer.acquiring_affiliate_id for p in purchases if p.customer.acquiring_affiliate_id},
    )
    return Dossier(
        affiliates=affiliates,
        parties=parties,
        by_code={party.code: party for party in parties.values()},
        clicks=clicks,
        clicks_of_visitor=of_visitors,
        coupons=coupons,
        referrers=referrers,
        by_name={words: parties[pk] for words, pk in named.items()},
    )


def attribution_row(purchase: Purchase, decision: Decision, affiliates: dict[int, Affiliate]) -> Attribution:
    """An unsaved row that carries its affiliates, so that nobody has to look them up again."""

    def named(party: Party | None) -> Affiliate | None:
        return affiliates[party.pk] if party else None

    return new_row(
        Attribution,
        {
            "purchase": purchase,
            "affiliate": named(decision.affiliate),
            "acquiring_affiliate": named(decision.acquiring_affiliate),
            "indirect_affiliate": named(decision.indirect_affiliate),
        },
        method=decision.method,
        confidence=decision.confidence,
        reason=decision.reason,
        link_id=decision.link,
        window_ends_at=decision.window_ends_at,
        touches=[_touch_as_json(touch) for touch in decision.touches],
        decided_at=decision.decided_at,
    )


def _touch_as_json(touch: Touch) -> dict[str, Any]:
    return {
        "method": touch.method,
        "reason": touch.reason,
        "source": touch.source,
        "affiliate": touch.affiliate,
        "at": touch.at.isoformat() if touch.at else None,
        "won": touch.won,
    }


def ids_by_name(brand: Brand, words: Iterable[str]) -> dict[str, int]:
    """The active affiliate whose name, public name or code each of these words is, folded; not where two are."""
    wanted = {folded(each) for each in words} - {""}
    if not wanted:
        return {}
    owners: dict[str, set[int]] = defaultdict(set)
    for pk, *names in Affiliate.objects.active().filter(brand=brand).values_list("pk", "code", "name", "public_name"):
        for name in wanted.intersection(map(folded, names)):
            owners[name].add(pk)
    return {name: pks.pop() for name, pks in owners.items() if len(pks) == 1}


def folded(words: str) -> str:
    """One spelling for a name however it is typed: «@Ana  Pérez.» = «ana perez»."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", words) if not unicodedata.combining(c))
    return " ".join(bare.casefold().split()).strip(" @.,;:!?¡¿\"'«»“”()")


def _clicks(brand: Brand, codes: set[str]) -> dict[str, Click]:
    if not codes:
        return {}
    found = Click.objects.named(codes).filter(link__affiliate__brand=brand).select_related("link")
    return {click.public_id: click for click in found}


def _clicks_of_visitors(brand: Brand, quoted: Iterable[Click], purchases: Sequence[Purchase]) -> dict[str, list[Click]]:
    """What else the visitors of quoted clicks followed, as far as the shop names its visitors.

    Our own keys are a day's address and browser: behind one office door they are many people, so they prove nothing.
    """
    visitors = {click.visitor for click in quoted if is_shops_key(click.visitor)}
    if not visitors:
        return {}
    times = [purchase.purchased_at for purchase in purchases if purchase.click_ids]
    found = Click.objects.filter(
        visitor__in=visitors,
        link__affiliate__brand=brand,
        occurred_at__range=(min(times) - timedelta(days=brand.attribution_window_days), max(times)),
    )
    clicks: dict[str, list[Click]] = defaultdict(list)
    for click in found.select_related("link"):
        clicks[click.visitor].append(click)
    return clicks


def _coupons(brand: Brand, codes: set[str]) -> dict[str, list[Coupon]]:
    coupons: dict[str, list[Coupon]] = defaultdict(list)
    if codes:
        for coupon in Coupon.objects.filter(brand=brand, code__in=codes).order_by("-valid_from", "pk"):
            coupons[coupon.code].append(coupon)
    return coupons


def _referrers(brand: Brand, codes: set[str]) -> dict[str, Customer]:
    if not codes:
        return {}
    return {c.referral_code or "": c for c in Customer.objects.filter(brand=brand, referral_code__in=codes)}


def _affiliates(
    brand: Brand, *, codes: set[str], emails: set[str], ids: set[int]
) -> tuple[dict[int, Affiliate], dict[int, Party]]:
    if not (codes or emails or ids):
        return {}, {}
    rest, values = ADDRESSES + NAMED, [brand.pk, list(codes), list(ids)]
    if emails:
        rest, values = rest + OR_ADDRESSED, [*values, list(emails), list(emails)]
    found = list(select([Affiliate], f"{rest})", values))
    parties = {
        affiliate.pk: Party(
            affiliate.pk,
            affiliate.code,
            affiliate.is_active,
            frozenset(normalize_address(email) for email in [affiliate.email, *of_members] if email),
        )
        for affiliate, of_members in found
    }
    return {affiliate.pk: affiliate for affiliate, _of_members in found}, parties
