from datetime import datetime, timedelta

import pytest

from mailing.alarms import Kind, Pulse, parts, troubles
from tests.factories import NOW

SILENT_AFTER, LATE_AFTER = timedelta(minutes=2), timedelta(minutes=10)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def pulse(**known: object) -> Pulse:
    """All is well, but for what is said."""
    well = {
        "beat_seen_at": ago(seconds=5),
        "worker_seen_at": ago(seconds=5),
        "oldest_due_at": None,
        "is_unreachable": False,
    }
    return Pulse(NOW, **{**well, **known})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, {}),
        ({"beat_seen_at": ago(minutes=2)}, {}),
        ({"beat_seen_at": ago(minutes=2, seconds=1)}, {Kind.BEAT_SILENT: ago(minutes=2, seconds=1)}),
        ({"beat_seen_at": None}, {Kind.BEAT_SILENT: NOW}),
        ({"worker_seen_at": ago(hours=3)}, {Kind.WORKERS_SILENT: ago(hours=3)}),
        ({"oldest_due_at": ago(minutes=10)}, {}),
        ({"oldest_due_at": ago(minutes=11)}, {Kind.QUEUE_LATE: ago(minutes=11)}),
        ({"is_unreachable": True}, {Kind.UNREACHABLE: NOW}),
        (
            {"beat_seen_at": ago(days=1), "worker_seen_at": ago(days=1), "oldest_due_at": ago(hours=20)},
            {Kind.BEAT_SILENT: ago(days=1), Kind.WORKERS_SILENT: ago(days=1), Kind.QUEUE_LATE: ago(hours=20)},
        ),
    ],
)
def test_what_is_wrong_and_since_when(known: dict[str, object], expected: dict[Kind, datetime]) -> None:
    assert troubles(pulse(**known), silent_after=SILENT_AFTER, late_after=LATE_AFTER) == expected


@pytest.mark.parametrize(("waits", "is_late"), [(timedelta(minutes=3), True), (timedelta(minutes=2), False)])
def test_a_late_queue_is_in_time_again_when_it_is_well_ahead(waits: timedelta, is_late: bool) -> None:
    late = pulse(oldest_due_at=NOW - waits, standing=frozenset({"queue_late"}))

    assert bool(troubles(late, silent_after=SILENT_AFTER, late_after=LATE_AFTER)) == is_late


def test_programs_read_each_part_in_a_word() -> None:
    assert parts([Kind.WORKERS_SILENT]) == {"beat": "ok", "workers": "silent", "queue": "ok", "server": "ok"}
    assert parts(list(Kind)) == {"beat": "silent", "workers": "silent", "queue": "held", "server": "unreachable"}
    assert parts([Kind.QUEUE_LATE])["queue"] == "late"
