"""Mail providers' webhooks as they come over the wire, down to the ledger: genuine ones once each, and no others."""

import base64
import hmac
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import time_machine
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.models import Brand
from intake.hooks.processing import process_due_events, replay_event
from intake.models import InboundEvent
from mailing.models import MailDomain, MailEvent, OutgoingMail, Suppression
from tests.factories import NOW, make_brand, make_staff, make_user
from tests.mailing.factories import make_mail

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailInsecureWebhookWarning"),
    pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning"),
]

SECRET = "postventa:un-secreto-largo"
MAILGUN_KEY = "key-0123456789abcdef"
SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
UNKNOWN_USER = "550 5.1.1 The email account that you tried to reach does not exist"
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def configured(settings: Settings) -> Any:
    public = SENDGRID_KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    settings.ANYMAIL = {
        "WEBHOOK_SECRET": SECRET,
        "MAILGUN_WEBHOOK_SIGNING_KEY": MAILGUN_KEY,
        "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY": base64.b64encode(public).decode(),
    }
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def mail(brand: Brand) -> OutgoingMail:
    mail = make_mail(brand, to="carla@correo.example")
    OutgoingMail.objects.filter(pk=mail.pk).update(state="sent", sent_at=NOW - timedelta(minutes=5))
    return mail


@dataclass
class Delivery:
    """What a provider posts, as it posts it."""

    esp: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def post(self, **changed: Any) -> Any:
        headers = {"Accept-Language": "en", **self.headers, **changed.get("headers", {})}
        headers = {name: value for name, value in headers.items() if value}
        body = changed.get("body", self.body)
        return Client(headers=headers).post(f"/api/v1/hooks/mail/{self.esp}/", body, content_type=self.content_type)


def basic(secret: str = SECRET) -> str:
    return f"Basic {base64.b64encode(secret.encode()).decode()}"


def postmark(mail: OutgoingMail, kind: str, at: datetime = NOW, said: str = "") -> Delivery:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
    common = {
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "MessageStream": "outbound",
        "ServerID": 23,
        "Tag": "",
        "Metadata": {"mail": mail.uuid.hex},
    }
    bounce = {
        "ID": 4323372036854775000 + next(_numbers),
        "Name": "Hard bounce",
        "TypeCode": 1,
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": f"smtp;{said or UNKNOWN_USER}",
        "Email": mail.to_address,
        "From": "encuestas@lumbre.example",
        "BouncedAt": stamp,
        "DumpAvailable": True,
        "Inactive": True,
        "CanActivate": True,
        "Subject": "¿Qué tal tu compra?",
    }
    payload = {
        "delivered": {
            "RecordType": "Delivery",
            "Recipient": mail.to_address,
            "DeliveredAt": stamp,
            "Details": said or "smtp;250 2.0.0 OK",
        },
        "bounced": {**bounce, "RecordType": "Bounce", "Type": "HardBounce"},
        "full": {**bounce, "RecordType": "Bounce", "Type": "SoftBounce", "Details": "smtp;452 4.2.2 Mailbox full"},
        "complained": {**bounce, "RecordType": "SpamComplaint", "Type": "SpamComplaint"},
        "unsubscribed": {
            "RecordType": "SubscriptionChange",
            "ChangedAt": stamp,
            "Recipient": mail.to_address,
            "Origin": "Recipient",
            "SuppressSending": True,
            "SuppressionReason": "ManualSuppression",
        },
        "opened": {"RecordType": "Open", "Recipient": mail.to_address, "ReceivedAt": stamp, "FirstOpen": True},
    }[kind]
    return Delivery("postmark", json.dumps({**common, **payload}).encode(), {"Authorization": basic()})


