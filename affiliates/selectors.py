"""What a visitor's click needs to know, without asking the database each time; what affiliates see of
their claims; who an invitation is for."""

import time
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from accounts.models import Brand
from affiliates.destinations import around_click, is_allowed_destination
from affiliates.marks import is_mark_of, mark_of
from affiliates.models import Affiliate, CataloguePromise, Claim, MemberInvitation, StaffInvitation, TrackingLink
from mailing.models import OutgoingMail


@dataclass(frozen=True)
class LinkTarget:
    """Where a link leads and for whom."""

    link_id: int
    affiliate_id: int
    brand_id: int
    is_open: bool  # leads on: not paused, and the brand still has that host
    before_click: str  # where it leads, around the click's id
    after_click: str
    sub_ids: tuple[tuple[str, str], ...]

    def address(self, public_id: str) -> str:
        return f"{self.before_click}{public_id}{self.after_click}"


# The objects themselves: Django's cache of a process makes a copy at each look, which takes as long as all else here.
known_links: dict[str, tuple[float, LinkTarget]] = {}
KNOWN_FOR, MOST_KNOWN = 60, 10_000  # seconds, links


def link_target(code: str) -> LinkTarget | None:
    """One read of the database a minute, link and process; so long may a paused link lead on. None: unknown code."""
    until, target = known_links.get(code, (0.0, None))
    if target is None or until < time.monotonic():
        target = _read(code)
        if len(known_links) >= MOST_KNOWN:
            known_links.clear()
        if target:
            known_links[code] = time.monotonic() + KNOWN_FOR, target
    return target


def _read(code: str) -> LinkTarget | None:
    link = TrackingLink.objects.filter(code=code).select_related("affiliate__brand").first()
    if link is None:
        return None
    brand = link.affiliate.brand
    # Here too: the brand may have given up a host since the link was made.
    is_open = link.paused_at is None and is_allowed_destination(link.destination, brand.allowed_hosts)
    before, after = around_click(link.destination) if is_open else ("", "")
    sub_ids = tuple(link.sub_ids.items())
    return LinkTarget(link.pk, link.affiliate_id, brand.pk, is_open, before, after, sub_ids)


@dataclass(frozen=True)
class OfferedPromise:
    """A sentence of the brand's catalogue: as the reader reads it, and all its wordings."""

    code: str
    text: str
    wordings: frozenset[str]


def offered_promises(brand: Brand, language: str) -> list[OfferedPromise]:
    offered = CataloguePromise.objects.filter(brand=brand, is_active=True).select_related("brand")
    return [OfferedPromise(each.code, each.said_in(language), frozenset(each.labels.values())) for each in offered]


@dataclass(frozen=True)
class FiledClaim:
    """A claim as its affiliate sees it: what they told, and the answer. Nothing of a purchase."""

    mark: str
    order_reference: str
    purchased_on: date
    amount: Decimal
    currency: str
    text: str
    filed_at: datetime
    due_on: date
    state: str
    state_label: str
    reason: str
    reason_label: str
    answer: str
    answered_at: datetime | None


def claims_of(affiliate: Affiliate) -> list[FiledClaim]:
    """All that the affiliate ever claimed, the newest first."""
    return [as_filed(claim) for claim in Claim.objects.filter(affiliate=affiliate).order_by("-filed_at", "-pk")]


def find_claim(affiliate: Affiliate, mark: str) -> Claim | None:
    """The affiliate's own claim of that mark."""
    claims = Claim.objects.filter(affiliate=affiliate).select_related("affiliate__brand", "purchase")
    return next((claim for claim in claims if is_mark_of(mark, affiliate.pk, f"claim:{claim.pk}")), None)


def as_filed(claim: Claim) -> FiledClaim:
    return FiledClaim(
        mark=mark_of(claim.affiliate_id, f"claim:{claim.pk}"),
        order_reference=claim.order_reference,
        purchased_on=claim.purchased_on,
        amount=claim.amount,
        currency=claim.currency,
        text=claim.text,
        filed_at=claim.filed_at,
        due_on=claim.due_on,
        state=claim.state,
        state_label=claim.get_state_display(),
        reason=claim.reason,
        reason_label=claim.get_reason_display(),
        answer=claim.answer,
        answered_at=claim.answered_at,
    )


def invitation_for(token: str, *, now: datetime) -> MemberInvitation | None:
    """The invitation whose mail carries this token, while it can be used."""
    mails = OutgoingMail.objects.with_token(token)
    invitation = MemberInvitation.objects.filter(mail__in=mails).select_related("affiliate__brand").first()
    return invitation if invitation and invitation.is_usable(now) else None


def staff_invitation_for(token: str, *, now: datetime) -> StaffInvitation | None:
    mails = OutgoingMail.objects.with_token(token)
    invitation = StaffInvitation.objects.filter(mail__in=mails).select_related("brand").first()
    return invitation if invitation and invitation.is_usable(now) else None
