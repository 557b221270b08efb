"""Winning customers and looking after them: one period, the same purchases on both sides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboards import charts
from dashboards.wording import name_of_month
from insights.privacy import next_month
from insights.sales import MonthOfSales


@dataclass(frozen=True)
class Halves:
    """Customers' first purchases and all later ones. The charts are empty where there is only one month."""

    new: int
    returning: int
    months: list[tuple[str, int, int]]
    new_chart: SafeString | str
    returning_chart: SafeString | str

    @property
    def purchases(self) -> int:
        return self.new + self.returning

    @property
    def share_returning(self) -> float:
        return self.returning / self.purchases


def write_halves(sold: Sequence[MonthOfSales]) -> Halves | None:
    if not sold:
        return None
    months = list(without_gaps(sold))
    return Halves(
        new=sum(each.new for each in months),
        returning=sum(each.returning for each in months),
        months=[(name_of_month(each.month), each.new, each.returning) for each in reversed(months)],
        new_chart=chart(months, [each.new for each in months]),
        returning_chart=chart(months, [each.returning for each in months]),
    )


def without_gaps(sold: Sequence[MonthOfSales]) -> Iterator[MonthOfSales]:
    """A month without sales is a zero, not a gap."""
    known = {each.month: each for each in sold}
    month = sold[0].month
    while month <= sold[-1].month:
        yield known.get(month, MonthOfSales(month, 0, 0))
        month = next_month(month)


def chart(months: Sequence[MonthOfSales], counts: Sequence[int]) -> SafeString | str:
    if len(months) < 2:
        return ""
    said = {"first": name_of_month(months[0].month), "last": name_of_month(months[-1].month)}
    label = _("From %(first)s to %(last)s: ") % said + ", ".join(map(str, counts))
    return charts.sparkline(counts, label=label)
