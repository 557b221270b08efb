"""What a mail looks like when it has arrived."""

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import compat32
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser

import pytest
from django.test import override_settings
from django.urls import reverse

from accounts.colour import contrast
from accounts.models import Brand
from mailing.models import OutgoingMail
from mailing.rendering import SHEET_DARK, SHEET_LIGHT, colours, render
from mailing.services import queue_mail, send_due_mail
from postventa.mailbox import Mail
from tests.conftest import ReceivingMailbox
from tests.factories import NOW, make_brand
from tests.mailing.factories import make_answer_request, make_mail, make_request

pytestmark = [pytest.mark.django_db, pytest.mark.integration]
SIXTY_CHARACTERS = "Añoranza de la montaña, los caminos y el calzado — edición 2"


def arrived(mailbox: ReceivingMailbox) -> Mail:
    send_due_mail()
    (mail,) = mailbox.mails()
    return mail


def test_a_survey_mail_has_every_header_it_needs(mailbox: ReceivingMailbox, brand: Brand) -> None:
    row = make_mail(brand, to="carla@correo.example", context={"name": "Núria"})

    mail = arrived(mailbox)

    headers = dict(mail.headers)
    row.refresh_from_db()
    assert row.handed_over_at is not None
    assert abs((parsedate_to_datetime(headers.pop("Date")) - row.handed_over_at).total_seconds()) < 5
    assert re.fullmatch(r'multipart/alternative; boundary="=_[0-9a-f]{32}"', headers.pop("Content-Type"))
    url = f"http://localhost:8000{reverse('mailing:unsubscribe', args=[row.token])}"
    assert headers == {
        "From": "Lumbre <encuestas@lumbre.example>",
        "To": "carla@correo.example",
        "Reply-To": "atencion@lumbre.example",
        "Subject": "¿Qué tal, Núria?",
        "Message-ID": row.message_id,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Feedback-ID": f"hello:{brand.pk}:surveys:postventa",
        "List-Id": headers["List-Id"],
        "List-Unsubscribe": f"<{url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Help": "<http://localhost:8000/help/>",
        "MIME-Version": "1.0",
    }
    assert headers["List-Id"].endswith(" Lumbre <encuestas.lumbre.example>")
    assert url in mail.text
    assert url in mail.html


def test_an_answer_to_a_customer_is_no_list_mail(mailbox: ReceivingMailbox, brand: Brand) -> None:
    queue_mail(make_answer_request(brand))

    mail = arrived(mailbox)

    assert mail.sender == "Lumbre <atencion@lumbre.example>"
    assert [name for name, _value in mail.headers if name.startswith("List-")] == []
    assert "/u/" not in mail.text + mail.html


def test_a_digest_is_a_list_of_its_own_from_the_sender_people_know(mailbox: ReceivingMailbox, brand: Brand) -> None:
    row = make_mail(brand, scopes=(OutgoingMail.DIGEST,))

    mail = arrived(mailbox)

    headers = dict(mail.headers)
    assert mail.sender == "Lumbre <atencion@lumbre.example>"
    assert headers["List-Id"].endswith("<resumen.lumbre.example>")
    assert headers["Feedback-ID"] == f"hello:{brand.pk}:digest:postventa"
    assert headers["List-Unsubscribe"] == f"<http://localhost:8000{reverse('mailing:unsubscribe', args=[row.token])}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_long_names_and_subjects_of_any_script_arrive_whole(mailbox: ReceivingMailbox) -> None:
    brand = make_brand(sender_name=f"{SIXTY_CHARACTERS} 日本語の名前")
    make_mail(brand, context={"name": "Ωμέγα 日本語 😀 " * 12})

    mail = arrived(mailbox)

    assert mail.subject == f"¿Qué tal, {'Ωμέγα 日本語 😀 ' * 12}?"
    raw = (mailbox.folder / f"{mail.id}.eml").read_bytes()
    # Not by the modern policy, which in Python 3.11 reads a space between two encoded words of a name (RFC 2047, 6.2).
    sender = message_from_bytes(raw, policy=compat32)["From"]
    assert str(make_header(decode_header(sender))) == f"{brand.sender_name} <encuestas@lumbre.example>"
    raw.decode("ascii")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "name", ["Eve\r\nBcc: all@correo.example", "Eve\nX: y", "Eve\x00\x0b\x1f", "Eve\u2028X: y", "\ud800Eve"]
)
def test_no_name_makes_a_header_or_breaks_the_mail(brand: Brand, mailbox: ReceivingMailbox, name: str) -> None:
    brand.sender_name = f"{name} Co"
    brand.reply_to = "atencion@lumbre.example"
    row = OutgoingMail(
        brand=brand,
        template="tests/hello",
        language="es",
        to_address="carla@correo.example",
        context={"name": name},
        scopes=["surveys"],
        message_id="<x@lumbre.example>",
    )

    raw = render(row, now=NOW).as_bytes()

    head, _empty, _rest = raw.partition(b"\r\n\r\n")
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")]
    assert len(names) == len(set(names)) == 15
    assert b"Bcc" not in names
    assert b"X" not in names
    assert b"\0" not in raw


