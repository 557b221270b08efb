"""What must not grow with the work: the cost of a row, the memory of an import, the question of who is due."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from accounts.clock import database_now
from accounts.models import Brand
from intake.bench.measuring import Contest, Reading, megabytes
from intake.bench.rows import import_all, write_purchases
from intake.bench.world import make_brand
from surveys.asking import PURCHASE_WAVES
from surveys.models import Invitation, Wave

SMALL = 10_000  # rows, of the smaller of two imports whose memory is compared
DUE = 1_000
QUESTIONS = 50
# One in 50 waits for its day, one in 100 is held, the others are settled: a shop's table after some years.
INVITATIONS = """
INSERT INTO surveys_invitation
    (brand_id, survey_id, wave, occasion, state, reason, scheduled_for, created_at, updated_at)
SELECT %(brand)s, %(survey)s, %(wave)s, 'bench:' || n,
    CASE WHEN n %% 50 = 0 THEN 'planned' WHEN n %% 100 = 1 THEN 'held' WHEN n %% 3 = 0 THEN 'cancelled'
        ELSE 'queued' END,
    CASE WHEN n %% 50 = 0 THEN '' WHEN n %% 100 = 1 THEN 'fatigue' WHEN n %% 3 = 0 THEN 'sampled_out' ELSE '' END,
    %(now)s + ((n %% 1000 + 1) || ' hours')::interval, %(now)s, %(now)s
FROM generate_series(1, %(count)s) AS n
"""
MAKE_DUE = """
UPDATE surveys_invitation SET scheduled_for = %(now)s
WHERE id IN (SELECT id FROM surveys_invitation WHERE state = 'planned' LIMIT %(count)s)
"""


def growth(size: int) -> Iterator[Contest]:
    """Ten and a hundred times as many rows, each compared with the same brand's smallest file."""
    base = max(1_000, size // 10)
    with tempfile.TemporaryDirectory() as folder:
        for times in (10, 100):
            brand = make_brand()
            small, large = Path(folder) / "small.csv", Path(folder) / "large.csv"

            def prepare(small: Path = small, large: Path = large, times: int = times) -> None:
                write_purchases(small, base)
                write_purchases(large, base * times)

            yield Contest(
                f"CSV import of {base * times:,} rows",
                f"the same of {base:,}",
                1 / 1.3,
                1 / 1.1,
                lambda brand=brand, path=large, times=times: import_all(brand, path, base * times),  # type: ignore[misc]
                lambda brand=brand, path=small: import_all(brand, path, base),  # type: ignore[misc]
                prepare=prepare,
                rounds=1,
            )


def memory(size: int) -> Iterator[Reading]:
    """Of the command, in a process of its own."""
    large = 10 * size
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "purchases.csv"
        few, many = (peak_of_import(make_brand(), path, rows) for rows in (SMALL, large))
    yield Reading(f"memory of an import of {large:,} rows, against {SMALL:,}", many / few, "×", 1.3, 1.1)
    yield Reading(f"memory of an import of {large:,} rows", many, "MB", 300, 200)


def peak_of_import(brand: Brand, path: Path, rows: int) -> float:
    write_purchases(path, rows)
    command: list[str | Path] = [
        sys.executable,
        settings.BASE_DIR / "manage.py",
        "import_purchases",
        path,
        "--brand",
        brand.slug,
    ]
    with subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL) as process:
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"The import ended with {process.returncode}.")
    return megabytes(usage.ru_maxrss)


def due(size: int) -> Iterator[Reading]:
    """The question that a worker asks every two seconds, as the database times it: mostly nobody is due."""
    brand, now, count = make_brand(), database_now(), 100 * size
    survey = brand.surveys.get(wave=Wave.FIRST)
    told: dict[str, Any] = {"brand": brand.pk, "survey": survey.pk, "wave": Wave.FIRST, "now": now, "count": count}
    with connection.cursor() as cursor:
        cursor.execute(INVITATIONS, told)
        cursor.execute("VACUUM ANALYZE surveys_invitation")
        yield Reading(f"who is due among {count:,} invitations: nobody", time_of_question(), "ms", 20, 5)
        cursor.execute(MAKE_DUE, {"now": now, "count": DUE})
        yield Reading(f"who is due among {count:,} invitations: {DUE:,}", time_of_question(), "ms", 20, 5)


def time_of_question() -> float:
    """Planning and running, locks included; the 95th percentile, in milliseconds."""
    asked = Invitation.objects.filter(wave__in=PURCHASE_WAVES).due(database_now())
    locked = asked.select_for_update(skip_locked=True, no_key=True)[: settings.PURCHASE_BATCH_SIZE]
    times = []
    for _question in range(QUESTIONS):
        with transaction.atomic():
            [plan] = json.loads(locked.explain(format="json", analyze=True, summary=True))
            times.append(plan["Planning Time"] + plan["Execution Time"])
            transaction.set_rollback(True)
    return statistics.quantiles(times, n=20)[-1]
