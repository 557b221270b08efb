"""A backup holds every row of every table, and who was written to since it was taken is not written to again."""

from contextlib import closing
from datetime import time, timedelta
from io import StringIO
from pathlib import Path

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from affiliates.models import Purchase
from intake.deployment.findings import Level
from intake.deployment.services import backups_found
from intake.management.commands.backup import forget_older
from intake.restoring import hold_what_was_sent_since, wrong_keys
from mailing.models import OutgoingMail
from mailing.services import queue_mails
from postventa.postgresql import copies
from surveys.models import Invitation, Wave
from surveys.services import plan_invitations, send_due_invitations
from surveys.standard import publish_standard_survey
from tests.databases import contents, other_database
from tests.factories import NOW, make_brand, make_customer, make_purchase
from tests.mailing.factories import make_request
from tests.world import make_world

State = OutgoingMail.State
OUR_MARKS = {"mailing_alarm", "mailing_outgoingmail", "surveys_invitation", "surveys_invitationmail"}


def spoilt(backup: Path) -> Path:
    """A copy whose last rows cannot be read: all before them are in their tables by then."""
    begins = (content := backup.read_bytes()).rindex(b"\x78\x9c") + 2  # of a compressed block
    copy = backup.with_name("spoilt.dump")
    copy.write_bytes(content[:begins] + bytes(8) + content[begins + 8 :])
    return copy


def told(*command: object) -> str:
    out = StringIO()
    call_command(*map(str, command), stdout=out)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_every_row_of_every_table_comes_back(tmp_path: Path) -> None:
    make_world()
    before = contents()
    told("backup", tmp_path)
    (backup,) = tmp_path.iterdir()
    assert [finding.level for finding in backups_found()] == [Level.OK]
    assert backup.stat().st_mode & 0o077 == 0

    with other_database():
        told("restore", backup)

        after = contents()
        assert {name for name in before if before[name] != after.get(name)} <= OUR_MARKS
        assert set(after) == set(before)
        assert after["mailing_outgoingmail"][0] >= before["mailing_outgoingmail"][0]
        with pytest.raises(CommandError, match="--replace"):
            call_command("restore", str(backup))
        somebody = psycopg2.connect(**connection.get_connection_params())
        with closing(somebody), pytest.raises(CommandError, match="beat"):
            call_command("restore", str(backup), replace=True)
        with pytest.raises(CommandError, match="uncompress"):
            call_command("restore", str(spoilt(backup)), replace=True)
        assert contents() == after
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {copies.ASIDE}")  # as one that is killed leaves it
            with pytest.raises(CommandError, match="killed"):
                call_command("restore", str(backup), replace=True)
            cursor.execute(f"DROP SCHEMA {copies.ASIDE}")
        assert contents() == after
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('surveys', '9999_newer', now())")
        (newer := tmp_path / "newer").mkdir()
        told("backup", newer)
        with pytest.raises(CommandError, match=r"surveys\.9999_newer"):
            call_command("restore", *map(str, newer.iterdir()), replace=True)
        told("restore", backup, "--replace")
        assert Purchase.objects.count() == before["affiliates_purchase"][0]


@pytest.mark.django_db
def test_who_was_due_and_not_yet_in_the_ledger_is_uncertain_too() -> None:
    purchase = make_purchase(make_customer(make_brand()))
    publish_standard_survey(purchase.brand)
    plan_invitations(purchase.brand, [purchase], now=NOW)

    assert hold_what_was_sent_since(now=NOW) == 1

    assert OutgoingMail.objects.get().reason == OutgoingMail.Reason.RESTORED
    assert send_due_invitations(now=NOW) == 0


@pytest.mark.django_db
def test_who_was_due_by_day_is_uncertain_at_night_too() -> None:
    purchase = make_purchase(make_customer(make_brand(window_start=time(9), window_end=time(21), timezone="UTC")))
    publish_standard_survey(purchase.brand)
    plan_invitations(purchase.brand, [purchase], now=NOW)
    due_at = Invitation.objects.get(wave=Wave.FIRST).scheduled_for
    assert due_at is not None
    night = due_at.replace(hour=23)

    assert hold_what_was_sent_since(now=night) == 1

    assert OutgoingMail.objects.get().reason == OutgoingMail.Reason.RESTORED
    assert send_due_invitations(now=night + timedelta(hours=12)) == 0
    OutgoingMail.objects.update(sent_at=due_at, handed_over_at=due_at)
    reminded_at = Invitation.objects.get(wave=Wave.FIRST).remind_at
    assert reminded_at is not None
    assert hold_what_was_sent_since(now=reminded_at.replace(hour=23)) == 1


@pytest.mark.django_db
def test_keys_that_are_not_those_of_the_backup_are_told(settings: Settings) -> None:
    customer = make_customer(make_brand())
    queue_mails([make_request(customer.brand)])
    assert wrong_keys() == ()

    settings.LINK_KEYS = {2: "another"}
    settings.PSEUDONYM_KEYS = {1: "another"}

    assert wrong_keys() == ("LINK_KEYS", "PSEUDONYM_KEYS")


def test_a_file_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dump").write_text("nothing")

    with pytest.raises(copies.CopyError, match="archive"):
        copies.taken_at(tmp_path / "a.dump")


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    days = [f"postventa-2026030{day}T020000Z.dump" for day in range(1, 6)]
    for name in [*days, "notes.txt"]:
        (tmp_path / name).touch()

    forget_older(tmp_path, keep=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", *days[3:]]