def mailgun(mail: OutgoingMail, kind: str, at: datetime = NOW, key: str = MAILGUN_KEY) -> Delivery:
    stamp, token = str(int(at.timestamp())), f"{next(_numbers):050x}"
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), "sha256").hexdigest()
    what: dict[str, Any] = {
        "delivered": {
            "event": "delivered",
            "delivery-status": {"code": 250, "message": "OK", "tls": True, "attempt-no": 1, "description": ""},
        },
        "bounced": {
            "event": "failed",
            "severity": "permanent",
            "reason": "bounce",
            "delivery-status": {
                "code": 550,
                "message": f"5.1.1 {UNKNOWN_USER[10:]}",
                "description": "",
                "attempt-no": 1,
            },
        },
        "complained": {"event": "complained"},
        "unsubscribed": {"event": "unsubscribed", "client-info": {"client-type": "browser", "user-agent": "Mozilla"}},
    }[kind]
    data = {
        "id": "CPgfbmQMTCKtHW6uIWtuVe",
        "timestamp": at.timestamp(),
        "log-level": "info",
        "recipient": mail.to_address,
        "recipient-domain": "correo.example",
        "tags": [],
        "user-variables": {"mail": mail.uuid.hex},
        "message": {"headers": {"to": mail.to_address, "message-id": mail.message_id.strip("<>")}, "size": 4432},
        **what,
    }
    payload = {"signature": {"timestamp": stamp, "token": token, "signature": signature}, "event-data": data}
    # Mailgun wants no secret in its address; with one set it comes all the same.
    return Delivery("mailgun", json.dumps(payload).encode(), {"Authorization": basic()})


