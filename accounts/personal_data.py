"""What tables hold of a customer, said once a table: erasing, telling and the tests walk the same rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet


@dataclass(frozen=True, kw_only=True)
class Held:
    """One table's part in what is held of a customer.

    `of`: the ways from a row to its customer, as lookups. `told`: what customers are told of the row, as lookups.
    `left`: what of it is overwritten once they are erased, the rest staying for sums; None: the row goes.
    """

    model: type[models.Model]
    of: tuple[str, ...]
    told: tuple[str, ...] = ()
    left: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        return self.model._meta.label

    def rows(self, customer: int) -> QuerySet[Any]:
        """Each once, however many ways lead from it."""
        ways = reduce(or_, (Q(**{way: customer}) for way in self.of))
        rows: QuerySet[Any] = self.model._default_manager.filter(ways).order_by("pk").distinct()
        return rows

    def tell(self, customer: int) -> list[dict[str, Any]]:
        return list(self.rows(customer).values(*self.told)) if self.told else []

    def erase(self, customer: int) -> int:
        """How many rows went or were overwritten; what hangs on them by CASCADE goes along."""
        found = self.model._default_manager.filter(pk__in=list(self.rows(customer).values_list("pk", flat=True)))
        if self.left is not None:
            return found.update(**self.left)
        count = found.count()
        found.delete()
        return count


def erase_all(held: Iterable[Held], customer: int) -> dict[str, int]:
    """In the order given, which is that of the tables' dependence; how many rows of each, where there were some."""
    counts = {each.name: each.erase(customer) for each in held}
    return {name: count for name, count in counts.items() if count}
