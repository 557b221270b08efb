"""How cases go: times, promises, what is open for how long, and what lies behind them. For staff, with every count."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery

from accounts.models import Brand
from affiliates.models import Attribution, Purchase
from complaints.models import Complaint

MOST_NAMED = 20  # products or affiliates in a list
CHUNK = 2000  # rows of the export at a time
# Open cases by how old they are, in days: up to and with each.
AGES = (1, 3, 7, 15, 30)
COLUMNS = (
    *("number", "kind", "state", "severity", "part", "cause", "purchase__product__sku", "affiliate"),
    *("opened_at", "answered_at", "resolved_at", "first_due_at", "solution_due_at", "legal_due_at"),
)

# The cases of a report: opened in its time, of real purchases, each once although it was told of twice.
FROM = """
complaints_complaint AS complaint
LEFT JOIN affiliates_purchase AS purchase ON purchase.id = complaint.purchase_id
"""
WITHIN = """
WHERE complaint.brand_id = %(brand)s AND complaint.opened_at >= %(since)s AND complaint.opened_at < %(until)s
    AND complaint.merged_into_id IS NULL AND purchase.source IS DISTINCT FROM 'test'
"""
CASES = FROM + WITHIN
# What another tool resolved without saying when was resolved nobody knows how soon.
IS_DATED = "(complaint.external_id IS NULL OR complaint.resolved_at IS DISTINCT FROM complaint.opened_at)"
SOLVED_AFTER = f"""
CASE WHEN {IS_DATED}
    THEN extract(epoch FROM complaint.resolved_at - complaint.opened_at) END
"""
ANSWERED_AFTER = "extract(epoch FROM complaint.answered_at - complaint.opened_at)"
# Each promise: when it was due, and what kept it. Who did not ask for an answer is not owed one.
PROMISES = {
    "answer": (
        "CASE WHEN complaint.wants_contact THEN complaint.first_due_at END",
        "coalesce(complaint.answered_at, complaint.resolved_at)",
    ),
    "solution": ("complaint.solution_due_at", "complaint.resolved_at"),
    "law": (f"CASE WHEN {IS_DATED} THEN complaint.legal_due_at END", "complaint.resolved_at"),
}
# What cases are counted by; "" is what is not known.
GROUPS = {
    "kind": "complaint.kind",
    "part": "complaint.part",
    "cause": "complaint.cause",
    "product": "coalesce(nullif(product.name, ''), product.sku, '')",
    "affiliate": "coalesce(affiliate.name, '')",
}
NAMES = """
LEFT JOIN affiliates_product AS product ON product.id = purchase.product_id
LEFT JOIN affiliates_attribution AS attribution
    ON attribution.purchase_id = complaint.purchase_id AND attribution.is_current
LEFT JOIN affiliates_affiliate AS affiliate ON affiliate.id = attribution.affiliate_id
"""


@dataclass(frozen=True)
class Times:
    """Of so many cases half took no longer than the median, and nine of ten no longer than `p90`."""

    n: int
    median: timedelta | None
    p90: timedelta | None


@dataclass(frozen=True)
class Kept:
    """Promises of one kind: kept, missed, and still to be kept. What is late and open is missed already."""

    kept: int
    missed: int
    running: int

    @property
    def share(self) -> float | None:
        ended = self.kept + self.missed
        return self.kept / ended if ended else None


@dataclass(frozen=True)
class Group:
    """`name` is "" for what is not known."""

    name: str
    n: int
    resolved: int
    median: timedelta | None
    late: int


@dataclass(frozen=True)
class RemedyCount:
    kind: str
    currency: str
    n: int
    done: int
    cost: Decimal


@dataclass(frozen=True)
class CaseReport:
    opened: int
    resolved: int
    reopened: int
    answered: Times
    solved: Times
    promises: Mapping[str, Kept]
    ages: list[tuple[int, int]]  # days, open cases that are no older; 0 for those that are older than all
    groups: Mapping[str, list[Group]]
    remedies: list[RemedyCount]


@dataclass(frozen=True)
class Window:
    """Cases opened in this time: from its beginning, before its end."""

    brand: Brand
    since: datetime
    until: datetime

    def params(self, now: datetime) -> dict[str, Any]:
        return {"brand": self.brand.pk, "since": self.since, "until": self.until, "now": now}


def report_cases(window: Window, *, now: datetime) -> CaseReport:
    """As many statements for a million cases as for one, four; three read the cases of the window, once each."""
    params = window.params(now)
    [totals] = _rows(f"SELECT {_totals()} FROM {CASES}", params)  # noqa: S608 (ours alone)
    return CaseReport(
        opened=totals["opened"],
        resolved=totals["resolved"],
        reopened=totals["reopened"],
        answered=_times(totals, "answered"),
        solved=_times(totals, "solved"),
        promises={name: Kept(*(totals[f"{name}_{end}"] for end in ("kept", "missed", "running"))) for name in PROMISES},
        ages=_ages(params),
        groups=_groups(params),
        remedies=_remedies(params),
    )


def _totals() -> str:
    columns = [
        "count(*) AS opened",
        "count(complaint.resolved_at) AS resolved",
        "count(*) FILTER (WHERE EXISTS (SELECT FROM complaints_complaintevent AS event"
        " WHERE event.complaint_id = complaint.id AND event.kind = 'reopened')) AS reopened",
    ]
    for name, seconds in (("answered", ANSWERED_AFTER), ("solved", SOLVED_AFTER)):
        columns.append(f"count({seconds}) AS {name}_n")
        columns.append(f"percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY {seconds}) AS {name}_times")
    for name, (due, at) in PROMISES.items():
        columns += [
            f"count(*) FILTER (WHERE {at} <= {due}) AS {name}_kept",
            f"count(*) FILTER (WHERE coalesce({at}, %(now)s) > {due}) AS {name}_missed",
            f"count(*) FILTER (WHERE {at} IS NULL AND %(now)s <= {due}) AS {name}_running",
        ]
    return ", ".join(columns)


def _times(totals: Mapping[str, Any], name: str) -> Times:
    median, p90 = totals[f"{name}_times"] or (None, None)
    return Times(totals[f"{name}_n"], _duration(median), _duration(p90))


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=round(seconds))


def _ages(params: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Of all cases that are open now, whenever they were opened."""
    days = "extract(epoch FROM %(now)s - complaint.opened_at) / 86400"
    buckets = "".join(f" WHEN {days} <= {age} THEN {age}" for age in AGES)
    found = _rows(
        f"""
        SELECT CASE{buckets} ELSE 0 END AS age, count(*) AS n FROM complaints_complaint AS complaint
        LEFT JOIN affiliates_purchase AS purchase ON purchase.id = complaint.purchase_id
        WHERE complaint.brand_id = %(brand)s AND complaint.state IN ('new', 'in_progress', 'waiting')
            AND purchase.source IS DISTINCT FROM 'test'
        GROUP BY 1
        """,  # noqa: S608 (ours alone)
        params,
    )
    counts = {row["age"]: row["n"] for row in found}
    return [(age, counts.get(age, 0)) for age in (*AGES, 0)]


