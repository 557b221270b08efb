"""What helps on a case's page: files, ready answers, who else looks, links, the receipt, and cases opened by hand."""

import unicodedata
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.translation import override
from PIL import Image
from redis.exceptions import ConnectionError as RedisDown

from accounts.models import Membership
from complaints import looking
from complaints.files import MOST_BYTES, check_file
from complaints.models import Attachment, CannedAnswer, Complaint, ComplaintLink
from complaints.placeholders import PLACEHOLDERS, fill, validate_placeholders
from complaints.receipts import FONT, facts_of, new_sheet, printable
from complaints.services import add_note, merge_complaint, open_cases_for_bad_answers, resolve_complaint
from mailing.models import OutgoingMail
from surveys.models import Invitation, Wave
from tests import factories
from tests.complaints.factories import answered, make_complaint
from tests.complaints.test_admin import act, client_of, page_of, see
from tests.factories import NOW

pytestmark = pytest.mark.django_db
NEW = reverse("admin:complaints_complaint_add")


@pytest.fixture
def desk(sofia):
    return client_of(sofia)


@pytest.fixture
def case(purchase) -> Complaint:
    return make_complaint(purchase, wants_contact=True)


def picture(format: str = "JPEG", **how: Any) -> bytes:
    written = BytesIO()
    Image.new("RGB", (40, 20), "red").save(written, format, **how)
    return written.getvalue()


def upload(name: str, data: bytes, content_type: str = "text/html") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type)


# --- Files ---------------------------------------------------------------------------------------------------------
def test_files_go_with_a_reply_and_come_back_as_downloads(desk, case):
    act(
        desk,
        case,
        "reply",
        text="Mira",
        attached=[upload("../../<foto>.html", picture()), upload("guía.pdf", b"%PDF-1.7 x")],
    )

    photo, guide = Attachment.objects.order_by("id")
    assert [(each.name, each.content_type) for each in (photo, guide)] == [
        ("foto.jpg", "image/jpeg"),
        ("guía.pdf", "application/pdf"),
    ]
    assert photo.event.text == "Mira"
    url = reverse("admin:complaints_complaint_file", args=[case.pk, guide.uuid])
    assert url in see(desk, page_of(case))
    response = desk.get(url)
    assert (response.content, response["Content-Type"]) == (b"%PDF-1.7 x", "application/pdf")
    assert response["Content-Disposition"].startswith("attachment; filename*=utf-8''gu%C3%ADa.pdf")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]


def test_customers_get_what_was_sent_to_them_and_no_more(desk, case, client):
    act(desk, case, "reply", text="Mira", attached=[upload("guía.pdf", b"%PDF-1.7 x")])
    act(desk, case, "note", text="Interno", attached=[upload("a.png", picture("PNG"))])
    sent, internal = Attachment.objects.order_by("id")

    html = client.get(reverse("complaints:case", args=[case.token])).content.decode()
    url = reverse("complaints:file", args=[case.token, sent.uuid])
    assert url in html
    assert "a.png" not in html
    assert client.get(url).content == b"%PDF-1.7 x"
    assert client.get(reverse("complaints:file", args=[case.token, internal.uuid])).status_code == 404
    assert client.get(reverse("complaints:file", args=["A" * 22, sent.uuid])).status_code == 404
    assert OutgoingMail.objects.get(template="complaints/reply").context["has_files"] is True


def test_files_are_seen_by_the_brands_staff_alone(desk, case, brand, purchase):
    act(desk, case, "note", text="Interno", attached=[upload("a.png", picture("PNG"))])
    file = Attachment.objects.get()
    other = make_complaint(factories.make_purchase(purchase.customer))
    olga = client_of(factories.make_staff(factories.make_brand("otra"), "Olga"))

    assert olga.get(reverse("admin:complaints_complaint_file", args=[case.pk, file.uuid])).status_code == 404
    assert desk.get(reverse("admin:complaints_complaint_file", args=[other.pk, file.uuid])).status_code == 404
    assert list(Attachment.objects.for_customers()) == []


