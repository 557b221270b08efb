"""One run of an import, from the first row or from where an interrupted one stopped."""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, reset_queries, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.models import Brand
from affiliates.services import FieldError
from intake.imports.kinds import ImportKind, Outcome
from intake.imports.mapping import ColumnMapping, ImportRefused
from intake.imports.reading import Row, Source
from intake.imports.rejects import RejectsFile
from intake.models import ImportRun

OBJECTS_BEFORE_COLLECTION = 50_000
COUNTED = ("imported", "updated", "duplicate", "rejected")


@dataclass
class Tally:
    """What became of the rows so far, and why some were refused."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return ", ".join(f"{self.counts[status]} {status}" for status in COUNTED)


@dataclass(frozen=True)
class Import:
    """What to do with a file. `on_progress` is called after each batch."""

    brand: Brand
    kind: ImportKind[Any]
    source: Source
    timezone: ZoneInfo  # of times that name none
    fingerprint: str
    on_progress: Callable[[], object] = lambda: None


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
        rejects = RejectsFile(job.source.path, job.source.header)
        rejects.begin(rows_done=run.rows_done)
        tally = Tally(Counter({status: getattr(run, status) for status in COUNTED}))
        rows = islice(job.source, run.rows_done, None)
        try:
            for batch in _batches(rows):
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
        for batch in _batches(job.source):
            outcomes, _unwritten = _store(job, batch, now=now)
            _count(tally, outcomes)
            job.on_progress()
        transaction.set_rollback(True)
    return tally


def _take_batch(
    job: Import, run: ImportRun, batch: Sequence[Row], tally: Tally, rejects: RejectsFile, *, now: datetime
) -> None:
    with transaction.atomic():
        outcomes, refused = _store(job, batch, now=now)
        news = Counter(outcome.status for outcome in outcomes)
        ImportRun.objects.filter(pk=run.pk).update(
            rows_done=batch[-1].number, **{status: F(status) + count for status, count in news.items()}
        )
        rejects.add(refused)
    _count(tally, outcomes)
    reset_queries()  # under DEBUG Django remembers statements, here of a thousand rows each


def _store(job: Import, batch: Sequence[Row], *, now: datetime) -> tuple[list[Outcome], list[tuple[Row, str]]]:
    """What became of each row, and those refused with their reasons, in the file's order."""
    parsed = [_parse(job, row) for row in batch]
    readable = [one for one in parsed if not isinstance(one, list)]
    stored = iter(job.kind.take(job.brand, readable, now))
    outcomes = [Outcome("rejected", one) if isinstance(one, list) else next(stored) for one in parsed]
    refused = [
        (row, _in_words(outcome.errors, job.source.mapping))
        for row, outcome in zip(batch, outcomes, strict=True)
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


def _count(tally: Tally, outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        tally.counts[outcome.status] += 1
        tally.reasons.update(
            {f"{error.field}: {error.message}" if error.field else error.message for error in outcome.errors}
        )


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, settings.PURCHASE_BATCH_SIZE)):
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
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


@contextmanager
def _alone(fingerprint: str, brand: Brand) -> Iterator[None]:
    """A lock of this session: gone with the process, however that ends."""
    key = int(fingerprint[:15], 16) ^ brand.pk
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        if not cursor.fetchone()[0]:
            raise ImportRefused("This file is being imported at this moment.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
