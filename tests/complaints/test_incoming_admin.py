"""Incoming mail at the desk: read as text, decided by buttons, and by the staff of its brand alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AccessLog, Membership
from complaints.models import Complaint, IncomingMail
from tests import factories
from tests.complaints.factories import make_complaint
from tests.complaints.test_admin import client_of
from tests.complaints.test_receiving import letter, receive
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
LIST = reverse("admin:complaints_incomingmail_changelist")
INBOX = reverse("admin:complaints_complaint_changelist")


@pytest.fixture
def mail(brand) -> IncomingMail:
    text = "<script>alert(1)</script>\n\n> ¿Qué talla?"
    return receive(letter(sender="Vecina <vecina@otra.example>", text=text, subject="<b>Botas</b>"))


def page_of(mail: IncomingMail) -> str:
    return reverse("admin:complaints_incomingmail_change", args=[mail.pk])


def decide(client: Client, mail: IncomingMail, name: str, **data: Any) -> Any:
    return client.post(reverse("admin:complaints_incomingmail_decide", args=[mail.pk, name]), data, follow=True)


def test_what_waits_is_seen_from_the_inbox_and_read_as_text(mail, sofia):
    desk = client_of(sofia)

    inbox, listed, page = (desk.get(url).content.decode() for url in (INBOX, LIST, page_of(mail)))

    assert "1 to decide" in inbox
    assert page_of(mail) in listed
    assert "Nobody is known by the sender" in listed
    for html in (listed, page):
        assert "<script>alert" not in html
        assert "<b>Botas" not in html
    assert "What it quotes" in page
    assert AccessLog.objects.filter(user=sofia, object_type="incoming_mail").exists()


def test_every_mail_is_in_one_of_the_lists(mail, purchase, sofia):
    receive(letter(Message_ID="<2@x.example>"))
    receive(letter(Precedence="bulk", Message_ID="<3@x.example>"))

    tabs = client_of(sofia).get(LIST).context["tabs"]

    assert {tab.state: tab.count for tab in tabs} == {
        "quarantined": 1,
        "filed": 1,
        "set_aside": 1,
        "discarded": 0,
        "received": 0,
    }


def test_a_case_is_opened_from_a_mail_and_shows_who_wrote_and_what_they_quoted(mail, sofia):
    opened = decide(client_of(sofia), mail, "open", order="")

    case = Complaint.objects.get()
    assert opened.redirect_chain[-1][0] == reverse("admin:complaints_complaint_change", args=[case.pk])
    html = opened.content.decode()
    assert "vecina@otra.example" in html
    assert "What it quotes" in html
    assert "&lt;script&gt;" in html


def test_a_mail_is_put_into_a_case_by_its_number(mail, purchase, sofia):
    case = make_complaint(purchase)
    desk = client_of(sofia)

    wrong = decide(desk, mail, "accept", number="2026-999999")
    right = decide(desk, mail, "accept", number=case.number)

    assert "There is no case of this number" in wrong.content.decode()
    assert right.redirect_chain[-1][0] == reverse("admin:complaints_complaint_change", args=[case.pk])
    assert "The mail is in the case" in right.content.decode()


def test_a_second_decision_is_told_that_there_was_a_first(mail, sofia):
    desk = client_of(sofia)
    decide(desk, mail, "discard")

    again = decide(desk, mail, "open", order="")

    assert "Somebody has decided about this mail already" in again.content.decode()
    assert not Complaint.objects.exists()


def test_the_mail_as_it_came_is_a_download(mail, sofia):
    response = client_of(sofia).get(reverse("admin:complaints_incomingmail_original", args=[mail.pk]))

    assert response.headers["Content-Disposition"] == f'attachment; filename="{mail.pk}.eml"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.content == bytes(mail.content.data)
    assert AccessLog.objects.filter(object_type="incoming_mail", object_id=str(mail.pk)).count() == 1


def test_other_brands_and_readers_decide_nothing(mail, brand):
    olga = client_of(factories.make_staff(factories.make_brand("otra"), "Olga"))
    rita = client_of(factories.make_staff(brand, "Rita", Membership.Role.READ_ONLY))

    assert olga.get(page_of(mail)).status_code == 404
    assert olga.get(LIST).context["tabs"][0].count == 0
    assert decide(olga, mail, "discard").status_code == 404
    assert "Discard it" not in rita.get(page_of(mail)).content.decode()
    assert decide(rita, mail, "discard").status_code == 403
    mail.refresh_from_db()
    assert mail.state == "quarantined"


def test_mail_to_no_brand_is_the_operators(db, brand, sofia):
    mail = receive(letter("quien@sabe.example"))
    operator = factories.make_user("ops@postventa.example", "Ops", is_staff=True, is_superuser=True)

    assert client_of(sofia).get(page_of(mail)).status_code == 404
    assert client_of(operator).get(page_of(mail)).status_code == 200


def test_the_list_costs_the_same_with_many(mail, sofia, django_assert_max_num_queries):
    desk = client_of(sofia)
    desk.get(LIST)
    for number in range(5):
        receive(letter(sender=f"v{number}@otra.example", Message_ID=f"<{number}@x.example>"))

    with django_assert_max_num_queries(16):
        desk.get(LIST)


def test_pages_go_on_from_the_last_mail_for_staff_and_for_the_operator(brand, sofia, monkeypatch):
    monkeypatch.setattr("accounts.paging.page_of.__kwdefaults__", {"size": 2, "apart": ()})
    mails = [
        receive(letter(sender=f"v{number}@otra.example", Message_ID=f"<{number}@x.example>"), now=NOW + number * HOUR)
        for number in range(3)
    ]
    lost = receive(letter("quien@sabe.example", Message_ID="<9@x.example>"), now=NOW + 9 * HOUR)
    operator = factories.make_user("ops@postventa.example", "Ops", is_staff=True, is_superuser=True)

    for reader, expected in ((sofia, mails), (operator, [*mails, lost])):
        desk = client_of(reader)
        first = desk.get(LIST).context["mails"]
        second = desk.get(LIST, {"at": first.next}).context["mails"]
        assert [*first.rows, *second.rows] == expected
        assert desk.get(LIST, {"at": second.previous}).context["mails"].rows == first.rows
