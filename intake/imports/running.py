"""One run of an import, from the first row or from where an interrupted one stopped."""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, reset_queries, transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Brand
from affiliates.services import FieldError
from intake.imports.kinds import ImportKind, Outcome
from intake.imports.mapping import ColumnMapping, ImportRefused
from intake.imports.reading import Row, Source
from intake.imports.rejects import RejectsFile
from intake.models import ImportRun

OBJECTS_BEFORE_COLLECTION = 50_000
USUAL_THRESHOLDS = gc.get_threshold()  # taken once: of two uploads in one process the later would keep the other's
COUNTED = ("imported", "updated", "duplicate", "rejected")


@dataclass
class Tally:
    """What became of the rows so far, and why some were refused."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return ", ".join(f"{self.counts[status]} {status}" for status in COUNTED)


class Parsed(NamedTuple):
    """A row, and what it says or a list of what is wrong with it."""

    row: Row
    said: Any


@dataclass(frozen=True)
class Import:
    """What to do with a file. After each batch `on_refused` is told its refused rows, with why, then `on_progress`.

    `spare`: the folder for what was refused where the file's own is read-only.
    """

    brand: Brand
    kind: ImportKind[Any]
    source: Source
    timezone: ZoneInfo  # of times that name none
    fingerprint: str
    on_progress: Callable[[], object] = lambda: None
    on_refused: Callable[[list[tuple[Row, str]]], object] = lambda _rows: None
    spare: Path | None = None


def run_import(job: Import, *, now: datetime) -> tuple[Tally, RejectsFile]:
    """Take the file in, batch by batch; one that was interrupted goes on where it stopped.

    Whatever happens, no row is taken twice: what a batch stores and how far the file is done are one transaction, and
    rows that come again are known by their ids. ImportRefused: the same file is being imported at this moment.
    """
    with _alone(job.fingerprint, job.brand), _seldom_collecting():
        run = _unfinished(job) or ImportRun.objects.create(
            brand=job.brand,
            kind=job.kind.name,
            file_name=job.source.path.name[:250],
            file_hash=job.fingerprint,
            started_at=now,
        )
        rejects = RejectsFile(job.source.path, job.source.header, job.spare)
        rejects.begin(rows_done=run.rows_done)
        tally = Tally(Counter({status: getattr(run, status) for status in COUNTED}))
        rows = islice(job.source, run.rows_done, None)
        try:
            for batch in _read_ahead(job, rows):
                _take_batch(job, run, batch, tally, rejects, now=now)
                job.on_progress()
        finally:
            rejects.close()
        ImportRun.objects.filter(pk=run.pk).update(finished_at=now)
    return tally, rejects


def try_import(job: Import, *, now: datetime) -> Tally:
    """The same counts with nothing stored. While it runs, other purchases of its customers wait."""
    tally = Tally()
    with transaction.atomic():
        for batch in _read_ahead(job, job.source):
            outcomes, refused = _store(job, batch, now=now)
            _count(tally, outcomes)
            job.on_refused(refused)
            job.on_progress()
        transaction.set_rollback(True)
    return tally


def _take_batch(
    job: Import, run: ImportRun, batch: Sequence[Parsed], tally: Tally, rejects: RejectsFile, *, now: datetime
) -> None:
    with transaction.atomic():
        _commit_without_waiting()
        outcomes, refused = _store(job, batch, now=now)
        news = Counter(outcome.status for outcome in outcomes)
        ImportRun.objects.filter(pk=run.pk).update(
            rows_done=batch[-1].row.number, **{status: F(status) + count for status, count in news.items()}
        )
        rejects.add(refused)
    _count(tally, outcomes)
    job.on_refused(refused)
    reset_queries()  # under DEBUG Django remembers statements, here of a thousand rows each


def _commit_without_waiting() -> None:
    """The batch and how far the file is done reach the disk together, a moment later: a machine that goes down in it
    does both again. The end of the run is waited for, and with it all that came before."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def _store(job: Import, batch: Sequence[Parsed], *, now: datetime) -> tuple[list[Outcome], list[tuple[Row, str]]]:
    """What became of each row, and those refused with their reasons, in the file's order."""
    readable = [said for _row, said in batch if not isinstance(said, list)]
    stored = iter(job.kind.take(job.brand, readable, now))
    outcomes = [Outcome("rejected", said) if isinstance(said, list) else next(stored) for _row, said in batch]
    refused = [
        (row, _in_words(outcome.errors, job.source.mapping))
        for (row, _said), outcome in zip(batch, outcomes, strict=True)
        if outcome.status == "rejected"
    ]
    return outcomes, refused


def _parse(job: Import, row: Row) -> Any:
    if not row.is_whole:
        counts = {"found": len(row.cells), "expected": len(job.source.header)}
        message = _("The row has %(found)d columns, the header %(expected)d.") % counts
        return [FieldError("", "wrong_columns", message)]
    return job.kind.parse(row.values, job.timezone)


def _in_words(errors: Iterable[FieldError], mapping: ColumnMapping) -> str:
    """By the names that the columns have in the file, with the code for whoever sorts the refused by it."""
    told = [
        f"{mapping.name_in_file(error.field)}: {error.message} [{error.code}]" if error.field else error.message
        for error in errors
    ]
    return " · ".join(told)


def _count(tally: Tally, outcomes: Sequence[Outcome]) -> None:
    tally.counts.update(outcome.status for outcome in outcomes)
    for errors in filter(None, (outcome.errors for outcome in outcomes)):
        tally.reasons.update({f"{error.field}: {error.message}" if error.field else error.message for error in errors})


def _read_ahead(job: Import, rows: Iterable[Row]) -> Iterator[list[Parsed]]:
    """The file in batches; while the database is busy with one, another thread reads the next."""
    iterator, language = iter(rows), translation.get_language()

    def read() -> list[Parsed]:
        with translation.override(language):  # which is of a thread
            return [Parsed(row, _parse(job, row)) for row in islice(iterator, settings.PURCHASE_BATCH_SIZE)]

    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(read)
        while batch := ahead.result():
            ahead = reader.submit(read)
            yield batch


def _unfinished(job: Import) -> ImportRun | None:
    runs = ImportRun.objects.filter(
        brand=job.brand, kind=job.kind.name, file_hash=job.fingerprint, finished_at__isnull=True
    )
    return runs.order_by("-pk").first()


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """A batch makes tens of thousands of objects without a cycle among them: to look for some, again and again among
    all that is loaded as well, is a quarter of the work."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION, *USUAL_THRESHOLDS[1:])
    try:
        yield
    finally:
        gc.set_threshold(*USUAL_THRESHOLDS)
        gc.unfreeze()


@contextmanager
def _alone(fingerprint: str, brand: Brand) -> Iterator[None]:
    """A lock of this session: gone with the process, however that ends."""
    key = int(fingerprint[:15], 16) ^ brand.pk
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        if not cursor.fetchone()[0]:
            raise ImportRefused(_("This file is being imported at this moment."))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