@pytest.mark.parametrize(
    "data",
    [
        b"<svg onload=alert(1)>",
        b"<html>",
        b"",
        b"MZ\x90",
        b"GIF89a" + bytes(20),
        picture()[:80],
        b"x" * 2000 + b"%PDF-1.7",
    ],
    ids=["svg", "html", "empty", "exe", "gif", "torn", "late pdf"],
)
def test_what_is_no_picture_or_pdf_is_refused_and_nothing_typed_is_lost(desk, case, data):
    response = act(desk, case, "reply", text="Una respuesta larga", attached=[upload("foto.jpg", data, "image/jpeg")])

    html = response.content.decode()
    assert response.status_code == 200
    assert "Una respuesta larga</textarea>" in html
    assert not Attachment.objects.exists()
    assert list(case.events.values_list("kind", flat=True)) == ["opened"]


def test_what_is_too_much_is_refused():
    with pytest.raises(ValidationError):
        check_file("a.pdf", b"%PDF-" + bytes(MOST_BYTES))


def test_pictures_lose_where_they_were_taken_and_keep_their_turn():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x9286] = "Calle Mayor 1"
    checked = check_file("a.jpg", picture(exif=exif))

    assert b"Calle Mayor" not in checked.data
    written = Image.open(BytesIO(checked.data))
    assert (written.size, dict(written.getexif())) == ((20, 40), {})


def test_pictures_lose_what_is_written_beside_them():
    data = picture(comment=b"Calle Mayor 1", xmp=b"<x:xmpmeta GPSLatitude='40,25N'/>")

    checked = check_file("a.jpg", data)

    assert b"Calle Mayor" in data
    assert not any(told in checked.data for told in (b"Calle Mayor", b"GPSLatitude"))


def test_a_photo_of_several_exposures_is_a_photo():
    exposures = [Image.new("RGB", (40, 20), color) for color in ("red", "blue")]
    written = BytesIO()
    exposures[0].save(written, "MPO", save_all=True, append_images=exposures[1:])

    checked = check_file("a.jpg", written.getvalue())

    assert (checked.content_type, Image.open(BytesIO(checked.data)).format) == ("image/jpeg", "JPEG")


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("C:\\fotos\\a.png", "a.jpg"),
        ("..", "file.jpg"),
        ("", "file.jpg"),
        ("a\r\nX: y.exe", "aX y.jpg"),
        ("ñ" * 300, "ñ" * 116 + ".jpg"),
    ],
)
def test_names_keep_nothing_that_could_hurt(name, stored):
    assert check_file(name, picture()).name == stored


# --- Ready answers -------------------------------------------------------------------------------------------------
@pytest.fixture
def answer(brand) -> CannedAnswer:
    text = "Hola, {name}: sobre {order} ({number}) te escribe {agent}."
    return CannedAnswer.objects.create(brand=brand, title="Recibido", language="es", text=text)


def test_a_ready_answer_is_filled_in(desk, case, answer):
    filled = f"Hola, Carla: sobre PEDIDO-77 ({case.number}) te escribe Sofía."

    assert f"{filled}</textarea>" in see(desk, f"{page_of(case)}?answer={answer.pk}")
    got = desk.get(reverse("admin:complaints_complaint_answer", args=[case.pk, answer.pk]))
    assert (got.content.decode(), got["Content-Type"]) == (filled, "text/plain; charset=utf-8")


def test_only_those_of_its_brand_language_and_in_use_are_offered(desk, case, answer, brand):
    other = factories.make_brand("otra")
    wrong = [
        CannedAnswer.objects.create(brand=brand, title="Got it", language="en", text="Hi"),
        CannedAnswer.objects.create(brand=brand, title="Vieja", language="es", text="Hola", is_active=False),
        CannedAnswer.objects.create(brand=other, title="Ajena", language="es", text="Hola"),
    ]
    html = see(desk, page_of(case))

    assert "Recibido" in html
    for each in wrong:
        assert each.title not in html
        assert desk.get(reverse("admin:complaints_complaint_answer", args=[case.pk, each.pk])).status_code == 404


@pytest.mark.parametrize("text", ["Hola {nombre}", "Hola {name", "Hola name}", "{}", "{{name}}", "{ name }"])
def test_an_answer_with_an_unknown_place_is_not_kept(desk, brand, text):
    data = {"brand": brand.pk, "title": "x", "language": "es", "text": text, "is_active": "on"}
    response = desk.post(reverse("admin:complaints_cannedanswer_add"), data)

    assert response.status_code == 200
    assert not CannedAnswer.objects.exists()


