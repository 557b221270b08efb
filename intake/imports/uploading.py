"""A file that an administrator uploads at the desk: taken in while they wait, and not kept.

Nothing is lost with it. Rows that were refused are mended in their own file, and the whole of it uploaded again: what
has come in is known by its ids.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import number_format
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _

from accounts.models import AuditEntry, Brand, User
from accounts.services import record_change
from intake.imports.kinds import ImportKind
from intake.imports.mapping import ColumnMapping, ImportRefused
from intake.imports.reading import GZIP, Row, Source, fingerprint
from intake.imports.running import Import, Tally, run_import, try_import
from intake.models import ImportRun

MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 10_000  # some seconds' work
REFUSED_TOLD = 50


@dataclass(frozen=True)
class Upload:
    """`name` is the uploader's own word for it."""

    kind: ImportKind[Any]
    name: str
    content: bytes


@dataclass(frozen=True)
class Taken:
    """What became of the rows, or would; of the refused the first, with their number (from 1) and why."""

    tally: Tally
    refused: list[tuple[int, str]]

    @property
    def untold(self) -> int:
        return self.tally.counts["rejected"] - len(self.refused)


def take_upload(brand: Brand, upload: Upload, *, by: User, now: datetime) -> Taken:
    """Store its rows. ImportRefused: none of it can be read, or it is too long to wait for."""
    return _with_file(brand, upload, lambda job: _take(job, by, now))


def try_upload(brand: Brand, upload: Upload, *, now: datetime) -> Taken:
    """The same, with nothing stored."""
    return _with_file(brand, upload, lambda job: try_import(job, now=now))


def _take(job: Import, by: User, now: datetime) -> Tally:
    tally, _rejects = run_import(job, now=now)
    run = ImportRun.objects.filter(brand=job.brand, file_hash=job.fingerprint).latest("pk")
    record_change(by, job.brand, AuditEntry.Action.ADDED, run, **+tally.counts)
    return tally


def _with_file(brand: Brand, upload: Upload, work: Callable[[Import], Tally]) -> Taken:
    refused: list[tuple[Row, str]] = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / get_valid_filename(upload.name)[-100:]
        path.write_bytes(upload.content)
        _refuse_long(upload, path)
        mark = fingerprint(path, upload.kind.meaning, brand.timezone)
        with closing(_open(upload, path)) as source:
            zone = ZoneInfo(brand.timezone)
            tally = work(Import(brand, upload.kind, source, zone, mark, on_refused=refused.extend))
    return Taken(tally, [(row.number, reasons) for row, reasons in refused[:REFUSED_TOLD]])


def _refuse_long(upload: Upload, path: Path) -> None:
    if upload.content.startswith(GZIP):  # a small one may hold more than the machine does
        raise ImportRefused(_("The file is compressed. Upload it as plain CSV."))
    with closing(_open(upload, path)) as source:
        if next(islice(source, MOST_ROWS, None), None) is not None:
            told = _("The file has more than %(count)s rows. Upload it in parts, or let your operator import it.")
            raise ImportRefused(told % {"count": number_format(MOST_ROWS)})


def _open(upload: Upload, path: Path) -> Source:
    return Source(path, ColumnMapping(), columns=upload.kind.columns, required=upload.kind.required)
