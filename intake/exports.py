"""What staff take out: one row an affiliate and currency, of all that was bought and said, suspect answers left out."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from accounts.models import Brand
from accounts.spreadsheets import as_text
from affiliates.models import Affiliate, Purchase
from complaints.models import Complaint
from insights.privacy import parse_period
from insights.statistics import nps_score
from surveys.models import Answer, Response, Wave

HEADER = (
    *("affiliate", "purchases", "customers", "amount_total", "currency", "delivered", "answers"),
    *("csat_mean", "csat_1", "csat_2", "csat_3", "csat_4", "csat_5", "nps"),
    *("comments", "complaints", "repeat_customers"),
)
COMMENTS = ("comment", "keep_text", "improve_text", "expectation")


class Writable(Protocol):
    def write(self, text: str, /) -> object: ...


Scores = dict[int, int]  # number: how many gave it


@dataclass
class AffiliateRow:
    """All counts of one affiliate in one currency; those of answers go by the purchase they are about."""

    purchases: int = 0
    customers: int = 0
    amount_total: Decimal = Decimal(0)
    delivered: int = 0
    answers: int = 0
    csat: Scores = field(default_factory=dict)
    nps: Scores = field(default_factory=dict)
    comments: int = 0
    complaints: int = 0
    repeat_customers: int = 0

    @property
    def csat_mean(self) -> str:
        n = sum(self.csat.values())
        if not n:
            return ""
        total = sum(number * count for number, count in self.csat.items())
        return str((Decimal(total) / n).quantize(Decimal("0.0001"), ROUND_HALF_UP))

    @property
    def nps_shown(self) -> str:
        """Rounded to a whole number, halves away from zero, as it is shown everywhere."""
        promoters = sum(count for number, count in self.nps.items() if number >= 9)
        detractors = sum(count for number, count in self.nps.items() if number <= 6)
        score = nps_score(promoters, sum(self.nps.values()) - promoters - detractors, detractors)
        return "" if score is None else str(int(Decimal(repr(score)).quantize(Decimal(1), ROUND_HALF_UP)))

    def cells(self, code: str, currency: str) -> list[str]:
        return [
            as_text(code),
            str(self.purchases),
            str(self.customers),
            f"{self.amount_total:.2f}",
            currency,
            str(self.delivered),
            str(self.answers),
            self.csat_mean,
            *(str(self.csat.get(number, 0)) for number in range(1, 6)),
            self.nps_shown,
            str(self.comments),
            str(self.complaints),
            str(self.repeat_customers),
        ]


def write_affiliates(brand: Brand, out: Writable, *, period: str = "all") -> int:
    """The table as CSV; how many rows. ValidationError: no such period."""
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(HEADER)
    rows = affiliate_rows(brand, period=period)
    writer.writerows(row.cells(code, currency) for (code, currency), row in rows.items())
    return len(rows)


def affiliate_rows(brand: Brand, *, period: str = "all") -> dict[tuple[str, str], AffiliateRow]:
    """By code and currency, in this order. Purchases count by when they were bought, answers by when they were given.

    An affiliate without any has one row of noughts. Cases count by when they were opened; who came back are customers
    with two or more purchases that were neither cancelled nor refunded.
    """
    rows: defaultdict[tuple[str, str], AffiliateRow] = defaultdict(AffiliateRow)
    span = span_of(brand, period)
    _count_purchases(rows, _credited(Purchase.objects.real().filter(brand=brand, **_within("purchased_at", span)), ""))
    responses = Response.objects.counted().filter(
        brand=brand, invitation__wave=Wave.FIRST, **_within("answered_at", span)
    )
    _count_answers(rows, responses.exclude(invitation__purchase__source=Purchase.TEST))
    complaints = Complaint.objects.filter(brand=brand, **_within("opened_at", span))
    cases = _credited(complaints.exclude(purchase__source=Purchase.TEST), "purchase__")
    for key, count in _by_affiliate(cases, "purchase__", Count("pk")):
        rows[key].complaints = count
    present = {code for code, _currency in rows}
    for code in Affiliate.objects.filter(brand=brand).exclude(code__in=present).values_list("code", flat=True):
        rows[code, ""] = AffiliateRow()
    return dict(sorted(rows.items()))


def _count_purchases(rows: Mapping[tuple[str, str], AffiliateRow], purchases: QuerySet[Any]) -> None:
    received = Count(Coalesce("delivered_at", "activated_at"))
    totals = _by_affiliate(purchases, "", Count("pk"), Count("customer", distinct=True), Sum("amount"), received)
    for key, count, customers, amount, delivered in totals:
        row = rows[key]
        row.purchases, row.customers, row.delivered = count, customers, delivered
        row.amount_total = amount or Decimal(0)
    kept = purchases.filter(state=Purchase.State.OPEN)
    again = (
        kept.values_list("attributions__affiliate__code", "currency", "customer")
        .annotate(n=Count("pk"))
        .filter(n__gte=2)
        .order_by()
    )
    for code, currency, _customer, _n in again.iterator():
        rows[code, currency].repeat_customers += 1


def _count_answers(rows: Mapping[tuple[str, str], AffiliateRow], responses: QuerySet[Response]) -> None:
    of_purchase = "invitation__purchase__"
    has_words = Exists(Answer.objects.filter(response=OuterRef("pk"), question__key__in=COMMENTS).exclude(text=""))
    credited = _credited(responses, of_purchase).alias(has_words=has_words)
    counts = _by_affiliate(credited, of_purchase, Count("pk"), Count("pk", filter=Q(has_words=True)))
    for key, answers, comments in counts:
        rows[key].answers, rows[key].comments = answers, comments
    for scale in ("csat", "nps"):
        answers = Answer.objects.filter(response__in=responses, question__key=scale, number__isnull=False)
        prefix = f"response__{of_purchase}"
        for key, number, count in _by_affiliate(_credited(answers, prefix), prefix, Count("pk"), per="number"):
            getattr(rows[key], scale)[number] = count


def _credited(queryset: QuerySet[Any], prefix: str) -> QuerySet[Any]:
    """Those whose purchase is credited to somebody, joined with that one attribution."""
    attribution = f"{prefix}attributions__"
    return queryset.filter(**{f"{attribution}is_current": True, f"{attribution}affiliate__isnull": False})


def _by_affiliate(queryset: QuerySet[Any], prefix: str, *aggregates: Any, per: str = "") -> Iterator[tuple[Any, ...]]:
    """((code, currency), [the value of `per`,] aggregates …) of what `_credited` has joined."""
    groups = [f"{prefix}attributions__affiliate__code", f"{prefix}currency", *([per] if per else [])]
    named = {f"aggregate_{number}": aggregate for number, aggregate in enumerate(aggregates)}
    for code, currency, *values in queryset.values_list(*groups).annotate(**named).order_by():
        yield (code, currency), *values


def span_of(brand: Brand, period: str) -> tuple[datetime, datetime] | None:
    months = parse_period(period)
    if not (months.first and months.after):
        return None
    zone = ZoneInfo(brand.timezone)
    start, end = (datetime.combine(day, time(), tzinfo=zone) for day in (months.first, months.after))
    return start, end


def _within(name: str, span: tuple[datetime, datetime] | None) -> dict[str, datetime]:
    return {f"{name}__gte": span[0], f"{name}__lt": span[1]} if span else {}
