"""What is blocked of erased customers: sealed, for a court alone, and gone when no claim can come any more."""

import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from accounts.models import AuditEntry
from complaints.models import Complaint
from intake.models import BlockedRecord, Erasure
from intake.rights.erasing import request_erasure, work_erasure
from intake.rights.retention import forget_what_is_old
from tests.factories import NOW
from tests.world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    world = make_world()
    BlockedRecord.objects.all().delete()
    return world


def erase(world: World) -> Erasure:
    erasure = request_erasure(world.purchase.customer, door=Erasure.Door.STAFF, by=world.staff, now=NOW)
    work_erasure(erasure, now=NOW)
    return erasure


def test_a_court_gets_what_a_claim_needs_and_that_is_on_record(world: World, tmp_path: Path) -> None:
    Complaint.objects.filter(pk=world.complaint.pk).update(kind="claim", text="Llegó roto y no responden")
    address = world.purchase.customer.email
    erasure = erase(world)

    call_command("open_blocked", str(erasure.uuid), "--reference", "DP 12/2026", "--folder", str(tmp_path))

    [path] = tmp_path.iterdir()
    archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    held: dict[str, Any] = json.loads(archive.read("data.json"))["held"]
    assert [customer["email"] for customer in held["affiliates.Customer"]] == [address]
    assert "Llegó roto y no responden" in [case["text"] for case in held["complaints.Complaint"]]
    assert not {table for table in held if table.startswith(("surveys.", "mailing."))}
    assert [name for name in archive.namelist() if name.startswith("files/")]
    assert path.stat().st_mode & 0o077 == 0
    assert AuditEntry.objects.latest("pk").data == {"opened": "DP 12/2026"}


def test_it_is_sealed_and_destroyed_when_its_time_is_over(world: World) -> None:
    Complaint.objects.update(kind="warranty", state="resolved", resolved_at=NOW)
    erasure = erase(world)

    assert (world.complaint.number.encode() in bytes(BlockedRecord.objects.get().sealed)) is False
    forget_what_is_old(now=NOW + timedelta(days=1825))
    assert BlockedRecord.objects.exists()
    forget_what_is_old(now=NOW + timedelta(days=1827))
    assert not BlockedRecord.objects.exists()
    with pytest.raises(CommandError, match="Nothing is blocked"):
        call_command("open_blocked", str(erasure.uuid), "--reference", "DP 12/2026")


@pytest.mark.parametrize(
    ("case", "days"),
    [
        ({"kind": "inquiry"}, 1826),  # of a question nothing can be claimed
        ({"kind": "claim", "state": "resolved", "resolved_at": NOW - timedelta(days=1827)}, 1826),
        ({"kind": "claim"}, 0),  # the operator's word: nothing is kept
    ],
)
def test_nothing_is_kept_of_which_no_claim_can_come(
    world: World, settings: Settings, case: dict[str, Any], days: int
) -> None:
    settings.RETENTION_DAYS = {**settings.RETENTION_DAYS, "blocked": days}
    Complaint.objects.update(**case)

    erase(world)

    assert not BlockedRecord.objects.exists()


def test_nobody_opens_what_there_is_not(db: None) -> None:
    with pytest.raises(CommandError, match="Nothing is blocked"):
        call_command("open_blocked", str(uuid4()), "--reference", "DP 12/2026")
