"""What the portal shows as CSV: the same figures, through the same door, with numbers a spreadsheet can take."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from accounts.spreadsheets import as_text
from insights.findings import AspectFinding, Figure, Findings
from insights.loyalty import Loyalty, Worth
from insights.privacy import Insights

Row = tuple[object, ...]


def write_csv(insights: Insights) -> str:
    """Shares are 0 to 1."""
    speaker = insights.affiliate if insights.shown else pgettext("column", "programme")
    rows = [*figure_rows(insights.findings), *word_rows(insights)] if insights.findings else word_rows(insights)
    return written(headings(), ((speaker, *row) for row in rows))


def written(names: Sequence[str], rows: Iterable[Row]) -> str:
    """UTF-8 with its mark, since Excel takes it for something else without."""
    file = io.StringIO()
    file.write("\ufeff")
    writer = csv.writer(file)
    writer.writerow(names)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return file.getvalue()


def headings() -> list[str]:
    return [
        pgettext("column", "whose"),
        pgettext("column", "section"),
        pgettext("column", "what"),
        pgettext("column", "value"),
        pgettext("column", "low"),
        pgettext("column", "high"),
        pgettext("column", "mentions"),
        pgettext("column", "answers"),
        pgettext("column", "verdict"),
    ]


def figure_rows(findings: Findings) -> Iterator[Row]:
    figures = {
        _("Satisfied customers"): findings.csat,
        _("Recommendation"): findings.nps,
        _("How you are rated"): findings.affiliate_rating,
        _("Got what they were told, or better"): findings.promise_kept,
        _("Missed something before buying"): findings.missed_something,
    }
    for label, figure in figures.items():
        if figure:
            yield figure_row(label, figure)
    for title, board in ((_("Keep"), findings.keep), (_("Improve"), findings.improve)):
        yield from (board_row(title, found) for found in board)
    for fact in findings.missing:
        yield _("What was missing before buying"), fact.label, number(fact.share), "", "", fact.n, "", ""
    for advice in findings.next_sale:
        yield _("For your next sale"), f"{advice.text} {advice.evidence}", "", "", "", "", "", ""


def figure_row(label: str, figure: Figure) -> Row:
    low, high = number(figure.low), number(figure.high)
    return _("Figure"), label, number(figure.value), low, high, "", figure.n, figure.verdict or ""


def board_row(title: str, found: AspectFinding) -> Row:
    low, high = number(found.low), number(found.high)
    return title, found.label, number(found.share), low, high, found.mentions, found.n, found.verdict or ""


def word_rows(insights: Insights) -> Iterator[Row]:
    for expectation in insights.expectations:
        yield _("Expectations"), expectation.text, "", "", "", "", "", expectation.status_label
    for quote in insights.quotes:
        yield _("Opinions"), quote.text, "", "", "", "", "", quote.question


# --- What customers are worth ----------------------------------------------------------------------------------------
def write_loyalty_csv(loyalty: Loyalty | None) -> str:
    """The figures, then each cohort by months later, 0 being its size. What is not told is empty."""
    names = [
        pgettext("column", "section"),
        pgettext("column", "what"),
        pgettext("column", "months later"),
        pgettext("column", "value"),
        pgettext("column", "low"),
        pgettext("column", "high"),
        pgettext("column", "customers"),
    ]
    return written(names, loyalty_rows(loyalty) if loyalty else [])


def loyalty_rows(loyalty: Loyalty) -> Iterator[Row]:
    title, repeat = _("Figure"), loyalty.repeat
    yield title, _("Customers"), "", "", "", "", loyalty.customers
    yield title, _("Bought within a year"), "", "", "", "", loyalty.active
    if repeat:
        ends = number(repeat.low), number(repeat.high)
        yield title, _("Bought again within 90 days"), "", number(repeat.value), *ends, repeat.n
    parts = {_("Given back"): loyalty.refunded, _("Complained about"): loyalty.complained}
    for label, part in parts.items():
        if part:
            yield title, label, "", "", number(part.low), number(part.high), ""
    for cohort in loyalty.cohorts:
        month = f"{cohort.month:%Y-%m}"
        yield _("First bought in"), month, 0, "", "", "", cohort.customers
        for later, back in enumerate(cohort.back, 1):
            share = cohort.share(later)
            yield _("First bought in"), month, later, "" if share is None else number(share), "", "", back


def write_worth_csv(found: Iterable[Worth]) -> str:
    """An affiliate a row, for staff."""
    names = [
        pgettext("column", "affiliate"),
        pgettext("column", "name"),
        pgettext("column", "customers"),
        pgettext("column", "new to the brand"),
        pgettext("column", "bought within a year"),
        pgettext("column", "first bought 90 days ago or more"),
        pgettext("column", "bought again within 90 days"),
        pgettext("column", "days to the second purchase"),
        pgettext("column", "purchases"),
        pgettext("column", "given back"),
        pgettext("column", "complained about"),
        pgettext("column", "recommended by them"),
        pgettext("column", "recommended by their customers"),
        pgettext("column", "satisfied"),
        pgettext("column", "answers"),
    ]
    return written(names, map(worth_row, found))


def worth_row(worth: Worth) -> Row:
    each, repeat, satisfied = worth.loyalty, worth.loyalty.repeat, worth.satisfied
    return (
        worth.affiliate.code,
        worth.affiliate.name,
        each.customers,
        each.newcomers,
        each.active,
        repeat.n if repeat else 0,
        number(repeat.value) if repeat else "",
        "" if each.days_to_second is None else f"{each.days_to_second:.1f}",
        each.purchases,
        each.refunded.count if each.refunded else "",
        each.complained.count if each.complained else "",
        each.recommended,
        each.indirect,
        number(satisfied.value) if satisfied else "",
        satisfied.n if satisfied else 0,
    )


def number(value: float) -> str:
    return f"{value:.4f}"


def harmless(cell: object) -> object:
    """Text that a spreadsheet would run gets an apostrophe before it; our own numbers stay numbers."""
    return as_text(cell) if isinstance(cell, str) and not is_number(cell) else cell


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