def ses(mail: OutgoingMail, kind: str, at: datetime = NOW) -> Delivery:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    recipient = {"emailAddress": mail.to_address}
    what: dict[str, Any] = {
        "delivered": {
            "eventType": "Delivery",
            "delivery": {
                "timestamp": stamp,
                "processingTimeMillis": 546,
                "recipients": [mail.to_address],
                "smtpResponse": "250 2.6.0 Message received",
                "reportingMTA": "a8-70.smtp-out.amazonses.com",
            },
        },
        "bounced": {
            "eventType": "Bounce",
            "bounce": {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [
                    {**recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": f"smtp; {UNKNOWN_USER}"}
                ],
                "timestamp": stamp,
                "feedbackId": "0102",
            },
        },
        "complained": {
            "eventType": "Complaint",
            "complaint": {
                "complainedRecipients": [recipient],
                "timestamp": stamp,
                "feedbackId": "0103",
                "complaintFeedbackType": "abuse",
            },
        },
    }[kind]
    # Sent by SMTP, so that of ours it knows the Message-ID alone.
    message = {
        **what,
        "mail": {
            "timestamp": stamp,
            "source": "encuestas@lumbre.example",
            "messageId": "0102015f2c5d4e6b-7c0a1b2c-1111-2222-3333-444455556666-000000",
            "destination": [mail.to_address],
            "headersTruncated": False,
            "headers": [{"name": "Message-ID", "value": mail.message_id}],
            "commonHeaders": {"messageId": mail.message_id, "to": [mail.to_address]},
        },
    }
    return sns({"Type": "Notification", "Message": json.dumps(message), "Timestamp": stamp})


def sns(message: dict[str, Any]) -> Delivery:
    whole = {
        "MessageId": f"19ba9823-d7f2-53c1-860e-cb10e0d1{next(_numbers):04x}",
        "TopicArn": "arn:aws:sns:eu-west-1:1234567890:SES_Events",
        "SignatureVersion": "1",
        "Signature": "not-looked-at",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService.pem",
        **message,
    }
    headers = {"X-Amz-Sns-Message-Type": whole["Type"], "X-Amz-Sns-Message-Id": whole["MessageId"]}
    # Amazon posts JSON and calls it text.
    return Delivery(
        "amazon_ses", json.dumps(whole).encode(), {"Authorization": basic(), **headers}, "text/plain; charset=UTF-8"
    )


def sendgrid(*told: tuple[OutgoingMail, str], at: datetime = NOW, key: Any = SENDGRID_KEY) -> Delivery:
    kinds: dict[str, dict[str, Any]] = {
        "delivered": {"event": "delivered", "response": "250 OK"},
        "bounced": {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": UNKNOWN_USER},
        "complained": {"event": "spamreport"},
        "unsubscribed": {"event": "unsubscribe"},
    }
    payload = [
        {
            "email": mail.to_address,
            "timestamp": int(at.timestamp()),
            "sg_event_id": f"ZyjAM5rnQmuI1KFInHQ{next(_numbers):03}",
            "sg_message_id": "h-fxD9Wf.filter0425p1mdw1-13037.0",
            "smtp-id": mail.message_id,
            "mail": mail.uuid.hex,
            **kinds[kind],
        }
        for mail, kind in told
    ]
    body, stamp = json.dumps(payload).encode(), str(int(at.timestamp()))
    signature = key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return Delivery(
        "sendgrid",
        body,
        {
            "Authorization": basic(),
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
        },
    )


def brevo(mail: OutgoingMail, kind: str, at: datetime = NOW) -> Delivery:
    what: dict[str, Any] = {
        "delivered": {"event": "delivered"},
        "bounced": {"event": "hard_bounce", "reason": UNKNOWN_USER},
        "complained": {"event": "spam"},
        "unsubscribed": {"event": "unsubscribe"},
    }[kind]
    payload = {
        "id": 26224,
        "email": mail.to_address,
        "message-id": mail.message_id,
        "date": at.strftime("%Y-%m-%d %H:%M:%S"),
        "ts": int(at.timestamp()),
        "ts_event": int(at.timestamp()),
        "ts_epoch": int(at.timestamp() * 1000),
        "subject": "¿Qué tal tu compra?",
        "sending_ip": "185.41.28.109",
        "X-Mailin-custom": json.dumps({"mail": mail.uuid.hex}),
        **what,
    }
    return Delivery("brevo", json.dumps(payload).encode(), {"Authorization": basic()})


PROVIDERS: dict[str, Callable[[OutgoingMail, str], Delivery]] = {
    "postmark": postmark,
    "mailgun": mailgun,
    "ses": ses,
    "sendgrid": lambda mail, kind: sendgrid((mail, kind)),
    "brevo": brevo,
}
every_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS.keys())


def timeline(mail: OutgoingMail) -> list[tuple[str, str]]:
    return list(mail.events.order_by("occurred_at", "pk").values_list("kind", "source"))


def stored() -> list[tuple[str, str, str]]:
    return list(InboundEvent.objects.order_by("pk").values_list("kind", "state", "reason"))


def objections() -> list[tuple[str, str]]:
    return list(Suppression.objects.values_list("scope", "reason"))


# --- What they report ----------------------------------------------------------------------------------------------
@every_provider
@pytest.mark.parametrize(
    ("kind", "expected"),
    [("delivered", []), ("bounced", [("all", "bounced")]), ("complained", [("unasked", "complained")])],
)
def test_what_a_provider_reports_reaches_its_mail_once(
    mail: OutgoingMail, provider: Any, kind: str, expected: list[tuple[str, str]]
) -> None:
    delivery = provider(mail, kind)

    first, again = delivery.post(), delivery.post()

    assert (first.status_code, first.json()) == (200, {"received": True, "duplicate": False})
    assert (again.status_code, again.json()) == (200, {"received": True, "duplicate": True})
    assert timeline(mail) == [(kind, delivery.esp)]
    assert mail.events.get().occurred_at == NOW
    assert objections() == expected
    assert stored() == [(delivery.esp, "done", "")]
    assert bytes(InboundEvent.objects.get().body) == delivery.body


@pytest.mark.parametrize("provider", [postmark, mailgun, lambda m, k: sendgrid((m, k)), brevo])
def test_an_unsubscribing_at_the_provider_stops_surveys(mail: OutgoingMail, provider: Any) -> None:
    provider(mail, "unsubscribed").post()

    assert objections() == [("surveys", "opted_out")]


@pytest.mark.parametrize("order", list(itertools.permutations([0, 1, 2])))
def test_the_order_in_which_they_come_changes_nothing(mail: OutgoingMail, order: tuple[int, ...]) -> None:
    told = [
        postmark(mail, "delivered", NOW - timedelta(minutes=3)),
        postmark(mail, "complained", NOW - timedelta(minutes=2)),
        postmark(mail, "unsubscribed", NOW - timedelta(minutes=1)),
    ]

    for number in order:
        told[number].post()

    assert [kind for kind, _source in timeline(mail)] == ["delivered", "complained", "unsubscribed"]
    assert sorted(objections()) == [("surveys", "opted_out"), ("unasked", "complained")]


def test_a_mail_that_was_uncertain_is_settled_by_its_message_id(mail: OutgoingMail) -> None:
    OutgoingMail.objects.filter(pk=mail.pk).update(state="uncertain", reason="lost", handed_over_at=NOW)

    ses(mail, "delivered").post()

    mail.refresh_from_db()
    assert (mail.state, mail.reason, mail.sent_at) == ("sent", "", NOW)


def test_several_mails_in_one_message(brand: Brand, mail: OutgoingMail) -> None:
    other = make_mail(brand)

    sendgrid((mail, "delivered"), (other, "bounced"), (mail, "complained")).post()

    assert sorted(timeline(mail)) == [("complained", "sendgrid"), ("delivered", "sendgrid")]
    assert timeline(other) == [("bounced", "sendgrid")]


def test_a_large_batch_is_stored_at_once_and_worked_by_the_worker(brand: Brand) -> None:
    mails = [make_mail(brand) for _ in range(120)]

    assert sendgrid(*((mail, "delivered") for mail in mails)).post().status_code == 200
    assert stored() == [("sendgrid", "received", "")]

    assert process_due_events(now=NOW) == 1
    assert stored() == [("sendgrid", "done", "")]
    assert [timeline(mail) for mail in mails] == [[("delivered", "sendgrid")]] * 120


def test_a_refusal_by_policy_leaves_the_domain_in_peace_and_the_address_alone(
    mail: OutgoingMail, settings: Settings
) -> None:
    settings.MAIL_POLICY_PAUSE_SECONDS = 3600
    half_an_hour_ago = NOW - timedelta(minutes=30)

    postmark(mail, "bounced", half_an_hour_ago - timedelta(hours=1), "550 5.7.1 Blocked").post()
    assert not MailDomain.objects.exists()  # long over
    postmark(mail, "bounced", half_an_hour_ago, "550 5.7.1 Blocked").post()

    domain = MailDomain.objects.get()
    assert (domain.name, domain.paused_until is not None) == ("correo.example", True)
    assert "5.7.1" in domain.said
    assert objections() == []


# --- Who gets in ---------------------------------------------------------------------------------------------------
def nothing_happened(mail: OutgoingMail) -> bool:
    return not (InboundEvent.objects.exists() or mail.events.exists() or Suppression.objects.exists())


@every_provider
@pytest.mark.parametrize("wrong", ["", "Basic", "Basic %%%", basic("postventa:geraten"), basic(SECRET[:-1])])
def test_without_the_secret_nothing_is_believed(mail: OutgoingMail, provider: Any, wrong: str) -> None:
    response = provider(mail, "complained").post(headers={"Authorization": wrong})

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "invalid_signature"
    assert response["WWW-Authenticate"].startswith("Basic")  # without which Amazon sends no secret
    assert nothing_happened(mail)


@every_provider
def test_where_no_secret_is_set_nobody_is_believed(mail: OutgoingMail, provider: Any, settings: Settings) -> None:
    settings.ANYMAIL = {}

    assert provider(mail, "complained").post().status_code == 401
    assert nothing_happened(mail)


def test_a_signature_by_another_key_is_refused(mail: OutgoingMail) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    genuine = sendgrid((mail, "delivered"))
    forged = [
        mailgun(mail, "complained", key="key-of-somebody-else"),
        sendgrid((mail, "complained"), key=stranger),
        Delivery("sendgrid", genuine.body.replace(b"delivered", b"spamreport"), genuine.headers),
    ]

    assert [delivery.post().status_code for delivery in forged] == [401, 401, 401]
    assert nothing_happened(mail)


@pytest.mark.parametrize("esp", ["mailgun", "sendgrid"])
def test_what_is_signed_needs_no_secret_beside(mail: OutgoingMail, settings: Settings, esp: str) -> None:
    settings.ANYMAIL = {name: value for name, value in settings.ANYMAIL.items() if name != "WEBHOOK_SECRET"}

    assert PROVIDERS[esp](mail, "delivered").post(headers={"Authorization": ""}).status_code == 200
    assert timeline(mail) == [("delivered", esp)]


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b'{"Type": 3}', b"\xff\xfe", b"a=b"])
@pytest.mark.parametrize("esp", ["amazon_ses", "mailgun", "sendgrid", "mandrill"])
def test_what_nobody_signed_may_have_any_shape(mail: OutgoingMail, esp: str, body: bytes) -> None:
    assert Delivery(esp, body).post().status_code == 401
    assert nothing_happened(mail)


