"""Pages of a list that may be a million rows deep: each begins where the one before ended, and nothing is counted."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

PAGE_SIZE = 50


@dataclass(frozen=True)
class Page:
    """`previous` and `next`: what to ask for to get the pages beside it, or "" where there is none.

    `end`: where looking for its rows was left off before it was full, by the first field of their order.
    """

    rows: list[Any]
    previous: str = ""
    next: str = ""
    end: Any = None

    @property
    def further(self) -> str:
        """Where looking goes on."""
        return self.next or self.previous


@dataclass(frozen=True)
class Order:
    """A total order by fields or annotations that all rise, or all fall. `moments`: those that are times."""

    fields: tuple[str, ...]
    moments: tuple[str, ...] = ()
    falls: bool = False

    def sort(self, rows: QuerySet[Any], *, backwards: bool = False) -> QuerySet[Any]:
        sign = "-" if self.falls != backwards else ""
        return rows.order_by(*(sign + field for field in self.fields))

    def beyond(self, key: Sequence[Any], *, backwards: bool) -> Q:
        """(a, b, c) > (x, y, z), said so that an index on a is used."""
        step = "lt" if self.falls != backwards else "gt"
        beyond = Q()
        for field, value in reversed(list(zip(self.fields, key, strict=True))):
            further = Q(**{f"{field}__{step}": value})
            beyond = further | (Q(**{field: value}) & beyond) if beyond else further
        return Q(**{f"{self.fields[0]}__{step}e": key[0]}) & beyond

    def key_of(self, row: Any) -> list[Any]:
        return [getattr(row, field) for field in self.fields]


def page_of(rows: QuerySet[Any], order: Order, cursor: str, *, size: int = PAGE_SIZE, apart: Sequence[Q] = ()) -> Page:
    """A cursor that nobody gave out shows the first page. `apart`: as for `first_of`."""
    place = read_cursor(cursor, order)
    key, backwards = place or ([], False)
    if place:
        rows = rows.filter(order.beyond(key, backwards=backwards))
    return _page(first_of(rows, order, size + 1, apart=apart, backwards=backwards), order, place, size=size)


def page_among(
    rows: QuerySet[Any], among: QuerySet[Any], order: Order, cursor: str, *, size: int, looks_through: int
) -> Page:
    """A page of rows that no index finds: of those that one holds in this order so many are looked through, no more.

    It may so be short, or empty, and there may be more all the same: the next one looks on from where it left off.
    """
    place = read_cursor(cursor, order)
    key, backwards = place or ([], False)
    if place:
        beyond = order.beyond(key, backwards=backwards)
        rows, among = rows.filter(beyond), among.filter(beyond)
    keys = order.sort(among, backwards=backwards).values_list(*order.fields)
    last, *left = list(keys[looks_through - 1 : looks_through + 1]) or [()]
    if left:
        rows = rows.filter(order.beyond(left[0], backwards=not backwards))
    found = list(order.sort(rows, backwards=backwards)[: size + 1])
    return _page(found, order, place, size=size, end=last if left else ())


def _page(
    found: list[Any], order: Order, place: tuple[list[Any], bool] | None, *, size: int, end: Sequence[Any] = ()
) -> Page:
    """Of one row more than it shows, where there are more. `end`: how far they were looked for, if not to the last."""
    backwards = bool(place and place[1])
    has_more, shown = len(found) > size, found[:size]
    further = order.key_of(shown[-1]) if has_more else end
    if backwards:
        shown.reverse()
    onwards = write_cursor(further, backwards=backwards) if further else ""
    back = write_cursor(order.key_of(shown[-1 if backwards else 0]), backwards=not backwards) if place and shown else ""
    until = end[0] if end and not has_more else None
    return Page(shown, onwards, back, until) if backwards else Page(shown, back, onwards, until)


def first_of(rows: QuerySet[Any], order: Order, count: int, *, apart: Sequence[Q], backwards: bool) -> list[Any]:
    """The first rows in order, whose last field is the id.

    `apart`: parts of the rows that an index holds one by one, such as those of each brand. The first of each are read
    from it and merged: sorted as one, all of all parts would be.
    """
    if len(apart) < 2:
        return list(order.sort(rows, backwards=backwards)[:count])
    firsts = [order.sort(rows.filter(part), backwards=backwards).values_list(*order.fields)[:count] for part in apart]
    merged = order.sort(firsts[0].union(*firsts[1:], all=True), backwards=backwards)[:count]
    ids = [key[-1] for key in merged]
    found = rows.in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def write_cursor(key: Sequence[Any], *, backwards: bool) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in key]
    return base64.urlsafe_b64encode(json.dumps([int(backwards), *plain]).encode()).decode().rstrip("=")


def read_cursor(cursor: str, order: Order) -> tuple[list[Any], bool] | None:
    """None: there is none, or it is not one of this order's."""
    try:
        backwards, *plain = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        key = [read_value(value, field in order.moments) for field, value in zip(order.fields, plain, strict=True)]
    except (ValueError, TypeError, RecursionError):  # of base64 and of JSON too
        return None
    return key, bool(backwards)


def read_value(value: Any, is_moment: bool) -> Any:
    """ValueError or TypeError: it is not what it should be."""
    if is_moment:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment
    if type(value) is not int or abs(value) >= 2**63:
        raise ValueError
    return value
