"""What customers do by their links: files, what a kind asks for, a closed case that is old, two taps."""

from datetime import timedelta
from io import BytesIO
from threading import Barrier, Thread
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from PIL import Image

from complaints.files import check_file
from complaints.models import Complaint
from complaints.services import (
    customer_wrote,
    open_by_hand,
    open_complaint,
    reopen_complaint,
    reply,
    resolve_complaint,
)
from complaints.services.attaching import MOST_FILES_A_CASE
from mailing.models import OutgoingMail
from tests import factories
from tests.complaints.factories import make_complaint, make_problem
from tests.complaints.test_receiving import PNG
from tests.factories import NOW
from tests.surveys.factories import send_mail

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=40)


def photo(name: str = "bota.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, PNG, content_type="text/html")


def post(view: str, token: str, *, at: Any = NOW, **data: Any) -> Any:
    with time_machine.travel(at, tick=False):
        return Client(enforce_csrf_checks=True).post(reverse(f"complaints:{view}", args=[token]), data)


def files_of(case: Complaint) -> list[tuple[str, str]]:
    return list(case.attachments.values_list("name", "content_type"))


# --- Files ---------------------------------------------------------------------------------------------------------
def test_a_photo_goes_along_with_what_is_written_and_two_taps_are_one(purchase):
    case = make_complaint(purchase)

    for _ in range(2):
        assert post("case", case.token, text="Así llegó", enclosed=[photo(), photo("suela.png")]).status_code == 303

    assert files_of(case) == [("bota.png", "image/png"), ("suela.png", "image/png")]
    page = Client().get(reverse("complaints:case", args=[case.token])).content.decode()
    assert "bota.png" in page


def test_the_same_words_with_another_photo_are_more(purchase):
    case = make_complaint(purchase)

    post("case", case.token, text="Foto", enclosed=[photo("una.png")])
    post("case", case.token, text="Foto", enclosed=[photo("otra.png")])

    assert [name for name, _type in files_of(case)] == ["una.png", "otra.png"]


def test_a_picture_that_says_nonsense_of_itself_is_refused_like_any_other():
    told, written = Image.Exif(), BytesIO()
    told[0x0112], told[0x010F] = 6, "x"  # turned, and by whom it was taken
    Image.new("RGB", (8, 8)).save(written, "JPEG", exif=told)
    assert check_file("bota.jpg", written.getvalue())

    with pytest.raises(ValidationError, match=r"bota\.jpg"):
        check_file("bota.jpg", written.getvalue().replace(b"\x01\x0f\x00\x02", b"\x01\x0f\x00\x03"))


def test_a_report_takes_photos_and_what_its_kind_asks_for(purchase, invitation):
    mail = send_mail(invitation)
    said = {"kind": "warranty", "fault": "La suela", "since": "2026-03-01", "serial": "A-1", "why": "nada"}

    for _ in range(2):
        post("report", mail.token, text="Se abrió", enclosed=[photo()], **said)

    case = Complaint.objects.get()
    assert case.details == {"fault": "La suela", "since": "2026-03-01", "serial": "A-1"}
    assert files_of(case) == [("bota.png", "image/png")]
    assert case.events.count() == 1


@pytest.mark.parametrize(
    "refused",
    [
        [SimpleUploadedFile("virus.png", b"MZ\x00")],
        [SimpleUploadedFile("pagina.png", b"<html><script>alert(1)</script>")],
        [photo(f"{number}.png") for number in range(6)],
    ],
)
def test_a_file_that_is_not_taken_sends_nothing_and_keeps_what_was_written(purchase, refused):
    case = make_complaint(purchase)

    response = post("case", case.token, text="Palabras mías", enclosed=refused)

    assert response.status_code == 200
    assert "Palabras mías" in response.content.decode()
    assert (case.events.count(), files_of(case)) == (1, [])


def test_a_link_does_not_fill_the_database(purchase):
    case = make_complaint(purchase)
    for number in range(MOST_FILES_A_CASE):
        case.attachments.create(name=f"{number}.png", content_type="image/png", size=1, created_at=NOW)

    response = post("case", case.token, text="Otra", enclosed=[photo()])

    assert response.status_code == 200
    assert case.attachments.count() == MOST_FILES_A_CASE
    assert post("case", case.token, text="Sin foto").status_code == 303


def test_neither_do_reports_on_a_purchase_with_an_open_case(purchase, invitation):
    case, link = make_complaint(purchase), send_mail(invitation).token
    for number in range(MOST_FILES_A_CASE):
        case.attachments.create(name=f"{number}.png", content_type="image/png", size=1, created_at=NOW)

    response = post("report", link, kind="complaint", text="Otra foto", enclosed=[photo()])

    assert (response.status_code, "Otra foto" in response.content.decode()) == (200, True)
    assert (case.attachments.count(), case.events.count()) == (MOST_FILES_A_CASE, 1)
    assert post("report", link, kind="complaint", text="Sin foto").status_code == 303


def test_a_link_whose_purchase_is_no_longer_known_says_whom_to_write_to(purchase, invitation):
    link = send_mail(invitation).token
    invitation.purchase = None
    invitation.save(update_fields=["purchase"])

    response = post("report", link, kind="warranty", text="Se ha roto")

    assert "mailto:" in response.content.decode()
    assert not Complaint.objects.exists()


# --- Closed for long -----------------------------------------------------------------------------------------------
@pytest.fixture
def closed(purchase, sofia) -> Complaint:
    complaint = make_complaint(purchase, wants_contact=True)
    resolve_complaint(complaint, resolution="Enviada otra.", by=sofia, now=NOW)
    return complaint


def test_within_the_brands_days_a_closed_case_is_opened_again(closed):
    assert customer_wrote(closed, text="Sigue roto", now=NOW + timedelta(days=30)) == closed

    closed.refresh_from_db()
    assert closed.state == "in_progress"


def test_later_a_new_case_begins_and_leads_to_the_old_one(closed):
    pages = []
    for at in (NOW, LATER):
        with time_machine.travel(at, tick=False):
            pages.append(Client().get(reverse("complaints:case", args=[closed.token])))
    answers = [post("case", closed.token, at=LATER, text="Se ha roto otra vez") for _ in range(2)]

    new = Complaint.objects.exclude(pk=closed.pk).get()
    closed.refresh_from_db()
    assert [answer["Location"] for answer in answers] == [reverse("complaints:case", args=[new.token])] * 2
    assert (closed.state, new.text, new.purchase, new.customer) == (
        "resolved",
        "Se ha roto otra vez",
        closed.purchase,
        closed.customer,
    )
    assert [link.other for link in closed.links.all()] == [new]
    assert [page.context["is_over"] for page in pages] == [False, True]


def test_without_a_purchase_too_two_taps_begin_one_case(brand, sofia):
    carla = factories.make_customer(brand, "Carla Ruiz")
    old, _is_new = open_complaint(brand, make_problem(wants_contact=True), customer=carla, now=NOW)
    resolve_complaint(old, resolution="Hecho", by=sofia, now=NOW)

    told = [customer_wrote(old, text="Otra vez", now=LATER) for _ in range(2)]
    more = customer_wrote(old, text="Y además", now=LATER)

    assert told[0] == told[1] == more != old
    assert Complaint.objects.count() == 2


def test_a_brand_may_let_cases_be_opened_again_for_ever(closed):
    closed.brand.reopen_days = None
    closed.brand.save()
    closed.refresh_from_db()

    assert customer_wrote(closed, text="Sigue roto", now=LATER) == closed


def test_staff_open_an_old_case_again_whenever_they_like(closed, sofia):
    reopen_complaint(closed, reason="Nos equivocamos", by=sofia, now=LATER)

    assert closed.state == "in_progress"


# --- Two taps at once ----------------------------------------------------------------------------------------------
def at_once(work: Any, times: int = 2) -> list[Any]:
    start, results = Barrier(times), []

    def one() -> None:
        start.wait()
        try:
            results.append(work())
        except ValidationError as refusal:
            results.append(refusal)
        connection.close()

    threads = [Thread(target=one) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_two_taps_at_the_same_moment_are_one(brand, sofia, purchase):
    case = make_complaint(purchase)
    problem = make_problem(subject="Llamó por teléfono")

    at_once(lambda: customer_wrote(case, text="Hola", now=NOW))
    opened = at_once(lambda: open_by_hand(brand, problem, email="nueva@correo.example", by=sofia, now=NOW))

    assert case.events.filter(text="Hola").count() == 1
    assert sorted(is_new for _case, is_new in opened) == [False, True]
    assert Complaint.objects.exclude(pk=case.pk).count() == 1


def test_the_same_call_again_later_is_another_case(brand, sofia):
    problem = make_problem(subject="Llamó por teléfono")

    cases = [
        open_by_hand(brand, problem, email="nueva@correo.example", by=sofia, now=NOW + timedelta(minutes=minutes))[0]
        for minutes in (0, 0.5, 2)
    ]

    assert cases[0] == cases[1] != cases[2]


def test_its_link_opens_a_case_as_long_as_there_is_one(purchase, sofia):
    case = make_complaint(purchase, wants_contact=True)
    reply(case, text="¿Qué talla?", by=sofia, now=NOW)
    mails = OutgoingMail.objects.filter(template__startswith="complaints/")
    mails.update(to_address="", context={})  # as after a year

    pages = [Client().get(reverse("complaints:case", args=[mail.token])).content.decode() for mail in mails]

    assert len(pages) == 2
    assert all(case.number in page for page in pages)
