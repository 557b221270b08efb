"""Many new rows at once: PostgreSQL's COPY, several times as fast as INSERT and kinder to Python."""

import io
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.utils import timezone

NULL = r"\N"
# What COPY's text format reads otherwise.
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copy_rows(rows: Sequence[models.Model]) -> None:
    """Insert new objects of one model and give them their ids, in two statements however many they are.

    As bulk_create: no save(), no signals, constraints checked by the database. Defaults are the model's own, and
    "set when added" fields get the time of now.
    """
    if not rows:
        return
    model = type(rows[0])
    fields = model._meta.concrete_fields
    _number(rows)
    _date(
        rows, [field for field in fields if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)]
    )
    columns = [(field.attname, _writer(field)) for field in fields]
    lines = ("\t".join([write(getattr(row, name)) for name, write in columns]) for row in rows)
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(model._meta.db_table)
        cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN", io.StringIO("\n".join(lines) + "\n"))
    for row in rows:
        row._state.adding = False
        row._state.db = connection.alias


def _number(rows: Sequence[models.Model]) -> None:
    meta = type(rows[0])._meta
    with connection.cursor() as cursor:
        numbers = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
        cursor.execute(numbers, [meta.db_table, meta.pk.column, len(rows)])
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = number


def _date(rows: Sequence[models.Model], fields: Iterable[models.Field]) -> None:
    now = timezone.now()
    dated = [f.attname for f in fields if getattr(f, "auto_now", False) or getattr(f, "auto_now_add", False)]
    for row in rows:
        for name in dated:
            setattr(row, name, now)


def _writer(field: models.Field) -> Callable[[Any], str]:
    """How a field's values are written in COPY's text format."""
    if isinstance(field, models.JSONField):
        return lambda value: _escaped(json.dumps(value))
    if isinstance(field, ArrayField):
        return lambda value: _escaped("{" + ",".join(_quoted(each) for each in value) + "}")
    return _plain


def _plain(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return r"\\x" + bytes(value).hex()
    return str(value)


def _quoted(element: str) -> str:
    """An element of an array, in the array's own quotes."""
    return '"' + element.replace("\\", r"\\").replace('"', r"\"") + '"'


def _escaped(text: str) -> str:
    return text.translate(ESCAPES)