def test_a_name_cannot_bring_markup_and_plain_text_is_not_escaped(brand: Brand, mailbox: ReceivingMailbox) -> None:
    name = "<b>Ana</b> & \"Cía\" 'S'"
    make_mail(brand, context={"name": name})

    mail = arrived(mailbox)

    assert mail.subject == f"¿Qué tal, {name}?"
    assert f"Hola, {name}:" in mail.text
    assert "<b>" not in mail.html
    assert "&lt;b&gt;Ana&lt;/b&gt; &amp;" in mail.html


def test_a_line_of_dots_and_long_lines_arrive_as_they_were(brand: Brand, mailbox: ReceivingMailbox) -> None:
    name = ".\n..\n.x\n" + "á" * 2000 + "\nFrom me = 100 %"
    make_mail(brand, context={"name": name})

    assert f"Hola, {name}:" in arrived(mailbox).text


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.tags if found == tag]


def test_the_html_is_accessible_small_and_dressed(brand: Brand, mailbox: ReceivingMailbox) -> None:
    make_mail(brand, language="en")

    html = arrived(mailbox).html
    tags = Tags(html)

    assert len(html.encode()) < 25_000
    assert tags.all("html") == [{"lang": "en"}]
    assert "<title>¿Qué tal, Carla?</title>" in html
    assert {"name": "color-scheme", "content": "light dark"} in tags.all("meta")
    assert all(table["role"] == "presentation" for table in tags.all("table"))
    assert tags.all("img") == tags.all("script") == tags.all("link") == []
    assert all("style" in link for link in tags.all("a"))
    assert re.search(r"<style>\s*@media", html)
    assert "prefers-color-scheme: dark" in html or "prefers-color-scheme:dark" in html
    sizes = {int(size) for size in re.findall(r"font-size:\s*(\d+)px", html)}
    assert min(sizes - {1}) >= 16  # 1: the preheader, which nobody is to see


@pytest.mark.parametrize("color", ["#ffffff", "#000000", "#1f6f54", "#ffee00", "#e30613"])
def test_a_brands_colour_can_always_be_read(color: str) -> None:
    found = colours(color)

    assert contrast(found["accent"], SHEET_LIGHT) >= 4.5
    assert contrast(found["accent_dark"], SHEET_DARK) >= 4.5
    assert contrast(found["accent_ink"], found["accent"]) >= 4.5
    assert contrast(found["accent_dark_ink"], found["accent_dark"]) >= 4.5


def test_a_discreet_brand_is_called_by_its_discreet_name(mailbox: ReceivingMailbox) -> None:
    brand = make_brand("secreta", is_discreet=True, discreet_name="Tienda S", sender_name="Secreta Íntima")
    make_mail(brand)

    mail = arrived(mailbox)

    assert mail.sender == "Tienda S <encuestas@secreta.example>"
    assert "Íntima" not in mail.text + mail.html + str(mail.headers)


def test_without_senders_of_its_own_a_brand_writes_from_the_default(mailbox: ReceivingMailbox) -> None:
    with override_settings(DEFAULT_FROM_EMAIL="Postventa <hola@postventa.example>"):
        make_mail(make_brand(survey_sender="", service_sender="", reply_to=""))

        mail = arrived(mailbox)

    assert mail.sender == "Lumbre <hola@postventa.example>"
    assert mail.header("Reply-To") == "hola@postventa.example"
    assert mail.header("Message-ID").endswith("@postventa.example>")


def test_an_international_domain_is_written_in_ascii(brand: Brand, mailbox: ReceivingMailbox) -> None:
    make_mail(brand, to="Carla@Correo-Ñandú.example")

    assert arrived(mailbox).to == f"carla@{'correo-ñandú'.encode('idna').decode()}.example"


def test_a_retry_is_the_same_message_with_the_date_of_the_first_try(brand: Brand) -> None:
    mail = queue_mail(make_request(brand))
    first = render(mail, now=NOW)
    mail.handed_over_at = NOW

    again = render(mail, now=datetime.now(UTC))

    assert again.as_bytes() == first.as_bytes()


def test_old_links_keep_working_after_a_new_key(brand: Brand) -> None:
    with override_settings(LINK_KEYS={1: "old"}):
        mail = queue_mail(make_request(brand))
        token = mail.token

    with override_settings(LINK_KEYS={1: "old", 2: "new"}):
        assert mail.token == token
        assert OutgoingMail.objects.with_token(token).get() == mail
        assert queue_mail(make_request(brand)).key_version == 2
