"""Mail of customers: into the case that it answers where its sender is who they should be, else to be looked at."""

from contextlib import suppress
from datetime import timedelta
from email.message import EmailMessage

import pytest
from django.db.models import Q
from pytest_django.fixtures import Settings

from complaints.models import Complaint, ComplaintEvent, IncomingMail
from complaints.services import merge_complaint, open_complaint, receiving, reply, resolve_complaint
from complaints.services.receiving import forget_old_content, sort_due_mail, store_mail, take_in
from mailing.models import OutgoingMail
from mailing.rendering import render
from mailing.return_paths import reply_address
from tests import factories
from tests.complaints.factories import make_complaint, make_problem
from tests.factories import NOW
from tests.mailing.test_returned import block, dsn
from tests.surveys.factories import make_invitation, send_mail

pytestmark = pytest.mark.django_db

CARLA = "carla@correo.example"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)


@pytest.fixture(autouse=True)
def address(settings: Settings) -> None:
    settings.REPLY_ADDRESS = "c@{domain}"


@pytest.fixture
def case(purchase, sofia) -> Complaint:
    """Sofía has asked and waits."""
    complaint = make_complaint(purchase, wants_contact=True)
    reply(complaint, text="¿Qué talla?", by=sofia, now=NOW, waits=True)
    return complaint


@pytest.fixture
def ours(case) -> OutgoingMail:
    return OutgoingMail.objects.get(template="complaints/reply")


