"""The ledger as staff leaf through it: at a million mails as at ten, so by index, without totals and without OFFSET."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Model, Q, QuerySet, TextChoices
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from accounts.models import Brand, User
from mailing.addresses import normalize_address
from mailing.models import OutgoingMail

State = OutgoingMail.State

PAGE_SIZE = 50
COUNTED = 1_000  # further than this nobody counts by looking


@dataclass(frozen=True)
class Count:
    """A number, or at least so many."""

    number: int
    is_more: bool = False

    def __str__(self) -> str:
        text = formats.number_format(self.number, force_grouping=True)
        return _("more than %(number)s") % {"number": text} if self.is_more else text


def count_up_to(rows: "QuerySet[Model]", limit: int) -> Count:
    found = rows.order_by().values("pk")[: limit + 1].count()
    return Count(min(found, limit), found > limit)


class Shelf(TextChoices):
    """Ways to look at the ledger."""

    ALL = "all", pgettext_lazy("mails", "All")
    QUEUED = "queued", pgettext_lazy("mails", "Waiting")
    HELD = "held", pgettext_lazy("mails", "Being sent")
    SENT = "sent", pgettext_lazy("mails", "Sent")
    FAILED = "failed", pgettext_lazy("mails", "Failed")
    UNCERTAIN = "uncertain", pgettext_lazy("mails", "Uncertain")
    CANCELLED = "cancelled", pgettext_lazy("mails", "Cancelled")
    EXPIRED = "expired", pgettext_lazy("mails", "Expired")


STATES = {Shelf.HELD: [State.CLAIMED, State.HANDING_OVER]}
# Each by an index; what waits in the order in which it will go, the rest newest first.
ORDERS = {Shelf.ALL: ["-id"], Shelf.QUEUED: ["not_before", "id"], Shelf.HELD: ["lease_until", "id"]}
NEWEST_CHANGE = ["-updated_at", "-id"]
IS_COUNTED = {Shelf.QUEUED, Shelf.HELD, Shelf.FAILED, Shelf.UNCERTAIN}


@dataclass(frozen=True)
class Tab:
    shelf: Shelf
    count: Count | None  # None: not counted, since it grows for ever
    is_current: bool


@dataclass(frozen=True)
class LedgerPage:
    tabs: list[Tab]
    mails: list[OutgoingMail]
    after: str  # where the next page begins; empty: there is none
    brands: int  # how many the reader works for: with several, each row names its own


def ledger_page(user: User, *, shelf: Shelf, found: Q | None = None, after: str = "") -> LedgerPage:
    """A page of the mails that the user may see. What was searched for is looked for on all shelves, newest first."""
    brands = list(Brand.objects.visible_to(user).values_list("pk", flat=True))
    rows = OutgoingMail.objects.filter(brand__in=brands)
    shown = rows.filter(found) if found is not None else on_shelf(rows, shelf)
    order = ORDERS[Shelf.ALL] if found is not None else ORDERS.get(shelf, NEWEST_CHANGE)
    page = list(beyond(shown, order, after).order_by(*order).select_related("brand")[: PAGE_SIZE + 1])
    mails = page[:PAGE_SIZE]
    return LedgerPage(
        tabs=tabs_of(rows, current=None if found is not None else shelf),
        mails=mails,
        after=place_of(mails[-1], order) if len(page) > PAGE_SIZE else "",
        brands=len(brands),
    )


def on_shelf(rows: "QuerySet[OutgoingMail]", shelf: Shelf) -> "QuerySet[OutgoingMail]":
    return rows if shelf == Shelf.ALL else rows.filter(state__in=STATES.get(shelf, [shelf.value]))


def tabs_of(rows: "QuerySet[OutgoingMail]", *, current: Shelf | None) -> list[Tab]:
    return [
        Tab(shelf, count_up_to(on_shelf(rows, shelf), COUNTED) if shelf in IS_COUNTED else None, shelf == current)
        for shelf in Shelf
    ]


# --- Page by page without OFFSET -----------------------------------------------------------------------------------
def place_of(mail: OutgoingMail, order: Sequence[str]) -> str:
    """Where this mail stands in that order, as a text for an address."""
    first = order[0].removeprefix("-")
    return str(mail.pk) if first == "id" else f"{getattr(mail, first).isoformat()}~{mail.pk}"


def beyond(rows: "QuerySet[OutgoingMail]", order: Sequence[str], place: str) -> "QuerySet[OutgoingMail]":
    """Those behind a place; all of them where the place cannot be read."""
    moment, _tilde, number = place.rpartition("~")
    if not number.isdecimal() or len(number) > 18:
        return rows
    side = "lt" if order[0].startswith("-") else "gt"
    if order[0].removeprefix("-") == "id":
        return rows.filter(**{f"id__{side}": int(number)})
    name = order[0].removeprefix("-")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return rows
    if at.tzinfo is None:
        return rows
    # The first condition alone is what the index can begin at.
    tie = Q(**{f"{name}__{side}": at}) | Q(**{name: at, f"id__{side}": int(number)})
    return rows.filter(tie, **{f"{name}__{side}e": at})


# --- Search --------------------------------------------------------------------------------------------------------
def named_by(text: str) -> Q | None:
    """The mails that a text names whole: a Message-ID, its first part, or an address. None: it is none of these."""
    said = text.strip().strip("<>")
    try:
        return Q(uuid=UUID(said.partition("@")[0]))
    except ValueError:
        return Q(to_address=normalize_address(said)) | Q(message_id=f"<{said}>") if "@" in said else None
