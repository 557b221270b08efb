"""What else arrives at a survey's address: nothing breaks, nothing is lost, nothing is kept that was not asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from mailing.models import OutgoingMail
from surveys.models import Response
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import make_invitation, send_mail
from tests.surveys.visits import NONCE, given, see, url_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def mail() -> OutgoingMail:
    cache.clear()
    return send_mail(make_invitation(factories.make_purchase(factories.make_customer(factories.make_brand()))))


@pytest.fixture
def nonce(mail: OutgoingMail) -> Iterator[str]:
    """A form shown twenty seconds ago; the clock stands still."""
    found = NONCE.search(see(mail).content.decode())
    assert found
    with time_machine.travel(NOW, tick=False) as clock:
        clock.shift(20)
        yield found.group(1)


def post(mail: OutgoingMail, body: bytes | str, content_type: str) -> Any:
    return Client(raise_request_exception=False).post(url_of(mail), body, content_type=content_type)


def test_uploads_are_read_past_and_never_stored(mail, nonce, tmp_path, settings):
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    video = SimpleUploadedFile("video.mp4", b"x" * 6_000_000)

    page = Client().post(url_of(mail), {"nonce": nonce, "csat": "4", "keep_text": video, "photo": video, "nps": "9"})

    assert page.status_code == 303
    assert given() == {"csat": 4, "nps": 9}
    assert list(Path(tmp_path).iterdir()) == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"csat=4", "multipart/form-data"),
        ("&".join(f"f{n}=1" for n in range(2000)), "application/x-www-form-urlencoded"),
        ("keep_text=" + "x" * 11_000_000, "application/x-www-form-urlencoded"),
    ],
)
def test_what_cannot_be_read_is_refused_whole(mail, nonce, body, content_type):
    page = post(mail, body, content_type)

    assert page.status_code == 400
    assert not Response.objects.exists()


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/xml"])
def test_what_is_no_form_says_nothing(mail, nonce, content_type):
    page = post(mail, f'{{"csat": 4, "nonce": "{nonce}"}}', content_type)

    assert page.status_code == 200
    assert 'name="csat"' in page.content.decode()
    assert not Response.objects.exists()


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b"%FF%FEbien", "��bien"),  # no UTF-8
        (b"%ED%A0%80bien", "���bien"),  # half a character
        (b"%00%07bien%1B", "bien"),
        (b"%E2%80%AEneib%E2%80%AC", "\u202eneib\u202c"),
        ("👩🏽‍🚀 ¡שלום! e\u0301".encode(), "👩🏽‍🚀 ¡שלום! e\u0301"),
        (b"%20%20%09", None),
    ],
)
def test_any_bytes_make_words(mail, nonce, sent, stored):
    body = b"csat=4&nonce=" + nonce.encode() + b"&keep_text=" + sent

    assert post(mail, body, "application/x-www-form-urlencoded").status_code == 303
    assert given().get("keep_text") == stored


def test_of_a_field_sent_twice_the_last_counts(mail, nonce):
    post(mail, f"csat=1&csat=4&nonce={nonce}", "application/x-www-form-urlencoded")

    assert given() == {"csat": 4}


def test_the_same_post_ten_times_is_one_answer(mail, nonce):
    for _retry in range(10):
        page = Client().post(url_of(mail), {"nonce": nonce, "csat": "2", "improve_text": "Los plazos"})
        assert page.status_code == 303

    assert Response.objects.get().revisions.count() == 0
    assert given() == {"csat": 2, "improve_text": "Los plazos"}


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_other_methods_are_not_for_here(mail, method):
    assert getattr(Client(), method)(url_of(mail)).status_code == 405
