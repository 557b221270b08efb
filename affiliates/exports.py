"""Affiliates as a table for a spreadsheet, in the columns that an import reads again."""

import csv
import io
from collections.abc import Iterable

from accounts.spreadsheets import as_text
from affiliates.models import Affiliate

COLUMNS = ("code", "name", "public_name", "email", "status")


def write_affiliates(affiliates: Iterable[Affiliate]) -> str:
    """With a byte order mark, by which spreadsheets know the letters."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([as_text(getattr(each, name)) for name in COLUMNS] for each in affiliates)
    return "\ufeff" + file.getvalue()
