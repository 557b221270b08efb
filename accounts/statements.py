"""Objects by statements that are written once.

Where a request asks a question a few thousand times a minute, it takes the ORM longer to write its statement anew than
the database to answer it. For such places alone; what is asked now and then is asked with querysets.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from django.db import connection, models

Convert = Callable[[Any, Any, Any], Any]


def select(
    wanted: Sequence[type[models.Model]], rest: str, values: Sequence[Any], *, first: str = ""
) -> Iterator[tuple[Any, ...]]:
    """Rows of whole objects of these models, then whatever `rest` names before its FROM: `, now() FROM a JOIN b …`.

    The tables go by their own names. `first`: a statement that runs before, in the same round trip; its values are the
    first ones.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"{first}SELECT {_columns(tuple(wanted))}{rest}", values)
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
def _columns(wanted: tuple[type[models.Model], ...]) -> str:
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
