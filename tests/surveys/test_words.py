"""What is made of the words of answers, from the survey page and from imports, and what staff make of that."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Brand
from affiliates.models import Purchase
from surveys.models import Answer, Aspect, Response, ResponseChange
from surveys.services.answering import submit_response
from surveys.services.importing import ImportedResponse, import_responses
from surveys.services.words import BATCH, set_aspects, suggest_anew
from tests.factories import NOW, make_brand, make_customer, make_purchase, make_staff
from tests.surveys.factories import make_invitation, said

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
STAFF = Answer.AspectsFrom.STAFF


@pytest.fixture
def brand() -> Brand:
    return make_brand(languages=["es", "en"])


@pytest.fixture
def purchase(brand: Brand) -> Purchase:
    return make_purchase(make_customer(brand), external_id="P-1")


def submit(purchase: Purchase, *, language: str = "es", now: Any = NOW, **answers: Any) -> Response:
    invitation = purchase.invitations.first() or make_invitation(purchase)
    return submit_response(invitation, said(**answers), language=language, suspicions=[], now=now)


def words(response: Response, key: str = "improve_text") -> Answer:
    return response.answers.get(question__key=key)


def changes() -> int:
    return ResponseChange.objects.count()


# --- As an answer is stored ------------------------------------------------------------------------------------------
def test_words_are_stored_with_their_language_and_aspects(purchase):
    response = submit(purchase, csat=2, keep=["precio"], improve_text="Llegó tarde. Escribidme a a@b.com")

    answer = words(response)
    assert (answer.language, answer.aspects, answer.aspects_from) == ("es", ["entrega"], "words")
    assert answer.redacted_text == "Llegó tarde. Escribidme a [correo]"
    chips = words(response, "keep")
    assert (chips.language, chips.aspects, chips.codes) == ("", [], ["precio"])


def test_words_in_another_of_the_brands_languages_are_read_in_it(purchase):
    response = submit(purchase, csat=2, improve_text="Nobody ever replied to my e-mails, write to a@b.com")

    answer = words(response)
    assert (answer.language, answer.aspects) == ("en", ["soporte"])
    assert answer.redacted_text == "Nobody ever replied to my e-mails, write to [e-mail]"


def test_words_of_no_language_are_redacted_in_that_of_the_survey(purchase):
    answer = words(submit(purchase, csat=2, improve_text="ok 600 11 12 22"))

    assert (answer.language, answer.redacted_text) == ("", "ok [teléfono]")


def test_only_active_aspects_of_the_brand_are_suggested(purchase, brand):
    make_brand("otra").aspects.create(code="entrega")
    make_invitation(purchase)  # publishes the standard survey, and so the catalogue
    Aspect.objects.filter(brand=brand, code="entrega").update(is_active=False)

    assert words(submit(purchase, csat=2, improve_text="Llegó tarde y caro")).aspects == ["precio"]


def test_other_words_bring_other_aspects(purchase):
    submit(purchase, csat=2, improve_text="Llegó tarde")

    answer = words(submit(purchase, now=LATER, improve_text="Era caro"))

    assert answer.aspects == ["precio"]


def test_imported_words_are_read_alike(purchase, brand):
    row = ImportedResponse(
        "r-1", "P-1", NOW, csat=1, title="Não chegou", comment="O produto não chegou no prazo, liga 600 11 12 22"
    )
    make_invitation(purchase)

    import_responses(brand, [row.__class__(**{**row.__dict__, "language": "pt"})], now=NOW)

    answers = Answer.objects.filter(text__gt="").order_by("question__key")
    assert [(a.question.key, a.language, a.aspects) for a in answers] == [
        ("comment", "pt", ["entrega"]),
        ("title", "pt", ["entrega"]),
    ]
    assert answers[0].redacted_text == "O produto não chegou no prazo, liga [telefone]"


def test_an_import_without_a_language_is_read_in_the_brands(purchase, brand):
    make_invitation(purchase)

    import_responses(brand, [ImportedResponse("r-1", "P-1", NOW, csat=1, comment="Llegó tarde")], now=NOW)

    assert Answer.objects.get(text__gt="").aspects == ["entrega"]


# --- Staff know better -----------------------------------------------------------------------------------------------
def test_what_staff_set_stays_while_the_words_do(purchase):
    response = submit(purchase, csat=2, improve_text="Llegó tarde")
    before = changes()

    assert set_aspects(words(response), ["soporte", "producto"])
    assert changes() == before + 1
    submit(purchase, now=LATER, csat=1)
    suggest_anew(purchase.brand)

    answer = words(response)
    assert (answer.aspects, answer.aspects_from) == (["producto", "soporte"], STAFF)


def test_what_staff_set_goes_with_the_words_it_was_about(purchase):
    response = submit(purchase, csat=2, improve_text="Llegó tarde")
    set_aspects(words(response), ["soporte"])

    submit(purchase, now=LATER, improve_text="Llegó tarde y caro")

    answer = words(response)
    assert (answer.aspects, answer.aspects_from) == (["entrega", "precio"], "words")


def test_what_staff_set_outlives_an_import_of_the_same_words(purchase, brand):
    make_invitation(purchase)
    import_responses(brand, [ImportedResponse("r-1", "P-1", NOW, csat=1, comment="Llegó tarde")], now=NOW)
    set_aspects(Answer.objects.get(text__gt=""), ["precio"])

    import_responses(brand, [ImportedResponse("r-2", "P-1", LATER, csat=2, comment="Llegó tarde")], now=LATER)
    assert Answer.objects.get(text__gt="").aspects == ["precio"]

    import_responses(brand, [ImportedResponse("r-3", "P-1", LATER, csat=2, comment="No llegó")], now=LATER)
    assert Answer.objects.get(text__gt="").aspects == ["entrega"]


def test_staff_may_say_that_words_are_about_nothing_and_the_same_again_changes_nothing(purchase):
    answer = words(submit(purchase, csat=2, improve_text="Llegó tarde"))

    assert set_aspects(answer, []) is True
    count = changes()
    assert set_aspects(answer, []) is False
    assert changes() == count
    answer.refresh_from_db()
    assert (answer.aspects, answer.aspects_from) == ([], STAFF)


def test_staff_confirm_a_suggestion_by_setting_it(purchase):
    answer = words(submit(purchase, csat=2, improve_text="Llegó tarde"))

    assert set_aspects(answer, ["entrega"]) is True
    answer.refresh_from_db()
    assert (answer.aspects, answer.aspects_from) == (["entrega"], STAFF)


def test_only_aspects_of_the_brand_can_be_set_and_only_of_words(purchase):
    make_brand("otra").aspects.create(code="sabor")
    response = submit(purchase, csat=2, keep=["precio"], improve_text="Llegó tarde")
    count = changes()

    for key, aspects in (("improve_text", ["sabor"]), ("keep", ["precio"])):
        with pytest.raises(ValidationError):
            set_aspects(words(response, key), aspects)
    assert changes() == count
    assert words(response).aspects == ["entrega"]


# --- Read anew -------------------------------------------------------------------------------------------------------
def test_words_stored_before_are_read_anew(purchase, brand):
    response = submit(purchase, csat=2, keep_text="Buen precio", improve_text="Nobody replied to my e-mails at all")
    Answer.objects.update(language="", aspects=[])
    ResponseChange.objects.all().delete()

    assert suggest_anew(brand) == 2
    assert suggest_anew(brand) == 0

    assert [(words(response, key).language, words(response, key).aspects) for key in ("keep_text", "improve_text")] == [
        ("es", ["precio"]),
        ("en", ["soporte"]),
    ]
    assert list(ResponseChange.objects.values_list("response", flat=True)) == [response.pk]


def test_other_brands_words_are_left_alone(purchase):
    submit(purchase, csat=2, improve_text="Llegó tarde")
    Answer.objects.update(aspects=[])

    assert suggest_anew(make_brand("otra")) == 0
    assert set(Answer.objects.values_list("aspects", flat=True).distinct()[0]) == set()


def test_more_words_than_a_set_holds_are_all_read(purchase, brand, monkeypatch):
    assert BATCH > 2
    monkeypatch.setattr("surveys.services.words.BATCH", 1)
    submit(purchase, csat=2, keep_text="Buen precio", improve_text="Llegó tarde")
    Answer.objects.update(aspects=[])

    assert suggest_anew(brand) == 2


def test_staff_names_are_still_taken_out(purchase, brand):
    make_staff(brand)

    assert words(submit(purchase, csat=2, improve_text="Sofía fue lenta")).redacted_text == "[nombre] fue lenta"
