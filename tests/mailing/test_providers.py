"""Webhooks as providers send them, read by django-anymail's own code, down to the ledger."""

import json
from typing import Any

import pytest
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from django.test import RequestFactory

from accounts.models import Brand
from mailing.models import Suppression
from mailing.providers import reports_of
from mailing.services import record_mail_event
from tests.factories import NOW
from tests.mailing.factories import make_mail

pytestmark = pytest.mark.django_db


def postmark(payload: dict[str, Any]) -> list[Any]:
    request = RequestFactory().post("/", json.dumps(payload), content_type="application/json")
    return list(PostmarkTrackingWebhookView(webhook_secret="shop:secret").parse_events(request))


def test_a_bounce_of_postmark_reaches_its_mail_once(brand: Brand) -> None:
    mail = make_mail(brand, to="carla@correo.example")
    payload = {
        "RecordType": "Bounce",
        "ID": 4323372036854775807,
        "Type": "HardBounce",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist",
        "Email": "carla@correo.example",
        "BouncedAt": "2026-03-10T09:15:00.0000000Z",
        "Metadata": {"mail": mail.uuid.hex},
    }

    for _ in range(2):  # providers repeat what they are not sure has arrived
        for report in reports_of("postmark", postmark(payload), now=NOW):
            record_mail_event(report, now=NOW)

    assert [(event.kind, event.source, event.occurred_at.hour) for event in mail.events.all()] == [
        ("bounced", "postmark", 9)
    ]
    assert "5.1.1" in mail.events.get().detail
    assert list(Suppression.objects.values_list("scope", "reason")) == [("all", "bounced")]


def test_openings_and_clicks_are_not_kept(brand: Brand) -> None:
    make_mail(brand)
    payload = {"RecordType": "Open", "MessageID": "x", "Recipient": "carla@correo.example", "ReceivedAt": "2026-03-10"}

    assert reports_of("postmark", postmark(payload), now=NOW) == []


def test_an_event_without_an_id_is_known_by_what_it_says(brand: Brand) -> None:
    complaint = {"RecordType": "SpamComplaint", "Email": "carla@correo.example", "BouncedAt": "2026-03-10T09:15:00Z"}
    other = {**complaint, "Email": "bruno@correo.example"}

    first, again, another = (
        reports_of("postmark", postmark(each), now=NOW)[0] for each in (complaint, complaint, other)
    )

    assert first.event_id == again.event_id != another.event_id
