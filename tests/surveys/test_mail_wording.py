"""Staff word the mails that ask: checked when saved, seen on a real purchase, and what customers then get."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AccessLog, Brand, Membership
from affiliates.models import Purchase
from mailing.models import OutgoingMail
from mailing.rendering import render
from surveys.models import InvitationMail, Survey
from surveys.services import plan_invitations, send_due_invitations, send_due_reminders
from surveys.services.editing import publish_draft, store_mail_texts
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def purchase(brand: Brand) -> Purchase:
    customer = factories.make_customer(brand, "Carla Ruiz")
    return factories.make_purchase(customer, external_id="P-1", product=factories.make_product(brand))


def address(survey: Survey, page: str = "mail") -> str:
    return reverse(f"admin:surveys_survey_{page}", args=[survey.pk])


def save(client: Client, survey: Survey, **typed: str) -> Any:
    edits = Survey.objects.get(pk=survey.pk).edits
    return client.post(address(survey), {"edits": edits, **typed}, follow=True)


def errors(page: Any) -> dict[str, str]:
    return {name: " ".join(found) for name, found in page.context["form"].errors.items()}


def stored(survey: Survey) -> dict[str, dict[str, str]]:
    return Survey.objects.get(pk=survey.pk).mail_texts


def test_words_are_saved_by_language_and_emptied_to_the_standard(desk: Client, draft: Survey) -> None:
    typed = {
        "es.subject": " ¿Qué tal {product}? ",
        "es.body": "Hola, {name}:\r\n¿qué tal {product} de {brand}?",
        "en.reminder_subject": "Still there?",
    }
    save(desk, draft, **typed)
    assert stored(draft) == {
        "es": {"subject": "¿Qué tal {product}?", "body": "Hola, {name}:\n¿qué tal {product} de {brand}?"},
        "en": {"reminder_subject": "Still there?"},
    }

    save(desk, draft, **{"es.subject": "Hola"})
    assert stored(draft) == {"es": {"subject": "Hola"}}

    save(desk, draft)
    assert stored(draft) == {}


@pytest.mark.parametrize(
    ("name", "words", "why"),
    [
        ("es.subject", "¿Qué tal, {cliente}?", "{cliente}"),
        ("es.preheader", "{{ settings.SECRET_KEY }}", "{name}"),
        ("es.subject", "¿Qué tal {product?", ""),
        ("es.subject", "Hola\r\nBcc: todos@correo.example", ""),
        ("en.body", "How was it?", "{product}"),
        ("en.reminder_body", "How was it?", "{product}"),
        ("es.subject", "x" * 121, "120"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_name_and_kept_in_its_box(
    desk: Client, draft: Survey, name: str, words: str, why: str
) -> None:
    page = save(desk, draft, **{name: words, "en.subject": "Kept too"})

    found = errors(page)
    assert list(found) == [name]
    assert why in found[name]
    assert stored(draft) == {}
    assert page.context["form"][name].value() == words
    assert page.context["form"]["en.subject"].value() == "Kept too"


def test_the_standard_words_stand_beside_the_boxes(desk: Client, brand: Brand, draft: Survey) -> None:
    page = desk.get(address(draft)).text
    assert "¿Qué tal tu compra en {brand}?" in page
    assert "Hola {name}: hace unos días recibiste {product}." in page
    assert "How was your purchase from {brand}?" in page

    Brand.objects.update(formality=Brand.Formality.USTED)
    assert "¿Qué tal tu compra" not in desk.get(address(draft)).text


def test_two_who_edit_lose_nothing(desk: Client, draft: Survey) -> None:
    edits = draft.edits
    save(desk, draft, **{"es.subject": "De Aitor"})

    page = desk.post(address(draft), {"edits": edits, "es.subject": "Mío"})

    assert stored(draft) == {"es": {"subject": "De Aitor"}}
    assert page.context["form"]["es.subject"].value() == "Mío"
    save(desk, draft, **{"es.subject": "Mío"})
    assert stored(draft) == {"es": {"subject": "Mío"}}


def test_customers_get_the_words_of_the_published_version(brand: Brand, draft: Survey, purchase: Purchase) -> None:
    texts = {"subject": "{name}, ¿qué tal?", "body": "¿Qué tal {product}?", "reminder_subject": "Última vez"}
    store_mail_texts(draft, {"es": {**texts, "reminder_body": "¿Y {product}?"}}, edits=0)
    publish_draft(draft, now=NOW)
    somebody = factories.make_customer(brand, name="", email="alguien@correo.example")
    nameless = factories.make_purchase(somebody, external_id="P-2")
    Brand.objects.update(reminder_after=timedelta(days=4))
    plan_invitations(brand, [purchase, nameless], now=NOW)
    send_due_invitations(now=NOW)
    OutgoingMail.objects.update(state=OutgoingMail.State.SENT, sent_at=NOW, handed_over_at=NOW)
    send_due_reminders(now=NOW + timedelta(days=5))

    def texts_of(which: Purchase, kind: str) -> Any:
        link = InvitationMail.objects.get(invitation__purchase=which, kind=kind)
        return render(link.mail, now=NOW).texts

    assert texts_of(purchase, "first").subject == "Carla, ¿qué tal?"
    assert texts_of(nameless, "first").subject == "¿qué tal?"
    assert "¿Qué tal Botas de montaña?" in texts_of(purchase, "first").text
    assert texts_of(purchase, "reminder").subject == "Última vez"
    assert "¿Y Botas de montaña?" in texts_of(purchase, "reminder").text
    assert "¿Y Botas de montaña?" in texts_of(purchase, "reminder").html


# --- Preview ---------------------------------------------------------------------------------------------------------
def test_the_preview_shows_the_unsaved_words_on_a_real_purchase(
    desk: Client, draft: Survey, purchase: Purchase
) -> None:
    typed = {"es.subject": "¿Qué tal, {name}?", "en.subject": "Hi {name}"}

    spanish = desk.post(address(draft, "mail_preview"), typed)
    english = desk.post(address(draft, "mail_preview"), {**typed, "preview_language": "en"})
    reminder = desk.post(address(draft, "mail_preview"), {"preview_mail": "reminder_", "preview_order": "P-1"})

    assert "¿Qué tal, Carla?" in spanish.text
    assert "Botas de montaña" in spanish.text
    assert "Hi Carla" in english.text
    assert "último recordatorio" in reminder.text
    assert stored(draft) == {}
    assert not OutgoingMail.objects.exists()
    assert list(AccessLog.objects.values_list("purpose", "object_id")) == [("view", str(purchase.pk))]


def test_without_an_order_there_is_nothing_to_see(desk: Client, draft: Survey) -> None:
    theirs = factories.make_purchase(factories.make_customer(factories.make_brand("otra")), external_id="P-9")

    for order in ("", theirs.external_id):
        page = desk.post(address(draft, "mail_preview"), {"preview_order": order})
        assert page.status_code == 200
        assert "message" not in page.context
    assert not AccessLog.objects.exists()


def test_a_mail_in_its_frame_brings_its_styles_and_nothing_else(
    desk: Client, draft: Survey, purchase: Purchase
) -> None:
    preview = desk.get(address(draft, "mail_preview"))

    policy = preview.headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe-inline" not in desk.get(address(draft)).headers["Content-Security-Policy"]


# --- Who may ---------------------------------------------------------------------------------------------------------
def test_what_was_published_is_read_only(desk: Client, draft: Survey) -> None:
    publish_draft(draft, now=NOW)
    assert desk.get(address(draft)).status_code == 200

    save(desk, draft, **{"es.subject": "Otra cosa"})

    assert stored(draft) == {}


def test_only_whoever_writes_for_the_brand_words_its_mails(client: Client, brand: Brand, draft: Survey) -> None:
    client.force_login(factories.make_staff(brand, "Lena", role=Membership.Role.READ_ONLY))
    assert client.post(address(draft), {"edits": 0, "es.subject": "Hola"}).status_code == 403

    client.force_login(factories.make_staff(factories.make_brand("otra"), "Olga"))
    for page in ("mail", "mail_preview"):
        assert client.get(address(draft, page)).status_code == 404
        assert client.post(address(draft, page), {"es.subject": "Hola"}).status_code == 404
    assert stored(draft) == {}
