"""Staff read what words are about, and correct it."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.models import Brand, Membership
from surveys.admin.words import digest
from surveys.models import Answer, Aspect, Response, ResponseChange
from surveys.services.answering import submit_response
from tests.factories import NOW, make_brand, make_customer, make_purchase, make_staff
from tests.surveys.factories import make_invitation, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return make_brand()


@pytest.fixture
def desk(client: Client, brand: Brand) -> Client:
    client.force_login(make_staff(brand))
    return client


@pytest.fixture
def response(brand: Brand) -> Response:
    data = said(csat=2, keep=["precio"], improve_text="Llegó <b>tarde</b>. Soy Carla", expectation="Un manual")
    invitation = make_invitation(make_purchase(make_customer(brand)))
    return submit_response(invitation, data, language="es", suspicions=[], now=NOW)


def words(response: Response, key: str = "improve_text") -> Answer:
    return response.answers.get(question__key=key)


def page_of(client: Client, response: Response) -> str:
    return client.get(reverse("admin:surveys_response_change", args=[response.pk])).content.decode()


def save(client: Client, answer: Answer, aspects: list[str], **fields: Any) -> Any:
    data = {"aspects": aspects, "seen": digest(answer.text), **fields}
    return client.post(reverse("admin:surveys_response_aspects", args=[answer.response_id, answer.pk]), data)


def test_the_page_shows_each_text_with_its_aspects(desk, response):
    html = page_of(desk, response)

    assert "Llegó &lt;b&gt;tarde&lt;/b&gt;. Soy Carla" in html  # staff read it whole
    assert html.count('class="words-text"') == 2  # chips are no words
    answer = words(response)
    assert f'value="entrega" id="words-{answer.pk}-aspects_5" checked>' in html
    assert html.count(" checked>") == 2  # «Un manual»: uso


def test_words_stand_below_the_question_they_go_with(desk, response):
    page = desk.get(reverse("admin:surveys_response_change", args=[response.pk]))

    assert [each.question for each in page.context["words"]] == [
        "¿Qué esperabas y no encontraste?",
        "¿Qué deberíamos mejorar? Con tus palabras",
    ]


def test_the_page_tells_what_counts_without_a_look(desk, response):
    page = desk.get(reverse("admin:surveys_response_change", args=[response.pk]))

    told = {each.answer.question.key: (each.may_count, each.counted) for each in page.context["words"]}
    assert told == {"improve_text": (True, ["Entrega o activación"]), "expectation": (False, [])}


def test_what_is_ticked_stands_and_is_logged(desk, response):
    answer = words(response)
    before = ResponseChange.objects.count()

    page = save(desk, answer, ["soporte", "producto"])

    assert page.url == reverse("admin:surveys_response_change", args=[response.pk]) + f"#words-{answer.pk}"
    answer.refresh_from_db()
    assert (answer.aspects, answer.aspects_from) == (["producto", "soporte"], "staff")
    assert words(response, "expectation").aspects_from == "words"
    assert ResponseChange.objects.count() == before + 1
    assert LogEntry.objects.get().get_change_message() == "aspects of improve_text"
    assert page_of(desk, response).count(" checked>") == 3


def test_nothing_ticked_is_about_nothing(desk, response):
    save(desk, words(response), [])

    answer = words(response)
    assert (answer.aspects, answer.aspects_from) == ([], "staff")


def test_ticks_are_about_the_words_that_stood_there(desk, response):
    page = save(desk, words(response), ["soporte"], seen=digest("Otra cosa"))

    assert words(response).aspects == ["entrega"]
    assert [message.level_tag for message in desk.get(page.url).context["messages"]] == ["error"]


@pytest.mark.parametrize("aspects", [["sabor"], ["entrega", "' OR 1=1"]])
def test_unknown_aspects_are_refused(desk, response, aspects):
    save(desk, words(response), aspects)

    answer = words(response)
    assert (answer.aspects, answer.aspects_from) == (["entrega"], "words")
    assert not LogEntry.objects.exists()


def test_an_aspect_given_up_since_is_still_shown_where_it_was_used(desk, response, brand):
    Aspect.objects.filter(brand=brand, code__in=["entrega", "precio"]).update(is_active=False)

    html = page_of(desk, response)

    assert 'value="entrega"' in html
    assert 'value="precio"' not in html


def test_a_chip_has_no_words_to_be_about(desk, response):
    assert save(desk, words(response, "keep"), ["precio"]).status_code == 404


def test_who_may_only_read_sees_them_without_a_form(client, response, brand):
    client.force_login(make_staff(brand, "Leo", Membership.Role.ANALYST))

    html = page_of(client, response)

    assert '<li class="words-chip">' in html
    assert 'name="aspects"' not in html
    assert save(client, words(response), ["soporte"]).status_code == 403
    assert words(response).aspects == ["entrega"]


def test_other_brands_staff_find_nothing(client, response):
    client.force_login(make_staff(make_brand("otra"), "Rosa"))

    assert save(client, words(response), ["soporte"]).status_code == 404
    assert words(response).aspects == ["entrega"]


def test_looking_is_not_saving(desk, response):
    answer = words(response)

    assert desk.get(reverse("admin:surveys_response_aspects", args=[response.pk, answer.pk])).status_code == 405
    page_of(desk, response)
    answer.refresh_from_db()
    assert answer.aspects_from == "words"


def test_an_answer_of_another_response_is_not_found_here(desk, response, brand):
    other = submit_response(
        make_invitation(make_purchase(make_customer(brand, "Leo Gil"))),
        said(csat=1, improve_text="Caro"),
        language="es",
        suspicions=[],
        now=NOW,
    )
    address = reverse("admin:surveys_response_aspects", args=[response.pk, words(other).pk])

    assert desk.post(address, {"aspects": [], "seen": digest("Caro")}).status_code == 404


def test_a_response_without_words_has_no_such_part(desk, brand):
    invitation = make_invitation(make_purchase(make_customer(brand)))
    response = submit_response(invitation, said(csat=5), language="es", suspicions=[], now=NOW)

    assert "words-title" not in page_of(desk, response)
