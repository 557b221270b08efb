from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail as outbox
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from accounts.clock import database_now
from accounts.models import Brand
from mailing.alarms import Kind
from mailing.models import Alarm, Heartbeat, OutgoingMail
from mailing.services.watching import note_alive, note_stopped, tell_operators, watch
from tests.mailing.factories import make_mail

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def operated(settings: Settings) -> None:
    settings.OPERATOR_EMAILS = ["guardia@lumbre.example"]


def all_alive() -> None:
    note_alive("beat", host="uno", pid=1)
    note_alive("worker", host="uno", pid=2)


def pass_time(span: timedelta) -> None:
    """As if all that is known were so much older."""
    Heartbeat.objects.update(seen_at=F("seen_at") - span)
    Alarm.objects.update(began_at=F("began_at") - span, telling_until=None)


def test_a_process_has_one_row_by_the_databases_clock(db: None) -> None:
    before = database_now()
    note_alive("worker", host="uno", pid=2)
    note_alive("worker", host="uno", pid=2)
    note_alive("worker", host="dos", pid=2)

    assert sorted(Heartbeat.objects.values_list("kind", "host", "pid")) == [("worker", "dos", 2), ("worker", "uno", 2)]
    assert all(row.seen_at >= before for row in Heartbeat.objects.all())


def test_a_process_that_starts_under_a_known_number_begins_anew(db: None) -> None:
    note_alive("worker", host="uno", pid=1)
    note_stopped("worker", host="uno", pid=1)
    Heartbeat.objects.update(started_at=F("started_at") - HOUR)
    Heartbeat.objects.create(
        kind="worker", host="gone", pid=9, started_at=database_now(), seen_at=database_now() - timedelta(days=8)
    )

    note_alive("worker", host="uno", pid=1, has_just_started=True)

    row = Heartbeat.objects.get()
    assert (row.host, row.stopped_at) == ("uno", None)
    assert database_now() - row.started_at < timedelta(minutes=1)


def test_nothing_is_written_where_all_is_well(db: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    all_alive()

    # The pulse, and whether something is untold; the rest opens and closes what the latter is asked in.
    with django_assert_num_queries(4):
        assert watch() == {}

    assert not Alarm.objects.exists()
    assert outbox.outbox == []


def test_silence_is_told_once_and_so_is_its_end(db: None) -> None:
    all_alive()
    Heartbeat.objects.filter(kind="worker").update(seen_at=F("seen_at") - HOUR)

    for _ in range(3):
        watch()
    note_alive("worker", host="uno", pid=2)
    for _ in range(3):
        watch()

    with translation.override("es"):
        label = str(Kind.WORKERS_SILENT.label)
    assert [message.to for message in outbox.outbox] == [["guardia@lumbre.example"]] * 2
    assert outbox.outbox[0].subject == f"[Postventa] {label}"
    assert outbox.outbox[1].subject.endswith(label)
    assert outbox.outbox[1].subject != outbox.outbox[0].subject
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.told_at is not None, alarm.ended_at is not None) == ("workers_silent", True, True)


def test_a_second_episode_is_told_again(db: None) -> None:
    all_alive()
    for _ in range(2):
        Heartbeat.objects.filter(kind="beat").update(seen_at=F("seen_at") - HOUR)
        watch()
        note_alive("beat", host="uno", pid=1)
        watch()

    assert len(outbox.outbox) == 4
    assert Alarm.objects.filter(kind="beat_silent", end_told_at__isnull=False).count() == 2


def test_what_passes_at_once_is_told_to_nobody(db: None, brand: Brand) -> None:
    all_alive()
    mail = make_mail(brand)
    OutgoingMail.objects.filter(pk=mail.pk).update(reason="unreachable")
    assert list(watch()) == [Kind.UNREACHABLE]
    OutgoingMail.objects.filter(pk=mail.pk).update(reason="")
    watch()

    assert outbox.outbox == []
    assert Alarm.objects.get().ended_at is not None


def test_an_outage_that_nobody_could_be_told_of_is_told_afterwards(db: None, settings: Settings) -> None:
    all_alive()
    Heartbeat.objects.filter(kind="worker").update(seen_at=F("seen_at") - HOUR)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nobody listens there
    watch()
    assert Alarm.objects.get().told_at is None

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    watch()  # somebody else may still be at it
    assert outbox.outbox == []
    Alarm.objects.update(telling_until=database_now() - timedelta(seconds=1))
    note_alive("worker", host="uno", pid=2)
    watch()

    assert len(outbox.outbox) == 1
    assert Alarm.objects.get().end_told_at is not None


def test_two_who_notice_at_once_make_one_alarm_and_one_mail(db: None) -> None:
    all_alive()
    Heartbeat.objects.update(seen_at=F("seen_at") - HOUR)
    now = database_now()

    watch()
    assert tell_operators(now=now) == 0

    assert len(outbox.outbox) == 1
    assert sorted(Alarm.objects.values_list("kind", flat=True)) == ["beat_silent", "workers_silent"]


def test_without_an_operator_it_is_noticed_all_the_same(db: None, settings: Settings) -> None:
    settings.OPERATOR_EMAILS = []

    assert list(watch()) == [Kind.BEAT_SILENT, Kind.WORKERS_SILENT]
    assert outbox.outbox == []
    assert Alarm.objects.filter(ended_at=None).count() == 2


def test_a_queue_is_late_by_its_oldest_mail_that_is_due(db: None, brand: Brand) -> None:
    all_alive()
    make_mail(brand, not_before=database_now() - timedelta(minutes=9))
    make_mail(brand, not_before=database_now() + HOUR)
    assert watch() == {}

    late = make_mail(brand, not_before=database_now() - timedelta(minutes=11))

    assert watch() == {Kind.QUEUE_LATE: late.not_before}


def test_check_queue_tells_by_its_exit_status(db: None) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_queue", stdout=out)
    assert ended.value.code == 2
    assert len(out.getvalue().splitlines()) == 2

    all_alive()
    call_command("check_queue", stdout=out)


def test_readyz_tells_of_the_mail_without_being_unready(db: None, client: Client) -> None:
    all_alive()
    well = client.get("/readyz")
    Heartbeat.objects.filter(kind="worker").update(seen_at=F("seen_at") - HOUR)
    silent = client.get("/readyz")

    assert (well.status_code, silent.status_code) == (200, 200)
    assert well.json()["mail"] == {"beat": "ok", "workers": "ok", "queue": "ok", "server": "ok"}
    assert silent.json()["mail"] == {"beat": "ok", "workers": "silent", "queue": "ok", "server": "ok"}
    assert len(outbox.outbox) == 1  # where nobody else is left, the web process writes