@pytest.mark.parametrize("esp", ["nobody", "postmark2", "POSTMARK"])
def test_an_unknown_provider_is_not_found(esp: str) -> None:
    assert Delivery(esp, b"{}", {"Authorization": basic()}).post().status_code == 404
    assert Client().head(f"/api/v1/hooks/mail/{esp}/").status_code == 404


def test_a_provider_may_look_whether_somebody_is_at_home() -> None:
    assert Client().head("/api/v1/hooks/mail/mandrill/").status_code == 200
    assert Client().get("/api/v1/hooks/mail/mandrill/").status_code == 405


def test_too_large_a_message_is_refused(mail: OutgoingMail, settings: Settings) -> None:
    settings.HOOK_MAX_BYTES = 100

    assert postmark(mail, "delivered").post().status_code == 413
    assert nothing_happened(mail)


# --- What is kept --------------------------------------------------------------------------------------------------
def test_what_tells_nothing_we_keep_is_ignored_with_a_reason(mail: OutgoingMail) -> None:
    postmark(mail, "opened").post()
    stranger = make_mail(make_brand("otra"))
    delivery = postmark(stranger, "delivered")
    OutgoingMail.objects.filter(pk=stranger.pk).delete()
    delivery.post()

    assert stored() == [("postmark", "ignored", "unknown_topic"), ("postmark", "ignored", "unknown_mail")]
    assert not MailEvent.objects.exists()


