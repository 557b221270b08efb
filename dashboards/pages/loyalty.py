"""What customers are worth beyond their first purchase: how many come back, when, and what became of it all."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.templatetags.components import percent, percent_range
from dashboards.wording import between_said, of_ten, short_month, verdict_said
from insights.cohorts import CohortRow
from insights.loyalty import Loyalty, Part, Worth
from insights.services.contributing import REPEAT_DAYS

SHADES = (0.01, 0.02, 0.05, 0.1, 0.2)  # a cell is the darker the more of these it reaches

LEAST_SHARE = 0.005  # what still rounds to 1 %


@dataclass(frozen=True)
class CohortCell:
    """How many of a month's customers bought so many months later. `share` is empty where that is not told."""

    share: str
    spoken: str
    shade: int


@dataclass(frozen=True)
class CohortLine:
    month: str
    customers: int
    cells: tuple[CohortCell, ...]


@dataclass(frozen=True)
class LoyaltyPage:
    """`headline` is one sentence, the rest its evidence. No cohorts where none of their cells may be told."""

    headline: str
    repeat: str
    active: str
    second: str
    refunded: str
    complained: str
    recommended: str
    indirect: str
    loyalty: Loyalty
    later: tuple[int, ...]
    cohorts: tuple[CohortLine, ...]


def write_loyalty(loyalty: Loyalty | None, *, k: int) -> LoyaltyPage | None:
    if loyalty is None:
        return None
    cohorts = tuple(write_cohort(row, k) for row in loyalty.cohorts)
    is_told = any(cell.share for line in cohorts for cell in line.cells)
    return LoyaltyPage(
        headline=headline_of(loyalty),
        repeat=repeat_said(loyalty),
        active=active_said(loyalty),
        second=second_said(loyalty.days_to_second),
        refunded=part_said(loyalty.refunded),
        complained=part_said(loyalty.complained),
        recommended=number_said(loyalty.recommended, k),
        indirect=number_said(loyalty.indirect, k),
        loyalty=loyalty,
        later=tuple(range(1, max((len(line.cells) for line in cohorts), default=0) + 1)),
        cohorts=cohorts if is_told else (),
    )


def headline_of(loyalty: Loyalty) -> str:
    if loyalty.repeat is None:
        return _("It is too early to tell who comes back.")
    if loyalty.repeat.value == 0:
        return _("Nobody has bought again within %(days)s days yet.") % {"days": REPEAT_DAYS}
    return _("%(share)s buy again within %(days)s days.") % {
        "share": of_ten(loyalty.repeat.value),
        "days": REPEAT_DAYS,
    }


def repeat_said(loyalty: Loyalty) -> str:
    """What the share rests on, and how it stands beside the programme."""
    repeat = loyalty.repeat
    if repeat is None:
        return ""
    said = ngettext(
        "Of %(n)s customer who first bought %(days)s days ago or more; it may be %(range)s.",
        "Of %(n)s customers who first bought %(days)s days ago or more; it may be %(range)s.",
        repeat.n,
    ) % {"n": repeat.n, "days": REPEAT_DAYS, "range": between_said(repeat.low, repeat.high)}
    if repeat.reference is None:
        return said
    rest = _("In the rest of the programme it is %(share)s.") % {"share": percent(repeat.reference)}
    verdict = verdict_said(repeat.verdict)
    return f"{said} {rest}" + (f" ({verdict})" if verdict else "")


def active_said(loyalty: Loyalty) -> str:
    return ngettext(
        "%(n)s has bought within a year: %(share)s.", "%(n)s have bought within a year: %(share)s.", loyalty.active
    ) % {"n": loyalty.active, "share": percent(loyalty.active / loyalty.customers if loyalty.customers else None)}


def second_said(days: float | None) -> str:
    """«unas 5 semanas»; affiliates are told whole weeks."""
    if days is None:
        return ""
    if days < 14:
        n = round(days)
        return ngettext("%(n)s day", "%(n)s days", n) % {"n": n}
    n = round(days / 7)
    return ngettext("about %(n)s week", "about %(n)s weeks", n) % {"n": n}


def part_said(part: Part | None) -> str:
    """«3 (1 %)» for staff, «entre el 0 y el 3 %» for affiliates."""
    if part is None:
        return _("too few purchases to tell")
    if part.count is not None:
        return f"{part.count} ({percent(part.low)})"
    if percent(part.low) != percent(part.high):
        return _("between %(range)s") % {"range": percent_range(part.low, part.high)}
    return _("about %(share)s") % {"share": percent(part.high)} if part.high >= LEAST_SHARE else _("less than 1%")


def number_said(n: int, k: int) -> str:
    """What affiliates are told moves by k, so it is about right."""
    if k == 1:
        return str(n)
    return _("about %(n)d") % {"n": n} if n else _("fewer than %(k)d") % {"k": k}


def write_cohort(row: CohortRow, k: int) -> CohortLine:
    cells = tuple(write_cell(row.share(later), later, k) for later in range(1, len(row.back) + 1))
    return CohortLine(short_month(row.month), row.customers, cells)


def write_cell(share: float | None, later: int, k: int) -> CohortCell:
    if share is None:
        return CohortCell("", _("fewer than %(k)d") % {"k": k}, 0)
    return CohortCell(percent(share), "", sum(share >= shade for shade in SHADES))


# --- All affiliates, for staff ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class WorthRow:
    """An affiliate beside the others."""

    name: str
    code: str
    customers: int
    newcomers: int
    active: str
    repeat: str
    repeat_range: str
    second: str
    purchases: int
    refunded: str
    complained: str
    indirect: int
    satisfied: str
    satisfied_n: int


def write_worth(found: Sequence[Worth]) -> list[WorthRow]:
    return [worth_row(each) for each in found]


def worth_row(worth: Worth) -> WorthRow:
    loyalty, repeat = worth.loyalty, worth.loyalty.repeat
    return WorthRow(
        str(worth.affiliate),
        worth.affiliate.code,
        loyalty.customers,
        loyalty.newcomers or 0,
        percent(loyalty.active / loyalty.customers if loyalty.customers else None),
        percent(repeat.value if repeat else None),
        percent_range(repeat.low, repeat.high) if repeat else "",
        second_said(loyalty.days_to_second),
        loyalty.purchases,
        part_said(loyalty.refunded),
        part_said(loyalty.complained),
        loyalty.indirect,
        percent(worth.satisfied.value if worth.satisfied else None),
        worth.satisfied.n if worth.satisfied else 0,
    )