def test_every_place_is_known_and_an_unfilled_one_stays():
    text = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    validate_placeholders(text)

    assert fill(text, {"number": "2026-1"}) == text.replace("{number}", "2026-1")


# --- Who else looks ------------------------------------------------------------------------------------------------
def test_whoever_looks_is_seen_by_the_other_for_a_while(case, sofia, brand):
    lia = factories.make_staff(brand, "Lía")
    at = NOW.timestamp()

    assert looking.mark_looking(case, sofia, now=at) == []
    assert looking.mark_looking(case, lia, now=at + 30) == ["Sofía"]
    assert looking.mark_looking(case, sofia, now=at + 60) == ["Lía"]
    assert looking.mark_looking(case, lia, now=at + 200) == []


def test_without_a_cache_the_page_stands(desk, case, monkeypatch):
    def down(*args: Any, **how: Any) -> None:
        raise RedisDown

    monkeypatch.setattr(looking.cache, "get", down)

    assert "Also looking" in see(desk, page_of(case))
    asked = desk.get(reverse("admin:complaints_complaint_looking", args=[case.pk]))
    assert asked.json() == {"others": [], "version": case.version}


# --- Other cases ---------------------------------------------------------------------------------------------------
def test_cases_are_linked_merged_and_separated_by_their_number(desk, case, purchase, sofia):
    other = make_complaint(factories.make_purchase(purchase.customer), subject="Otra vez")
    for name, data in [("link", {"number": other.number}), ("unlink", {"number": other.number})]:
        assert act(desk, case, name, **data).status_code == 302
        assert ComplaintLink.objects.exists() == (name == "link")
    assert act(desk, case, "merge", number=other.number).status_code == 302
    case.refresh_from_db()
    assert case.merged_into == other
    html = see(desk, page_of(case))
    assert f'{page_of(other)}">{other.number}</a>, where it goes on' in html
    assert "Llegó roto." in see(desk, page_of(other))
    assert act(desk, case, "unmerge").status_code == 302
    case.refresh_from_db()
    assert case.is_open


def test_a_number_of_another_brand_is_no_number(desk, case):
    foreign = make_complaint(factories.make_purchase(factories.make_customer(factories.make_brand("otra"))))

    for name in ("link", "merge"):
        html = act(desk, case, name, number=foreign.number).content.decode()
        assert "There is no case of this number." in html
    assert not ComplaintLink.objects.exists()


def test_before_and_after_stand_side_by_side(desk, bad_answer, sofia):
    open_cases_for_bad_answers(now=NOW)
    case = Complaint.objects.get()
    resolve_complaint(case, resolution="Cambiado", by=sofia, now=NOW)
    closing = Invitation.objects.select_related("brand", "survey", "purchase").get(wave=Wave.CLOSING)
    answered(closing, at=NOW + timedelta(days=2), solved=3, ces=6)

    html = see(desk, page_of(case), at=NOW + timedelta(days=3))
    pair = html[html.index("Before: what they answered") : html.index("Other cases")] if "Other cases" in html else html
    assert "1 of 5" in pair
    assert "6 of 7" in pair
    told = ("Bought, recommended by Ana", "Answered the survey", "Cambiado", "Answered how the case ended")
    story = [html.index(words) for words in told]
    assert story == sorted(story)


def test_the_page_costs_the_same_with_merged_cases_and_files(
    desk, case, purchase, sofia, django_assert_max_num_queries
):
    def merge_one() -> None:
        other = make_complaint(factories.make_purchase(purchase.customer))
        checked = [check_file("a.jpg", picture())]
        add_note(other, text="Foto", by=sofia, now=NOW, files=checked)
        merge_complaint(other, case, by=sofia, now=NOW)

    merge_one()
    see(desk, page_of(case))
    with django_assert_max_num_queries(45) as one:
        see(desk, page_of(case))
    merge_one()
    merge_one()
    with django_assert_max_num_queries(45) as three:
        see(desk, page_of(case))

    assert len(one) == len(three)