def _groups(params: Mapping[str, Any]) -> dict[str, list[Group]]:
    """By each of them, reading the cases once: the most frequent first; what is not known last."""
    late = " OR ".join(f"coalesce({at}, %(now)s) > {due}" for due, at in PROMISES.values())
    columns = ", ".join(f"{expression} AS {name}" for name, expression in GROUPS.items())
    which = " ".join(f"WHEN grouping({name}) = 0 THEN '{name}'" for name in GROUPS)
    found = _rows(
        f"""
        WITH chosen AS (
            SELECT {columns}, complaint.resolved_at, {SOLVED_AFTER} AS seconds, ({late}) IS TRUE AS is_late
            FROM {FROM} {NAMES} {WITHIN}
        ), counted AS (
            SELECT CASE {which} END AS by, coalesce({", ".join(GROUPS)}) AS name, count(*) AS n,
                count(resolved_at) AS resolved, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median,
                count(*) FILTER (WHERE is_late) AS late
            FROM chosen GROUP BY GROUPING SETS ({", ".join(f"({name})" for name in GROUPS)})
        ), placed AS (
            SELECT *, row_number() OVER (PARTITION BY by ORDER BY name = '', n DESC, name) AS place FROM counted
        )
        SELECT * FROM placed WHERE place <= {MOST_NAMED + 1} ORDER BY by, place
        """,  # noqa: S608 (ours alone)
        params,
    )
    groups: dict[str, list[Group]] = {name: [] for name in GROUPS}
    for row in found:
        median = _duration(row["median"])
        groups[row["by"]].append(Group(row["name"], row["n"], row["resolved"], median, row["late"]))
    return groups


def _remedies(params: Mapping[str, Any]) -> list[RemedyCount]:
    found = _rows(
        f"""
        WITH chosen AS (SELECT complaint.id FROM {CASES})
        SELECT remedy.kind, CASE WHEN remedy.cost IS NULL THEN '' ELSE remedy.currency END AS currency, count(*) AS n,
            count(*) FILTER (WHERE remedy.state = 'done') AS done,
            coalesce(sum(remedy.cost) FILTER (WHERE remedy.state = 'done'), 0) AS cost
        FROM complaints_remedy AS remedy JOIN chosen ON chosen.id = remedy.complaint_id
        GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2
        """,  # noqa: S608 (ours alone)
        params,
    )
    return [RemedyCount(row["kind"], row["currency"], row["n"], row["done"], row["cost"]) for row in found]


def _rows(sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


# --- One row a case ------------------------------------------------------------------------------------------------
def rows_of_cases(window: Window) -> Iterator[tuple[Any, ...]]:
    """What is known of each case but its customer and its words, newest first, a chunk of rows in memory at a time."""
    cases = Complaint.objects.filter(
        brand=window.brand, opened_at__gte=window.since, opened_at__lt=window.until, merged_into=None
    ).exclude(purchase__source=Purchase.TEST)
    credited = Attribution.objects.current().filter(purchase=OuterRef("purchase")).values("affiliate__code")[:1]
    return (
        cases.annotate(affiliate=Subquery(credited))
        .order_by("-opened_at", "-id")
        .values_list(*COLUMNS)
        .iterator(chunk_size=CHUNK)
    )
