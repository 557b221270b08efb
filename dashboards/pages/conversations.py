"""What a finding rests on, beside what is written about it."""

from dashboards.pages.boards import board_rows, missing_rows
from insights.privacy import Insights


def write_topic_evidence(kind: str, key: str, insights: Insights) -> list[str]:
    """As its board says it; nothing where its board does not show it, or speaks for the whole programme."""
    own = insights.own
    if own is None:
        return []
    if kind == "missing":
        shown, more = missing_rows(own, insights.links)
        return [row.count for row in (*shown, *more) if row.fact == key]
    found = own.improve if kind == "improve" else own.keep
    rows, rest = board_rows(found, kind)
    return [line for row in (*rows, *rest) if row.aspect == key for line in row.evidence]
