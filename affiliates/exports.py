"""Affiliates as a table for a spreadsheet, in the columns that an import reads again; and clicks."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet

from accounts.spreadsheets import as_text
from affiliates.models import Affiliate, Click
from affiliates.sub_ids import KEYS

CLICK_COLUMNS = ("click_id", "link", "affiliate", "kind", "occurred_at", *KEYS)
COLUMNS = ("code", "name", "public_name", "email", "status")


def write_affiliates(affiliates: Iterable[Affiliate]) -> str:
    """With a byte order mark, by which spreadsheets know the letters."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([as_text(getattr(each, name)) for name in COLUMNS] for each in affiliates)
    return "\ufeff" + file.getvalue()


def write_clicks(clicks: QuerySet[Click]) -> Iterator[str]:
    """Line by line, for there may be millions. Times are UTC, as ISO 8601."""
    yield "\ufeff" + _line(CLICK_COLUMNS)
    found = clicks.order_by("pk").values_list(
        "public_id", "link__code", "link__affiliate__code", "kind", "occurred_at", "sub_ids"
    )
    for public_id, link, affiliate, kind, occurred_at, sub_ids in found.iterator(chunk_size=2000):
        cells = [public_id, link, affiliate, kind, occurred_at.isoformat(), *(sub_ids.get(key, "") for key in KEYS)]
        yield _line(map(as_text, cells))


def _line(cells: Iterable[Any]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerow(cells)
    return file.getvalue()
