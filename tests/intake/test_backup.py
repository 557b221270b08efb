"""A backup holds every row of every table, and who was written to since it was taken is not written to again."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from datetime import time as clock_time
from io import StringIO
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.models import Brand
from affiliates.models import Purchase
from complaints.models import Complaint
from complaints.services.opening import draw_numbers
from intake.deployment.findings import Level
from intake.deployment.services import backups_found
from intake.management.commands.backup import forget_older
from intake.restoring import hold_what_was_sent_since, mind_lost_time, wrong_keys
from mailing.models import OutgoingMail
from mailing.services import queue_mails
from mailing.services.claiming import claim_batch
from postventa.postgresql import copies
from postventa.postgresql.base import ASIDE, HALF_RESTORED
from surveys.models import Invitation, Wave
from surveys.services import hold_purchase, lift_hold, plan_invitations, send_due_invitations
from surveys.standard import publish_standard_survey
from tests.databases import contents, other_database
from tests.factories import NOW, make_brand, make_customer, make_purchase
from tests.mailing.factories import make_request
from tests.world import make_world

State = OutgoingMail.State
OUR_MARKS = {"mailing_alarm", "mailing_outgoingmail", "surveys_invitation", "surveys_invitationmail"}


def spoilt(backup: Path) -> Path:
    """A copy whose last rows cannot be read: all before them are in their tables by then."""
    content = backup.read_bytes()
    # A table's block: its number, then how much is compressed, and that. Two bytes alone may occur anywhere.
    *_others, last = re.finditer(rb"\x01\x00.{4}\x00.{4}\x78\x9c", content, re.DOTALL)
    begins = last.end()
    copy = backup.with_name("spoilt.dump")
    copy.write_bytes(content[:begins] + bytes(8) + content[begins + 8 :])
    return copy


@contextmanager
def worker_that_starts_again(folder: Path) -> Iterator[Callable[[], str]]:
    """One whose supervisor brings it back when all rows are in their tables, and nothing says yet that mail is held.

    Gives what it came to then.
    """
    loaded, tried = folder / "loaded", folder / "tried"
    program = folder / "pg_restore"
    wait = f"touch {loaded}; for _ in $(seq 400); do [ -e {tried} ] && break; sleep 0.05; done"
    real = copies.find_program("pg_restore")
    program.write_text(f'#!/bin/sh\n{real} "$@" || exit\ncase "$*" in *" -d "*) {wait};; esac\n')
    program.chmod(0o755)

    def work() -> str:
        while not loaded.exists():
            time.sleep(0.01)
        try:
            return f"claimed {claim()}"
        except OperationalError as error:
            return str(error)
        finally:
            connection.close()
            tried.touch()

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as worker:
        patch.setenv("POSTVENTA_PG_BIN", str(folder))
        came_to = worker.submit(work)
        try:
            yield came_to.result
        finally:
            loaded.touch()


def claim() -> int:
    _due, mails = claim_batch(owner=uuid4(), limit=10)
    return len(mails)


def told(*command: object) -> str:
    out = StringIO()
    call_command(*map(str, command), stdout=out)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_every_row_of_every_table_comes_back(tmp_path: Path) -> None:
    queue_mails([make_request(make_world().brand)])
    before, last_case = contents(), Complaint.objects.latest("pk").pk
    told("backup", tmp_path)
    (backup,) = tmp_path.iterdir()
    assert [finding.level for finding in backups_found()] == [Level.OK]
    assert backup.stat().st_mode & 0o077 == 0

    with other_database():
        with worker_that_starts_again(tmp_path) as came_to:
            told("restore", backup)

            assert came_to() == HALF_RESTORED

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
        copies.execute(f"ALTER SCHEMA public RENAME TO {ASIDE}", "CREATE SCHEMA public", "CREATE TABLE half ()")
        connection.close()  # as one that is killed leaves it
        with pytest.raises(OperationalError, match="restore"):
            call_command("backup", str(tmp_path))
        with pytest.raises(CommandError, match="--replace"):  # what there was is back
            call_command("restore", str(backup))
        assert contents() == after
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('surveys', '9999_newer', now())")
        (newer := tmp_path / "newer").mkdir()
        told("backup", newer)
        with pytest.raises(CommandError, match=r"surveys\.9999_newer"):
            call_command("restore", *map(str, newer.iterdir()), replace=True)
        told("restore", backup, "--replace")
        assert Purchase.objects.count() == before["affiliates_purchase"][0]
        [(following, _number)] = draw_numbers(Brand.objects.earliest("pk"), [NOW])
        assert following > last_case + 10_000  # whose number nobody was told in the lost time
        call_command("release_mail", leave_them=True)
        assert told("hold_mail", "2026-03-10T03:00:00+01:00").startswith("All is as it was at 2026-03-10 02:00:00 UTC.")
        assert claim() == 0


@pytest.mark.django_db
def test_who_was_due_and_not_yet_in_the_ledger_is_uncertain_too() -> None:
    purchase = make_purchase(make_customer(make_brand()))
    publish_standard_survey(purchase.brand)
    plan_invitations(purchase.brand, [purchase], now=NOW)

    assert hold_what_was_sent_since(NOW - timedelta(hours=6), now=NOW) == 1

    assert OutgoingMail.objects.get().reason == OutgoingMail.Reason.RESTORED
    assert send_due_invitations(now=NOW) == 0


@pytest.mark.django_db
def test_who_was_due_by_day_is_uncertain_at_night_too() -> None:
    purchase = make_purchase(
        make_customer(make_brand(window_start=clock_time(9), window_end=clock_time(21), timezone="UTC"))
    )
    publish_standard_survey(purchase.brand)
    plan_invitations(purchase.brand, [purchase], now=NOW)
    due_at = Invitation.objects.get(wave=Wave.FIRST).scheduled_for
    assert due_at is not None
    night = due_at.replace(hour=23)

    assert hold_what_was_sent_since(NOW - timedelta(hours=6), now=night) == 1

    assert OutgoingMail.objects.get().reason == OutgoingMail.Reason.RESTORED
    assert send_due_invitations(now=night + timedelta(hours=12)) == 0
    OutgoingMail.objects.update(sent_at=due_at, handed_over_at=due_at)
    reminded_at = Invitation.objects.get(wave=Wave.FIRST).remind_at
    assert reminded_at is not None
    assert hold_what_was_sent_since(NOW - timedelta(hours=6), now=reminded_at.replace(hour=23)) == 1


TAKEN_AT, RESTORED_AT = NOW - timedelta(hours=6), NOW
RIPE = RESTORED_AT - timedelta(hours=1)


@pytest.fixture
def purchase(db: None) -> Purchase:
    """Not known to be delivered when the backup was taken, nor since."""
    brand = make_brand(delay_goods=timedelta(days=2))
    publish_standard_survey(brand)
    purchase = make_purchase(make_customer(brand), purchased_at=NOW - timedelta(days=9), delivered_at=None)
    plan_invitations(brand, [purchase], now=TAKEN_AT - timedelta(days=1))
    Invitation.objects.update(created_at=TAKEN_AT - timedelta(days=1))
    return purchase


def delivered(purchase: Purchase, at: datetime, *, told_at: datetime) -> None:
    purchase.delivered_at = at
    purchase.save()
    plan_invitations(purchase.brand, [purchase], now=told_at)


def asked_later() -> str:
    """How the mail stands by which they are asked when nothing is held any more."""
    send_due_invitations(now=RESTORED_AT + timedelta(days=5))
    return OutgoingMail.objects.get().state


def test_whose_delivery_is_told_again_is_not_asked_again(purchase: Purchase) -> None:
    assert hold_what_was_sent_since(TAKEN_AT, now=RESTORED_AT) == 0

    delivered(purchase, RIPE - timedelta(days=2), told_at=RESTORED_AT + timedelta(hours=1))

    assert asked_later() == State.UNCERTAIN


def test_who_could_not_have_been_asked_by_then_is_asked(purchase: Purchase) -> None:
    hold_what_was_sent_since(TAKEN_AT, now=RESTORED_AT)

    delivered(purchase, RIPE, told_at=RESTORED_AT + timedelta(hours=1))

    assert asked_later() == State.QUEUED


def test_whose_day_was_set_before_the_backup_is_asked_on_it(purchase: Purchase) -> None:
    delivered(purchase, RIPE - timedelta(days=2), told_at=TAKEN_AT - timedelta(hours=1))
    Invitation.objects.update(scheduled_for=RESTORED_AT + timedelta(hours=9))  # the brand's window opens then

    assert hold_what_was_sent_since(TAKEN_AT, now=RESTORED_AT) == 0

    assert asked_later() == State.QUEUED


def test_a_database_taken_back_by_other_means_is_held_too(purchase: Purchase) -> None:
    Brand.objects.update(max_age_days=9999)
    delivered(purchase, RIPE - timedelta(days=2), told_at=TAKEN_AT - timedelta(hours=1))

    with CaptureQueriesContext(connection) as asked:
        assert mind_lost_time(TAKEN_AT).uncertain == 1

    writes = [made[1] for made in (re.match(r'INSERT INTO "?(\w+)', query["sql"]) for query in asked) if made]
    assert writes.index("mailing_alarm") < writes.index("mailing_outgoingmail")  # nobody finds it and sends it
    assert OutgoingMail.objects.get().state == State.UNCERTAIN
    assert told("release_mail").endswith("Mail goes out again.\n")
    with pytest.raises(CommandError, match="time zone"):
        call_command("hold_mail", "2026-03-10T03:00:00")


@pytest.mark.parametrize(("choice", "state"), [("--leave-them", State.UNCERTAIN), ("--ask-them", State.QUEUED)])
def test_whoever_lets_mail_go_says_what_becomes_of_who_had_no_date(purchase: Purchase, choice: str, state: str) -> None:
    """A case was open; nobody knows whether it was closed, and its customer asked, in the lost time."""
    delivered(purchase, RIPE - timedelta(days=2), told_at=TAKEN_AT - timedelta(hours=1))
    hold_purchase(purchase, cause="complaint:1", now=TAKEN_AT - timedelta(hours=1))
    hold_what_was_sent_since(TAKEN_AT, now=RESTORED_AT)

    with pytest.raises(CommandError, match=choice):
        call_command("release_mail")
    assert "1 customers waited then without a date" in told("release_mail", choice)

    lift_hold(purchase, cause="complaint:1", now=RESTORED_AT + timedelta(days=3))
    assert asked_later() == state
    assert told("release_mail") == "No mail is held.\n"


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
