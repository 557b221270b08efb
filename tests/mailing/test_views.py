from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Brand
from mailing.models import MailEvent, OutgoingMail, Suppression
from mailing.services import queue_mail, resubscribe, suppress
from tests.factories import NOW
from tests.mailing.factories import make_answer_request, make_mail

pytestmark = pytest.mark.django_db
ONE_CLICK = "List-Unsubscribe=One-Click"


@pytest.fixture
def mail(brand: Brand) -> OutgoingMail:
    return make_mail(brand, to="carla@correo.example", scopes=("surveys", "purchase:7"))


@pytest.fixture
def provider() -> Client:
    """A mailbox provider: no cookie, no token against forgery."""
    return Client(enforce_csrf_checks=True)


def url_of(mail: OutgoingMail) -> str:
    return reverse("mailing:unsubscribe", args=[mail.token])


def stored() -> list[tuple[str, str]]:
    return list(Suppression.objects.values_list("scope", "reason"))


def test_one_click_stops_surveys_and_answers_without_a_redirect(provider: Client, mail: OutgoingMail) -> None:
    for _ in range(2):
        response = provider.post(url_of(mail), ONE_CLICK, content_type="application/x-www-form-urlencoded")

        assert response.status_code == 200
        assert response.cookies == {}

    assert stored() == [("surveys", "opted_out")]
    assert list(MailEvent.objects.values_list("mail", "kind", "source", "detail")) == [
        (mail.pk, "unsubscribed", "one_click", "surveys")
    ]


def test_one_click_as_form_data_and_without_the_last_slash(provider: Client, mail: OutgoingMail) -> None:
    response = provider.post(url_of(mail).rstrip("/"), {"List-Unsubscribe": "One-Click"})

    assert response.status_code == 200
    assert stored() == [("surveys", "opted_out")]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("", "text/plain"),
        ("{}", "application/json"),
        ("--x\r\nbroken", "multipart/form-data; boundary=x"),
        ("broken", "multipart/form-data"),
        ("a=1&" * 2000, "application/x-www-form-urlencoded"),
    ],
)
def test_the_token_of_the_path_is_enough(provider: Client, mail: OutgoingMail, body: str, content_type: str) -> None:
    response = provider.post(url_of(mail), body, content_type=content_type)

    assert response.status_code == 200
    assert stored() == [("surveys", "opted_out")]


def test_behind_a_proxy_that_speaks_http_there_is_no_redirect(provider: Client, mail: OutgoingMail, settings) -> None:  # type: ignore[no-untyped-def]
    settings.SECURE_SSL_REDIRECT = True

    response = provider.post(url_of(mail), ONE_CLICK, content_type="application/x-www-form-urlencoded")

    assert response.status_code == 200
    assert stored() == [("surveys", "opted_out")]


def test_an_unknown_token_gets_the_same_answer(provider: Client, mail: OutgoingMail) -> None:
    known = provider.post(url_of(mail), ONE_CLICK, content_type="application/x-www-form-urlencoded")
    unknown = [
        provider.post(reverse("mailing:unsubscribe", args=[token]), {"List-Unsubscribe": "One-Click"})
        for token in ("A" * 22, "short", "ñ" * 300, "%00")
    ]

    assert {(response.status_code, response.content) for response in unknown} == {(200, known.content)}
    assert len(stored()) == 1


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_the_page_writes_nothing(provider: Client, mail: OutgoingMail, method: str) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = getattr(provider, method)(url_of(mail))

    assert response.status_code == 200
    assert response.cookies == {}
    assert all(query["sql"].startswith("SELECT") for query in queries)
    assert stored() == []


def test_the_page_offers_all_surveys_or_this_purchase_in_the_language_of_the_mail(
    provider: Client, mail: OutgoingMail
) -> None:
    OutgoingMail.objects.filter(pk=mail.pk).update(language="en")

    page = provider.get(url_of(mail), headers={"accept-language": "es"}).content.decode()

    assert '<html lang="en">' in page
    assert "Lumbre" in page
    assert "Stop only those about this purchase" in page

    provider.post(url_of(mail), {"scope": "purchase"})

    assert stored() == [("purchase:7", "opted_out")]
    assert MailEvent.objects.get().source == "page"


def test_without_a_purchase_the_smaller_choice_stops_everything(provider: Client, brand: Brand) -> None:
    mail = queue_mail(make_answer_request(brand))

    assert "Stop only those about" not in provider.get(url_of(mail), headers={"accept-language": "en"}).content.decode()
    provider.post(url_of(mail), {"scope": "purchase"})

    assert stored() == [("surveys", "opted_out")]


def test_nobody_keeps_or_passes_on_the_address(provider: Client, mail: OutgoingMail) -> None:
    for response in (provider.get(url_of(mail)), provider.post(url_of(mail))):
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in response.headers["Cache-Control"]
        assert "noindex" in response.headers["X-Robots-Tag"]


def test_other_methods_are_refused(provider: Client, mail: OutgoingMail) -> None:
    assert provider.delete(url_of(mail)).status_code == 405
    assert stored() == []


def test_old_links_work_whatever_became_of_the_mail(provider: Client, mail: OutgoingMail) -> None:
    OutgoingMail.objects.update(state="expired", created_at=mail.created_at - timedelta(days=400))

    assert provider.post(url_of(mail)).status_code == 200
    assert stored() == [("surveys", "opted_out")]


@pytest.mark.parametrize("scope", ["surveys", "purchase"])
def test_trying_the_way_out_of_a_test_mail_opts_nobody_out_and_says_so(
    provider: Client, brand: Brand, scope: str
) -> None:
    mail = make_mail(brand, to="sofia@lumbre.example", language="en", scopes=("surveys", "sample", "purchase:7"))

    asked = provider.get(url_of(mail)).content.decode()
    done = provider.post(url_of(mail), {"scope": scope})
    one_click = provider.post(url_of(mail), ONE_CLICK, content_type="application/x-www-form-urlencoded")

    assert "You come from a test mail" in asked
    assert "This was a test mail, so nothing has changed" in done.content.decode()
    assert (done.status_code, one_click.status_code) == (200, 200)
    assert stored() == []
    assert not MailEvent.objects.exists()


def test_a_digest_is_left_apart_from_surveys_and_taken_up_again(provider: Client, brand: Brand) -> None:
    digest = make_mail(brand, to="ana@correo.example", language="en", scopes=(OutgoingMail.DIGEST,))

    page = provider.get(url_of(digest)).content.decode()
    provider.post(url_of(digest), ONE_CLICK, content_type="application/x-www-form-urlencoded")

    assert "Stop the summaries" in page
    assert "Stop all surveys" not in page
    assert stored() == [("digest", "opted_out")]
    resubscribe(brand, " Ana@correo.example", scope=OutgoingMail.DIGEST)
    assert stored() == []


def test_only_ones_own_wish_is_lifted(brand: Brand) -> None:
    for reason in (Suppression.Reason.BOUNCED, Suppression.Reason.COMPLAINED, Suppression.Reason.MANUAL):
        address = f"{reason}@correo.example"
        suppress(brand, address, scope="digest", reason=reason, now=NOW)
        resubscribe(brand, address, scope="digest")

    assert len(stored()) == 3