def test_what_cannot_be_read_is_kept_and_tried_again(mail: OutgoingMail) -> None:
    response = Delivery("brevo", b'{"items": "an inbound mail"}', {"Authorization": basic()}).post()

    assert response.status_code == 200
    assert stored() == [("brevo", "received", "fault")]
    assert process_due_events(now=NOW + timedelta(days=1)) == 1


def test_what_a_killed_process_left_is_worked_by_the_next_and_again_by_replay(mail: OutgoingMail) -> None:
    body = postmark(mail, "bounced").body
    event = InboundEvent.objects.create(
        brand=mail.brand, source="mail", kind="postmark", event_id="postmark:1", body=body, try_at=NOW
    )

    assert process_due_events(now=NOW) == 1
    event.refresh_from_db()
    assert (event.state, timeline(mail)) == ("done", [("bounced", "postmark")])

    replay_event(event, now=NOW)
    event.refresh_from_db()
    assert (event.state, event.reason) == ("ignored", "nothing_new")
    assert timeline(mail) == [("bounced", "postmark")]


def test_staff_see_and_replay_what_speaks_of_their_mail_alone(mail: OutgoingMail, client: Client) -> None:
    theirs = make_mail(make_brand("otra"))
    postmark(mail, "delivered").post()
    postmark(theirs, "delivered").post()
    sendgrid((mail, "delivered"), (theirs, "delivered")).post()
    ours, of_others, mixed = InboundEvent.objects.order_by("pk")
    assert [event.brand for event in (ours, of_others, mixed)] == [mail.brand, theirs.brand, None]
    root = make_user("root@example.com", "Root", is_staff=True, is_superuser=True)
    sofia = make_staff(mail.brand)

    assert list(InboundEvent.objects.visible_to(sofia)) == [ours]
    assert set(InboundEvent.objects.visible_to(root)) == {ours, of_others, mixed}

    client.force_login(sofia)
    page = reverse("admin:intake_inboundevent_changelist")
    client.post(page, {"action": "replay", "_selected_action": [ours.pk, of_others.pk]})
    ours.refresh_from_db()
    of_others.refresh_from_db()
    assert (ours.reason, of_others.reason) == ("nothing_new", "")
    shown = client.get(reverse("admin:intake_inboundevent_change", args=[ours.pk])).content.decode()
    assert f'href="{reverse("admin:mailing_outgoingmail_change", args=[mail.pk])}"' in shown
    assert client.get(reverse("admin:intake_inboundevent_change", args=[mixed.pk])).status_code == 302
    client.force_login(root)
    assert client.get(reverse("admin:intake_inboundevent_change", args=[mixed.pk])).status_code == 200


