"""What a finding rests on, beside what is written about it."""

from dashboards.pages.boards import board_rows, missing_rows
from insights.privacy import Insights


def write_topic_evidence(kind: str, key: str, insights: Insights) -> list[str]:
    """As the board says it on which it stands by now; nothing where none shows it, or they speak for the programme."""
    own = insights.own
    if own is None:
        return []
    if kind == "missing":
        shown, more = missing_rows(own, insights.links)
        return [row.count for row in (*shown, *more) if row.fact == key]
    for board, found in (("improve", own.improve), ("keep", own.keep)):
        rows, rest = board_rows(found, board)
        if evidence := next((row.evidence for row in (*rows, *rest) if row.aspect == key), None):
            return list(evidence)
    return []
