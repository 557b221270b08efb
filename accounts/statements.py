"""Rows of statements; and those that are written once, planned once by each connection, and whole objects by them.

Where a request asks a question a few thousand times a minute, it takes the ORM longer to write its statement anew, and
the database longer to plan it, than to answer it. For such places alone; what is asked now and then is asked with
querysets.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from typing import Any

from django.db import NotSupportedError, connection, connections, models
from django.db.backends.utils import CursorWrapper

from accounts.replica import alias_to_read

Convert = Callable[[Any, Any, Any], Any]
# Never the same name twice: a statement may have been planned though what came with it failed.
_numbers = count(1)


def run(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement; none where it returns none. Its values stand in it by name: %(brand)s.

    On a page that is read from the replica it is asked there; what is planned below never is.
    """
    with connections[alias_to_read()].cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def execute_planned(cursor: CursorWrapper, statement: str, values: Sequence[Any]) -> None:
    """Run a statement with its values at $1, $2 …, which need a cast where PostgreSQL cannot tell their types.

    Its plan is kept with the connection and suits any values. Its text must be the same each time.
    """
    planned: dict[str, str] = connection.planned  # type: ignore[attr-defined]  # by our backend
    places = f"({', '.join(['%s'] * len(values))})" if values else ""
    if name := planned.get(statement):
        try:
            cursor.execute(f"EXECUTE {name}{places}", values)
            return
        except NotSupportedError:  # a migration has given a column another type: it is planned anew
            del planned[statement]
            if connection.in_atomic_block:  # by whoever comes next: this transaction is over
                raise
    name = f"planned_{next(_numbers)}"
    cursor.execute(f"PREPARE {name} AS {statement}; EXECUTE {name}{places}", values)
    planned[statement] = name


def select(
    wanted: Sequence[type[models.Model]], rest: str, values: Sequence[Any], *, first: str = ""
) -> Iterator[tuple[Any, ...]]:
    """Rows of whole objects of these models, then whatever `rest` names before its FROM: `, now() FROM a JOIN b …`.

    The tables go by their own names. `first`: a statement that runs before, in the same round trip; its values are the
    first ones.
    """
    with connection.cursor() as cursor:
        if first:
            cursor.execute(f"{first}SELECT {columns_of(*wanted)}{rest}", values)
        else:
            execute_planned(cursor, _numbered(f"SELECT {columns_of(*wanted)}{rest}"), values)
        rows = cursor.fetchall()
    for row in rows:
        start, made = 0, []
        for model in wanted:
            names, converters = _fields(model)
            made.append(_made(model, names, converters, row[start : start + len(names)]))
            start += len(names)
        yield (*made, *row[start:])


def _made(
    model: type[models.Model], names: list[str], converters: list[tuple[int, Convert]], cells: tuple[Any, ...]
) -> models.Model:
    if converters:
        converted = list(cells)
        for place, convert in converters:
            converted[place] = convert(converted[place], None, connection)
        return model.from_db(connection.alias, names, converted)
    return model.from_db(connection.alias, names, cells)


@cache
def _numbered(statement: str) -> str:
    """With $1, $2 … for each %s."""
    first, *rest = statement.split("%s")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


@cache
def columns_of(*wanted: type[models.Model]) -> str:
    quote = connection.ops.quote_name
    return ", ".join(
        f"{quote(model._meta.db_table)}.{quote(str(field.column))}"
        for model in wanted
        for field in model._meta.concrete_fields
    )


@cache
def _fields(model: type[models.Model]) -> tuple[list[str], list[tuple[int, Convert]]]:
    """By name, and how those are read that come otherwise than they are: JSON as a text."""
    fields = model._meta.concrete_fields
    converters = [
        (place, convert) for place, field in enumerate(fields) for convert in field.get_db_converters(connection)
    ]
    return [field.attname for field in fields], converters
