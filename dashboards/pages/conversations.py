"""What a finding rests on, beside what is written about it."""

from django.utils.translation import ngettext

from accounts.templatetags.components import percent
from dashboards.pages.boards import board_rows
from insights.findings import MissingFact
from insights.privacy import Insights


def write_topic_evidence(kind: str, key: str, insights: Insights) -> list[str]:
    """As the board says it on which it stands by now; nothing where none shows it, or they speak for the programme."""
    own = insights.own
    if own is None:
        return []
    if kind == "missing":
        return [missed_said(fact) for fact in own.missing if fact.fact == key]
    for board, found in (("improve", own.improve), ("keep", own.keep)):
        rows, rest = board_rows(found, board)
        if evidence := next((row.evidence for row in (*rows, *rest) if row.aspect == key), None):
            return list(evidence)
    return []


def missed_said(fact: MissingFact) -> str:
    text = ngettext(
        "%(n)s customer missed it before buying, %(share)s of those who were asked.",
        "%(n)s customers missed it before buying, %(share)s of those who were asked.",
        fact.n,
    )
    return text % {"n": fact.n, "share": percent(fact.share)}