# --- Amazon wants to be asked --------------------------------------------------------------------------------------
CONFIRM = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37"


@pytest.fixture
def visited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses asked for, of a network that is not there in a test."""
    visited: list[str] = []

    def get(url: str, **kwargs: Any) -> requests.Response:
        visited.append(url)
        answer = requests.Response()
        answer.status_code = 200 if "Token" in url else 500
        return answer

    monkeypatch.setattr(requests, "get", get)
    return visited


def test_a_subscription_of_amazons_is_confirmed(mail: OutgoingMail, visited: list[str]) -> None:
    response = sns({"Type": "SubscriptionConfirmation", "Token": "2336412f37", "SubscribeURL": CONFIRM}).post()

    assert (response.status_code, visited) == (200, [CONFIRM])


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com.evil.example/?Token=1",
        "https://evil.example/?https://sns.eu-west-1.amazonaws.com",
        "https://sns.eu-west-1.amazonaws.com@evil.example/?Token=1",
        "http://sns.eu-west-1.amazonaws.com/?Token=1",
        "file:///etc/passwd",
    ],
)
def test_nobody_sends_us_anywhere_else(mail: OutgoingMail, visited: list[str], url: str) -> None:
    sns({"Type": "SubscriptionConfirmation", "Token": "1", "SubscribeURL": url}).post()

    assert visited == []


def test_amazon_is_asked_to_come_again_where_it_could_not_be_told(mail: OutgoingMail, visited: list[str]) -> None:
    url = "https://sns.eu-west-1.amazonaws.com/down"

    assert sns({"Type": "SubscriptionConfirmation", "SubscribeURL": url}).post().status_code == 503


def test_mandrills_forms_are_read(mail: OutgoingMail, settings: Settings) -> None:
    settings.ANYMAIL = {"MANDRILL_WEBHOOK_KEY": "mandrill-key"}
    event = {
        "event": "hard_bounce",
        "ts": int(NOW.timestamp()),
        "_id": "4f5",
        "msg": {
            "ts": int(NOW.timestamp()),
            "email": mail.to_address,
            "metadata": {"mail": mail.uuid.hex},
            "state": "bounced",
            "diag": f"smtp;{UNKNOWN_USER}",
            "_id": "4f5",
        },
    }
    told = json.dumps([event])
    signed = f"http://testserver/api/v1/hooks/mail/mandrill/mandrill_events{told}"
    signature = base64.b64encode(hmac.digest(b"mandrill-key", signed.encode(), "sha1")).decode()
    body = urlencode({"mandrill_events": told}).encode()
    delivery = Delivery("mandrill", body, {"X-Mandrill-Signature": signature}, "application/x-www-form-urlencoded")

    assert delivery.post().status_code == 200
    assert timeline(mail) == [("bounced", "mandrill")]
    assert objections() == [("all", "bounced")]