# --- By hand -------------------------------------------------------------------------------------------------------
def open_by_hand(client: Any, brand: Any, **data: Any) -> Any:
    return client.post(NEW, {"brand": brand.pk, "kind": "complaint", "severity": "high", "subject": "Llamada", **data})


def test_a_case_is_opened_for_who_called(desk, brand, purchase, sofia):
    fields = {"kind": "warranty", "order": "PEDIDO-77", "fault": "No enciende", "since": "2026-03-01", "asks_for": "x"}
    response = open_by_hand(desk, brand, text="Ha llamado.", wants_contact="on", **fields)

    case = Complaint.objects.get()
    assert response["Location"] == page_of(case)
    assert (case.purchase, case.customer, case.kind, case.severity) == (purchase, purchase.customer, "warranty", "high")
    assert case.details == {"fault": "No enciende", "since": "2026-03-01"}
    assert case.events.get().actor == sofia
    assert OutgoingMail.objects.get().template == "complaints/acknowledgement"
    html = see(desk, page_of(case))
    assert "No enciende" in html
    assert "March 1, 2026" in html


def test_by_address_or_for_nobody(desk, brand):
    open_by_hand(desk, brand, email="nueva@correo.example")
    open_by_hand(desk, brand, subject="Anotado en la tienda")

    known, unknown = Complaint.objects.order_by("pk")
    assert (known.customer and known.customer.email, unknown.customer) == ("nueva@correo.example", None)
    assert not OutgoingMail.objects.exists()


def test_a_purchase_with_an_open_case_leads_there(desk, brand, case):
    response = open_by_hand(desk, brand, order="PEDIDO-77", text="Ha vuelto a llamar")

    assert response["Location"] == page_of(case)
    assert [event.text for event in case.events.all()][-1] == "Ha vuelto a llamar"


@pytest.mark.parametrize(
    "data",
    [
        {"order": "NO-HAY"},
        {"order": "PEDIDO-77", "email": "otra@correo.example"},
        {"subject": ""},
        {"kind": "follow_up"},
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_lost(desk, brand, purchase, data):
    response = open_by_hand(desk, brand, **{"text": "Todo lo que contó", **data})

    assert response.status_code == 200
    assert "Todo lo que contó</textarea>" in response.content.decode()
    assert not Complaint.objects.exists()


def test_who_may_only_read_opens_none(brand):
    lia = client_of(factories.make_staff(brand, "Lía", Membership.Role.READ_ONLY))

    assert lia.get(NEW).status_code == 403
    assert open_by_hand(lia, brand).status_code == 403
    assert not Complaint.objects.exists()


def test_nobody_opens_cases_for_another_brand(desk, brand):
    other = factories.make_brand("otra")

    assert open_by_hand(desk, other).status_code == 200
    assert not Complaint.objects.exists()


# --- The receipt ---------------------------------------------------------------------------------------------------
def test_the_receipt_is_a_pdf_in_the_customers_language(desk, case, brand):
    response = desk.get(reverse("admin:complaints_complaint_receipt", args=[case.pk]))

    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"] == f'attachment; filename="{case.number}.pdf"'
    assert response.content.startswith(b"%PDF-")
    olga = client_of(factories.make_staff(factories.make_brand("otra"), "Olga"))
    assert olga.get(reverse("admin:complaints_complaint_receipt", args=[case.pk])).status_code == 404


def test_the_receipt_prints_the_letters_of_europe():
    pdf = new_sheet("", NOW)
    pdf.set_font(FONT)

    assert (
        printable(pdf, "Zoë Čapek Łukasz · Ελένη · Иван · «ñ» “€” …\n")
        == "Zoë Čapek Łukasz · Ελένη · Иван · «ñ» “€” …\n"
    )
    assert printable(pdf, unicodedata.normalize("NFD", "Núñez")) == "Núñez"
    assert printable(pdf, "山🙂a") == "??a"
    pdf.output()  # which closes its fonts


def test_the_receipt_says_days_as_its_reader_does(purchase):
    case = make_complaint(purchase, kind="warranty", details={"since": "2026-11-02"})

    with override("es"):
        assert "2 de noviembre de 2026" in dict(facts_of(case)).values()
