"""After a backup was put back nothing goes out until somebody says so, and what was perhaps sent is not sent again."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db.models.functions import Now
from django.utils import timezone

from accounts.clock import database_now
from mailing.models import Alarm, Delivery, OutgoingMail, WebhookEvent
from mailing.services import doubt_mail, hold_mail, queue_mails, release_mail, send_due_mail
from mailing.services.watching import watch
from mailing.services.webhooks import send_test
from mailing.services.webhooks.delivering import claim_due
from tests.factories import make_brand
from tests.listening import listen
from tests.mailing.conftest import AnsweringServer
from tests.mailing.factories import make_answer_request, make_request

State = OutgoingMail.State
pytestmark = pytest.mark.django_db


def hold_and_doubt() -> int:
    now = database_now()
    hold_mail(now=now)
    return doubt_mail(now=now)


def test_what_was_perhaps_sent_after_the_backup_is_uncertain(server: AnsweringServer) -> None:
    brand = make_brand()
    due, answer, under_way, later = queue_mails(
        [
            make_request(brand),
            make_answer_request(brand, to="answer@correo.example"),
            make_request(brand),
            make_request(brand, not_before=timezone.now() + timedelta(days=1)),
        ]
    )
    held = {"lease_owner": uuid4(), "lease_until": Now()}
    OutgoingMail.objects.filter(pk=under_way.pk).update(state=State.HANDING_OVER, **held)

    assert hold_and_doubt() == 2
    assert send_due_mail() == 0

    states = dict(OutgoingMail.objects.values_list("pk", "state"))
    assert states == {
        due.pk: State.UNCERTAIN,
        answer.pk: State.QUEUED,
        under_way.pk: State.UNCERTAIN,
        later.pk: State.QUEUED,
    }
    assert list(watch()) == [Alarm.Kind.BEAT_SILENT, Alarm.Kind.WORKERS_SILENT, Alarm.Kind.RESTORED]

    call_command("release_mail")

    assert send_due_mail() == 1
    assert server.recipients == ["answer@correo.example"]
    assert Alarm.Kind.RESTORED not in watch()
    assert not release_mail()


def test_no_webhook_goes_out_while_mail_is_held() -> None:
    brand = make_brand()
    send_test(listen(brand, WebhookEvent.Kind.PURCHASE_ATTRIBUTED))
    assert claim_due(owner=uuid4())
    Delivery.objects.update(lease_owner=None, lease_until=None)

    hold_mail(now=database_now())

    assert claim_due(owner=uuid4()) == []
