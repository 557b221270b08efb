"""What staff see of answers, and how they decide on suspects."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.models import Brand, Membership
from surveys.models import Response
from surveys.services.answering import submit_response
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import make_invitation, said

pytestmark = pytest.mark.django_db
LIST = reverse("admin:surveys_response_changelist")


@pytest.fixture
def brand() -> Brand:
    return factories.make_brand()


@pytest.fixture
def desk(client: Client, brand: Brand) -> Client:
    client.force_login(factories.make_staff(brand))
    return client


def answer(brand: Brand, order: str, suspicions: Any = (), **answers: Any) -> Response:
    purchase = factories.make_purchase(factories.make_customer(brand), external_id=order)
    data = said(**answers)
    return submit_response(make_invitation(purchase), data, language="es", suspicions=list(suspicions), now=NOW)


def listed(client: Client, **query: str) -> list[str]:
    page = client.get(LIST, query)
    assert page.status_code == 200
    return sorted(str(row.invitation.purchase) for row in page.context["cl"].result_list)


def decide(client: Client, action: str, response: Response) -> Any:
    return client.post(LIST, {"action": action, "_selected_action": [response.pk]}, follow=True)


def test_staff_list_their_own_answers_and_the_suspects_among_them(desk, brand):
    answer(brand, "P-1", csat=5)
    answer(brand, "P-2", ["scanner"], csat=1)
    answer(factories.make_brand("otra"), "P-3", ["scanner"], csat=1)

    assert listed(desk) == ["P-1", "P-2"]
    assert listed(desk, is_suspect__exact="1") == ["P-2"]


def test_an_answer_is_read_in_words(desk, brand):
    response = answer(brand, "P-1", csat=2, nps=7, promise="none", keep=["entrega"], improve_text="<b>Los plazos</b>")

    html = desk.get(reverse("admin:surveys_response_change", args=[response.pk])).content.decode()

    for words in ("2 · ", "7 / 10", "&lt;b&gt;Los plazos&lt;/b&gt;"):
        assert words in html
    assert "<dd>Entrega</dd>" in html or "<dd>Delivery</dd>" in html


def test_staff_let_a_suspect_count_and_take_one_out(desk, brand):
    response = answer(brand, "P-1", ["scanner"], csat=1)

    decide(desk, "let_count", response)
    assert list(Response.objects.counted()) == [response]

    decide(desk, "take_out", response)
    assert not Response.objects.counted().exists()
    assert LogEntry.objects.filter(object_id=response.pk).count() == 2


def test_who_may_only_read_decides_nothing(client, brand):
    client.force_login(factories.make_staff(brand, "Lena", role=Membership.Role.READ_ONLY))
    response = answer(brand, "P-1", ["scanner"], csat=1)

    decide(client, "let_count", response)

    assert listed(client) == ["P-1"]
    assert not Response.objects.counted().exists()


def test_another_brands_answer_is_not_there_to_decide_on(desk):
    response = answer(factories.make_brand("otra"), "P-1", ["scanner"], csat=1)

    decide(desk, "let_count", response)

    assert desk.get(reverse("admin:surveys_response_change", args=[response.pk])).status_code == 302
    assert not Response.objects.counted().exists()


def test_the_list_takes_as_many_statements_for_one_as_for_three(desk, brand, django_assert_max_num_queries):
    answer(brand, "P-1", csat=5)
    desk.get(LIST)
    with django_assert_max_num_queries(12):
        desk.get(LIST)
    for n in (2, 3):
        answer(brand, f"P-{n}", csat=5, nps=2)
    with django_assert_max_num_queries(12):
        assert listed(desk) == ["P-1", "P-2", "P-3"]