def letter(to: str = "", *, sender: str = CARLA, text: str = "La 39", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = sender, to or "atencion@lumbre.example"
    message["Subject"] = headers.pop("subject", "Re: Tu caso")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def answer(ours: OutgoingMail, **told: str) -> EmailMessage:
    return letter(reply_address(ours), **{"Message_ID": "<1@correo.example>", **told})


def receive(message: EmailMessage, *, now=NOW) -> IncomingMail:
    mail, _is_new = take_in(message.as_bytes(), now=now)
    return mail


def became(mail: IncomingMail) -> tuple[str, str, str]:
    return mail.state, mail.reason, mail.evidence


def said_in(case: Complaint) -> list[str]:
    return list(case.events.filter(kind="customer_wrote").values_list("text", flat=True))


# --- Into the case -------------------------------------------------------------------------------------------------
def test_each_mail_has_a_reply_address_of_its_own_that_is_not_to_be_made_up(ours):
    address = render(ours, now=NOW).reply_to

    assert address == reply_address(ours)
    assert address.startswith("c+1-")
    assert address.endswith("@lumbre.example")
    assert len(address.partition("@")[0]) <= 64
    forged = address[:10] + ("b" if address[10] == "a" else "a") + address[11:]
    assert became(receive(letter(forged))) == ("quarantined", "unknown_brand", "")


def test_an_answer_by_mail_goes_into_its_case_with_its_files_and_without_what_it_quotes(case, ours):
    message = answer(ours, text="La 39\n\nEl lun, 9 mar 2026, Lumbre escribió:\n> ¿Qué talla?\n")
    message.add_attachment(PNG, maintype="image", subtype="png", filename="bota.png")
    message.add_attachment(b"MZ", maintype="application", subtype="exe", filename="foto.jpg.exe")

    mail = receive(message)

    case.refresh_from_db()
    assert became(mail) == ("filed", "", "address")
    assert (mail.brand, mail.complaint, mail.customer, mail.answers) == (case.brand, case, case.customer, ours)
    assert (case.state, case.waits_since) == ("in_progress", NOW)
    event = case.events.get(kind="customer_wrote")
    assert event.text == "La 39"
    assert event.data["quoted"].endswith("> ¿Qué talla?")
    assert event.data["left_out"] == ["foto.jpg.exe"]
    assert [(file.name, file.content_type) for file in event.attachments.all()] == [("bota.png", "image/png")]


def test_what_is_written_to_a_case_that_is_full_of_files_goes_in_without_its_own(case, ours, monkeypatch):
    monkeypatch.setattr("complaints.services.attaching.MOST_FILES_A_CASE", 1)
    message = answer(ours, text="Dos más")
    for name in ("una.png", "otra.png"):
        message.add_attachment(PNG, maintype="image", subtype="png", filename=name)

    mail = receive(message)

    assert became(mail) == ("filed", "", "address")
    event = case.events.get(kind="customer_wrote")
    assert [file.name for file in event.attachments.all()] == ["una.png"]
    assert event.data["left_out"] == ["otra.png"]


def test_neither_does_a_mail_about_its_purchase_bring_more_files_than_fit(case, purchase, monkeypatch):
    monkeypatch.setattr("complaints.services.attaching.MOST_FILES_A_CASE", 1)
    message = letter(reply_address(send_mail(make_invitation(purchase))), text="Dos fotos")
    for name in ("una.png", "otra.png"):
        message.add_attachment(PNG, maintype="image", subtype="png", filename=name)

    assert receive(message).complaint == case

    event = case.events.get(kind="answer_added")
    assert [file.name for file in event.attachments.all()] == ["una.png"]
    assert event.data["left_out"] == ["otra.png"]


def test_a_mail_from_nobody_is_not_that_of_a_customer_whose_address_is_gone(case, ours):
    OutgoingMail.objects.filter(pk=ours.pk).update(to_address="")

    mail = receive(answer(ours, sender="Carla <>"))

    assert became(mail) == ("quarantined", "other_sender", "address")
    assert said_in(case) == []


def test_the_same_mail_by_two_ways_is_one(case, ours):
    first = answer(ours).as_bytes()

    results = [take_in(raw, now=NOW)[1] for raw in (first, first, b"Received: by other\r\n" + first)]

    assert results == [True, False, False]
    assert said_in(case) == ["La 39"]


def test_two_mails_that_say_the_same_are_two(case, ours):
    receive(answer(ours, text="Gracias"))
    receive(answer(ours, text="Gracias", Message_ID="<2@correo.example>"))

    assert said_in(case) == ["Gracias", "Gracias"]


def test_another_mail_under_a_known_id_is_not_lost_and_not_believed(case, ours):
    receive(answer(ours))
    other = receive(answer(ours, text="Otra cosa"))

    assert became(other)[:2] == ("quarantined", "repeated_id")
    assert said_in(case) == ["La 39"]


def test_in_reply_to_is_the_second_evidence(case, ours):
    mail = receive(letter(In_Reply_To=ours.message_id))

    assert became(mail) == ("filed", "", "thread")
    assert said_in(case) == ["La 39"]


@pytest.mark.parametrize("way", ["address", "thread"])
def test_who_is_not_its_customer_changes_no_case(case, ours, way):
    told = {"to": reply_address(ours)} if way == "address" else {"In_Reply_To": ours.message_id}
    before = ComplaintEvent.objects.count()

    mail = receive(letter(sender="mallory@otra.example", text="Devuélvanme el dinero a otra cuenta", **told))

    assert became(mail) == ("quarantined", "other_sender", way)
    assert mail.complaint == case
    assert ComplaintEvent.objects.count() == before


def test_a_sender_that_the_server_calls_forged_changes_no_case(case, ours):
    mail = receive(answer(ours, Authentication_Results="mx.lumbre.example; dmarc=fail header.from=correo.example"))

    assert became(mail)[:2] == ("quarantined", "forged")
    assert said_in(case) == []


def test_an_answer_to_a_closed_case_opens_it_again(case, ours, sofia):
    resolve_complaint(case, resolution="Hecho", by=sofia, now=NOW)

    receive(answer(ours, text="Sigue roto"))

    case.refresh_from_db()
    assert case.state == "in_progress"


def test_an_answer_to_a_merged_case_goes_where_its_story_goes_on(case, ours, sofia, purchase):
    survivor = make_complaint(factories.make_purchase(purchase.customer))
    merge_complaint(case, survivor, by=sofia, now=NOW)

    assert receive(answer(ours)).complaint == survivor


# --- Surveys -------------------------------------------------------------------------------------------------------
def test_answers_to_one_survey_never_merge_two_customers(brand, purchase):
    """They share subject and text; a robot in between may even share the id."""
    other = factories.make_purchase(factories.make_customer(brand, "Diana Sol", "diana@correo.example"))
    mails = [send_mail(make_invitation(each)) for each in (purchase, other)]

    for survey, sender in zip(mails, (CARLA, "diana@correo.example"), strict=True):
        receive(letter(reply_address(survey), sender=sender, subject="Re: ¿Qué tal?", In_Reply_To=mails[0].message_id))

    cases = Complaint.objects.order_by("pk")
    assert [(case.purchase, case.customer, case.kind) for case in cases] == [
        (purchase, purchase.customer, "inquiry"),
        (other, other.customer, "inquiry"),
    ]
    assert [case.subject for case in cases] == ["¿Qué tal?", "¿Qué tal?"]
    acknowledged = OutgoingMail.objects.filter(template="complaints/acknowledgement").order_by("pk")
    assert [mail.to_address for mail in acknowledged] == [CARLA, "diana@correo.example"]


def test_an_answer_to_the_survey_joins_the_open_case_of_the_purchase(case, purchase):
    survey = send_mail(make_invitation(purchase))

    mail = receive(letter(reply_address(survey), text="Además llegó tarde"))

    assert (mail.complaint, Complaint.objects.count()) == (case, 1)
    assert case.events.filter(kind="answer_added", text="Además llegó tarde").exists()


# --- Without a thread ----------------------------------------------------------------------------------------------
def test_a_known_customer_begins_a_case_by_writing(brand, purchase):
    mail = receive(letter("Lumbre <ATENCION@lumbre.example>", text="¿Cómo se limpian?", subject="Botas"))

    case = Complaint.objects.get()
    assert became(mail) == ("filed", "", "sender")
    assert (case.subject, case.text, case.customer, case.purchase) == (
        "Botas",
        "¿Cómo se limpian?",
        purchase.customer,
        None,
    )
    assert OutgoingMail.objects.get().template == "complaints/acknowledgement"


def test_whoever_has_an_open_case_may_mean_it_or_not(case):
    mail = receive(letter(subject="Otra cosa"))

    assert became(mail) == ("quarantined", "which_case", "")
    assert mail.complaint == case


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"sender": "nadie@otra.example"}, "unknown_sender"),
        ({"to": "quien@sabe.example"}, "unknown_brand"),
        ({"to": "atencion@lumbre.example, atencion@otra.example"}, "unknown_brand"),
    ],
)
def test_what_is_unsure_waits_for_a_person_and_is_not_answered(brand, purchase, told, reason):
    factories.make_brand("otra")

    mail = receive(letter(**told))

    assert became(mail)[:2] == ("quarantined", reason)
    assert not OutgoingMail.objects.exists()
    assert not Complaint.objects.exists()


