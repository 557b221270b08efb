"""What customers see: thanks, a report, their own case. Entered by the links that their mails carry."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from complaints.models import AttachmentContent, Complaint, ComplaintEvent
from complaints.services import add_note, reply, resolve_complaint, take_complaint
from mailing.models import OutgoingMail
from mailing.rendering import render
from surveys.models import InvitationMail
from tests.complaints.factories import answered, make_complaint
from tests.factories import NOW
from tests.surveys.factories import make_invitation, send_mail

pytestmark = pytest.mark.django_db
PUBLIC_PAGES = ["thanks", "report", "reported", "case"]


@pytest.fixture
def mail(invitation):
    return send_mail(invitation)


def get(view: str, token: str, *, query: str = "", client: Client | None = None) -> Any:
    with time_machine.travel(NOW, tick=False):
        return (client or Client()).get(reverse(f"complaints:{view}", args=[token]) + query)


def post(view: str, token: str, **data: str) -> Any:
    # As strict as a browser behind a mail: no cookie, no CSRF token.
    with time_machine.travel(NOW, tick=False):
        return Client(enforce_csrf_checks=True).post(reverse(f"complaints:{view}", args=[token]), data)


def links(response: Any) -> list[str]:
    main = response.content.decode().partition("<main")[2].partition("</main>")[0]
    return re.findall(r'href="([^"]+)"', main)


# --- Thanks --------------------------------------------------------------------------------------------------------
def test_whoever_is_unhappy_gets_the_same_links(brand, purchase, mail, invitation):
    brand.public_review_url = "https://opiniones.example/lumbre"
    brand.save()
    answered(invitation, csat=1)
    unhappy = links(get("thanks", mail.token))

    answered(invitation, csat=5, at=NOW + timedelta(minutes=1))
    happy = links(get("thanks", mail.token))

    purchase.customer.refresh_from_db()
    assert (
        unhappy
        == happy
        == [
            reverse("surveys:answer", args=[mail.token]),
            reverse("complaints:report", args=[mail.token]),
            "https://opiniones.example/lumbre",
            reverse("affiliates:follow_recommendation", args=[purchase.customer.referral_code]),
        ]
    )


def test_an_answer_that_looked_suspect_is_thanked_for_all_the_same(mail, invitation):
    answered(invitation, csat=5, suspicions=("too_fast",))

    assert reverse("complaints:report", args=[mail.token]) in links(get("thanks", mail.token))


def test_without_an_answer_nobody_is_thanked(mail):
    assert links(get("thanks", mail.token)) == [reverse("surveys:answer", args=[mail.token])]


def test_thanks_tell_the_number_of_an_open_case_and_nothing_said_in_it(mail, bad_answer, purchase):
    case = make_complaint(purchase, text="Palabras de Carla")

    html = get("thanks", mail.token).content.decode()

    assert case.number in html
    for secret in ("Palabras de Carla", "Carla", "carla@correo.example", "PEDIDO-77", case.token):
        assert secret not in html


def test_after_the_days_for_changes_no_change_is_offered(mail, bad_answer):
    with time_machine.travel(NOW + timedelta(days=8), tick=False):
        response = Client().get(reverse("complaints:thanks", args=[mail.token]))

    assert reverse("surveys:answer", args=[mail.token]) not in links(response)
    assert reverse("complaints:report", args=[mail.token]) in links(response)


# --- Report --------------------------------------------------------------------------------------------------------
def test_a_report_opens_a_case_and_acknowledges_it(mail, purchase):
    response = post("report", mail.token, kind="claim", text="La bota se abrió.\nQuiero otra.")

    assert (response.status_code, response["Location"]) == (303, reverse("complaints:reported", args=[mail.token]))
    case = Complaint.objects.get()
    assert (case.kind, case.subject, case.purchase) == ("claim", "La bota se abrió.", purchase)
    assert case.legal_due_at is not None
    acknowledgement = OutgoingMail.objects.get(template="complaints/acknowledgement")
    assert (acknowledgement.to_address, acknowledgement.scopes) == ("carla@correo.example", [])
    assert acknowledgement.sender == "atencion@lumbre.example"
    page = get("reported", mail.token).content.decode()
    assert case.number in page
    assert "La bota se abrió" not in page


@pytest.mark.parametrize(
    "data",
    [{}, {"kind": "claim"}, {"kind": "claim", "text": " \n"}, {"text": "Roto"}, {"kind": "follow_up", "text": "Roto"}],
)
def test_an_incomplete_report_opens_nothing_and_loses_nothing(mail, data):
    response = post("report", mail.token, **data)

    assert response.status_code == 200
    assert data.get("text", "").strip() in response.content.decode()
    assert not Complaint.objects.exists()


def test_a_report_can_still_be_made_when_the_survey_is_closed(mail):
    with time_machine.travel(NOW + timedelta(days=400), tick=False):
        Client().post(reverse("complaints:report", args=[mail.token]), {"kind": "warranty", "text": "Se rompió"})

    assert Complaint.objects.get().kind == "warranty"


def test_before_a_report_there_is_nothing_to_confirm(mail):
    assert get("reported", mail.token).status_code == 404


# --- The customer's own case ---------------------------------------------------------------------------------------
def test_the_case_shows_what_was_said_and_no_note(purchase, sofia):
    case = make_complaint(purchase, text="Llegó roto.", wants_contact=True)
    take_complaint(case, by=sofia, now=NOW)
    add_note(case, text="Cliente difícil", by=sofia, now=NOW)
    reply(case, text="Te enviamos otro.", by=sofia, now=NOW, waits=True)

    html = get("case", case.token).content.decode()

    assert html.index("Llegó roto.") < html.index("Te enviamos otro.")
    assert case.number in html
    for inside in ("Cliente difícil", "Sofía", "Carla", "PEDIDO-77"):
        assert inside not in html


def test_the_links_in_its_mails_open_the_case(purchase, sofia):
    case = make_complaint(purchase, wants_contact=True)
    reply(case, text="Te enviamos otro.", by=sofia, now=NOW)
    resolve_complaint(case, resolution="Cambiado por otro.", by=sofia, now=NOW)

    about_it = OutgoingMail.objects.filter(template__startswith="complaints/")
    for mail in about_it:
        message = render(mail, now=NOW)
        found = set(re.findall(r"/c/([\w-]+)/", message.texts.text) + re.findall(r"/c/([\w-]+)/", message.texts.html))
        assert found == {mail.token}
        assert case.number in get("case", mail.token).content.decode()
        assert case.number in message.texts.subject
    assert about_it.count() == 3


def test_no_other_mails_token_opens_a_case(purchase, mail):
    make_complaint(purchase)

    assert get("case", mail.token).status_code == 404


def test_a_message_of_the_customer_goes_into_the_case_once(purchase, sofia):
    case = make_complaint(purchase, wants_contact=True)
    reply(case, text="¿Qué talla?", by=sofia, now=NOW, waits=True)

    for _ in range(2):
        response = post("case", case.token, text="La 39")

    assert (response.status_code, response["Location"]) == (303, reverse("complaints:case", args=[case.token]))
    case.refresh_from_db()
    assert case.state == "in_progress"
    assert list(ComplaintEvent.objects.filter(kind="customer_wrote").values_list("text", flat=True)) == ["La 39"]


def test_writing_to_a_resolved_case_opens_it_again(purchase, sofia):
    case = make_complaint(purchase)
    resolve_complaint(case, resolution="Cambiado.", by=sofia, now=NOW)

    post("case", case.token, text="Sigue roto")

    case.refresh_from_db()
    assert (case.state, case.resolved_at, case.wants_contact) == ("in_progress", None, True)


def test_writing_to_an_old_case_reaches_the_one_that_is_open(purchase, sofia):
    old = make_complaint(purchase)
    resolve_complaint(old, resolution="Cambiado.", by=sofia, now=NOW)
    current = make_complaint(purchase, text="Otra cosa")

    response = post("case", old.token, text="Sigue roto")

    assert response["Location"] == reverse("complaints:case", args=[current.token])
    assert current.events.filter(kind="customer_wrote", text="Sigue roto").exists()
    old.refresh_from_db()
    assert old.state == "resolved"


def test_only_files_of_what_was_said_to_each_other_are_theirs(purchase, sofia):
    """An allow list: what some later kind of event carries is for colleagues until somebody says otherwise."""
    case = make_complaint(purchase)
    shown = set()
    for kind in ComplaintEvent.Kind.values:
        event = case.events.create(kind=kind, at=NOW)
        file = case.attachments.create(event=event, name=kind, content_type="image/png", size=1, created_at=NOW)
        AttachmentContent.objects.create(attachment=file, data=b"x")
        url = reverse("complaints:file", args=[case.token, file.uuid])
        shown |= {kind} if Client().get(url).status_code == 200 else set()

    assert shown == {"opened", "answer_added", "customer_wrote", "replied", "resolved"}


def test_an_empty_message_changes_nothing(purchase):
    case = make_complaint(purchase)

    assert post("case", case.token, text=" ").status_code == 200
    assert case.events.count() == 1


# --- All of them ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("view", PUBLIC_PAGES)
@pytest.mark.parametrize("token", ["A" * 22, "x", "%00", "ñ" * 22])
def test_unknown_and_malformed_links_look_alike(db, view, token):
    response = get(view, token)

    assert response.status_code == 404
    assert response.content == get(view, "B" * 22).content


@pytest.mark.parametrize("view", PUBLIC_PAGES)
def test_pages_are_for_whoever_has_the_link_and_kept_by_nobody(purchase, mail, bad_answer, view):
    case = make_complaint(purchase)
    token = case.token if view == "case" else mail.token
    before = ComplaintEvent.objects.count()

    response = get(view, token)

    assert response.status_code == 200
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cache-Control"] == "no-store"
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert not response.cookies
    assert ComplaintEvent.objects.count() == before


def test_a_reminders_link_serves_as_well(purchase):
    invitation = make_invitation(purchase)
    send_mail(invitation)
    reminder = send_mail(invitation, InvitationMail.Kind.REMINDER)
    answered(invitation, csat=5)

    assert get("thanks", reminder.token).status_code == 200


def test_the_page_speaks_the_customers_language(purchase):
    english = make_complaint(purchase, language="en")

    assert 'lang="en"' in get("case", english.token).content.decode()
