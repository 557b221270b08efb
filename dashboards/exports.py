"""What the portal shows as CSV: the same figures, through the same door, with numbers a spreadsheet can take."""

import csv
import io
from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from insights.findings import AspectFinding, Figure, Findings
from insights.privacy import Insights

Row = tuple[object, ...]
# A spreadsheet runs what begins like this; customers' words may.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(insights: Insights) -> str:
    """UTF-8 with its mark, since Excel takes it for something else without. Shares are 0 to 1."""
    file = io.StringIO()
    file.write("\ufeff")
    writer = csv.writer(file)
    writer.writerow(headings())
    speaker = insights.affiliate if insights.shown else pgettext("column", "programme")
    if insights.findings:
        for row in figure_rows(insights.findings):
            writer.writerow([harmless(cell) for cell in (speaker, *row)])
    for row in word_rows(insights):
        writer.writerow([harmless(cell) for cell in (speaker, *row)])
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


def number(value: float) -> str:
    return f"{value:.4f}"


def harmless(cell: object) -> object:
    """Text that a spreadsheet would run gets an apostrophe before it; our own numbers stay numbers."""
    if not isinstance(cell, str) or not cell.startswith(FORMULA_STARTS):
        return cell
    return cell if is_number(cell) else f"'{cell}"


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