# --- Nobody waits for an answer ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "header",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Precedence": "bulk"},
        {"X_Auto_Response_Suppress": "All"},
        {"Return_Path": "<>"},
        {"List_Id": "<lista.example>"},
    ],
)
def test_robots_open_nothing_change_nothing_and_get_no_answer(case, ours, header):
    before = (ComplaintEvent.objects.count(), OutgoingMail.objects.count())

    mails = [receive(answer(ours, **header)), receive(letter(**header))]

    assert [became(mail)[:2] for mail in mails] == [("set_aside", "automatic")] * 2
    assert mails[0].complaint == case
    assert (ComplaintEvent.objects.count(), OutgoingMail.objects.count()) == before
    case.refresh_from_db()
    assert case.state == "waiting"


def test_our_own_mail_that_comes_back_is_set_aside(case, ours):
    mail = receive(letter(reply_address(ours), sender="Atencion@Lumbre.example"))

    assert became(mail)[:2] == ("set_aside", "own")


def test_a_bounce_in_the_customers_mailbox_is_noted_at_its_mail(case, ours):
    ours.state = "sent"
    ours.sent_at = NOW
    ours.save()

    mail, _is_new = take_in(dsn("atencion@lumbre.example", block(), original=ours.message_id), now=NOW)

    assert became(mail)[:2] == ("set_aside", "report")
    assert [event.kind for event in ours.events.all()] == ["bounced"]


def test_a_robot_that_hides_is_stopped(case, ours, settings):
    settings.INBOUND_MAX_PER_HOUR = 3

    states = [receive(answer(ours, Message_ID=f"<{n}@x.example>")).reason for n in range(5)]
    later = receive(answer(ours, Message_ID="<9@x.example>"), now=NOW + timedelta(hours=2))

    assert states == ["", "", "", "too_many", "too_many"]
    assert later.state == "filed"
    assert OutgoingMail.objects.filter(created_at__isnull=False).count() == 2  # the receipt and Sofía's question


# --- Bad mail ------------------------------------------------------------------------------------------------------
def test_one_bad_mail_stops_no_other_and_is_kept_as_it_came(case, ours, monkeypatch):
    raw = {name: answer(ours, text=name, Message_ID=f"<{name}@x.example>").as_bytes() for name in ("mala", "buena")}
    for each in raw.values():
        store_mail(each, now=NOW)
    rightly = receiving.file_by_itself

    def fails_at_the_bad_one(mail, told, *rest, **named):
        if told.text == "mala":
            raise ZeroDivisionError
        return rightly(mail, told, *rest, **named)

    monkeypatch.setattr(receiving, "file_by_itself", fails_at_the_bad_one)
    for day in range(7):
        sort_due_mail(now=NOW + timedelta(days=day))

    bad, good = (IncomingMail.objects.get(message_id=f"<{name}@x.example>") for name in raw)
    assert became(bad)[:2] == ("quarantined", "unreadable")
    assert bad.attempts == receiving.MOST_ATTEMPTS
    assert bytes(bad.content.data) == raw["mala"]
    assert (good.state, said_in(case)) == ("filed", ["buena"])


def test_a_mail_that_takes_its_worker_along_is_tried_so_often_and_no_more(case, ours, monkeypatch):
    for name in ("mala", "buena"):
        store_mail(answer(ours, text=name, Message_ID=f"<{name}@x.example>").as_bytes(), now=NOW)
    rightly = receiving.file_by_itself

    def dies_at_the_bad_one(mail, told, *rest, **named):
        if told.text == "mala":
            raise SystemExit  # as nothing catches: what was not committed is lost
        return rightly(mail, told, *rest, **named)

    monkeypatch.setattr(receiving, "file_by_itself", dies_at_the_bad_one)
    for hour in range(8):
        with suppress(SystemExit):
            sort_due_mail(now=NOW + timedelta(hours=hour))

    bad, good = (IncomingMail.objects.get(message_id=f"<{name}@x.example>") for name in ("mala", "buena"))
    assert (good.state, said_in(case)) == ("filed", ["buena"])
    assert became(bad) == ("quarantined", "unreadable", "address")
    assert (bad.brand, bad.text) == (case.brand, "mala")  # so that its staff find it


def test_a_mail_that_somebody_is_at_is_left_alone_for_a_while(case, ours):
    store_mail(answer(ours).as_bytes(), now=NOW)
    receiving._claim(Q(), now=NOW)

    assert sort_due_mail(now=NOW + timedelta(minutes=4)) == 0
    assert sort_due_mail(now=NOW + timedelta(minutes=5)) == 1

    assert said_in(case) == ["La 39"]


def test_who_comes_late_takes_no_mail_out_of_the_case_it_went_into(case, ours, monkeypatch):
    mail, _is_new = store_mail(letter(sender=CARLA, text="La 39").as_bytes(), now=NOW)
    find_place = receiving.find_place

    def slowly(told):
        place = find_place(told)
        IncomingMail.objects.filter(pk=mail.pk).update(state="filed", complaint=case)  # by another worker
        return place

    monkeypatch.setattr(receiving, "find_place", slowly)
    sort_due_mail(now=NOW)

    mail.refresh_from_db()
    assert (mail.state, mail.complaint) == ("filed", case)


@pytest.mark.parametrize("raw", [b"", b"\x00\xff\xfe", b"Subject: x\r\n\r\nHola", b"From: \x00\r\n\r\n\x00"])
def test_rubbish_is_kept_to_be_looked_at(db, raw):
    mail, _is_new = take_in(raw, now=NOW)

    assert mail.state == "quarantined"
    assert bytes(mail.content.data) == raw


def test_what_is_too_large_is_cut_and_looked_at(case, ours, settings):
    settings.INBOUND_MAX_BYTES = 2000
    message = answer(ours, text="x" * 5000)

    mail = receive(message)

    assert became(mail)[:2] == ("quarantined", "too_large")
    assert len(mail.content.data) == 2000


def test_the_bytes_of_what_is_decided_are_forgotten_after_a_month(case, ours):
    filed = receive(answer(ours))
    waiting = receive(letter(sender="nadie@otra.example", Message_ID="<3@x.example>"))

    early = forget_old_content(now=NOW + timedelta(days=29))
    late = forget_old_content(now=NOW + timedelta(days=31))

    assert (early, late) == (0, 1)
    filed.refresh_from_db()
    assert (hasattr(filed, "content"), hasattr(waiting, "content")) == (False, True)
    assert take_in(answer(ours).as_bytes(), now=NOW)[1] is False


def test_a_new_case_by_mail_is_written_to_in_the_language_of_what_it_answers(brand):
    nora = factories.make_purchase(factories.make_customer(brand, "Nora", "nora@correo.example", language="en"))
    survey = send_mail(make_invitation(nora))
    OutgoingMail.objects.filter(pk=survey.pk).update(language="en")

    receive(letter(reply_address(survey), sender="nora@correo.example", text="Where is it?"))

    assert OutgoingMail.objects.get(template="complaints/acknowledgement").language == "en"


def test_a_case_without_a_purchase_is_answered_too(brand, sofia):
    carla = factories.make_customer(brand, "Carla Ruiz", CARLA)
    case, _is_new = open_complaint(brand, make_problem(wants_contact=True), customer=carla, now=NOW)
    acknowledgement = OutgoingMail.objects.get()

    assert receive(answer(acknowledgement)).complaint == case
