"""What staff see of answers, and how they decide on suspects."""

from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AccessLog, Brand, Membership
from surveys import choosing
from surveys.admin import answers
from surveys.models import Response
from surveys.services.answering import submit_response
from tests import factories
from tests.factories import NOW
from tests.surveys.factories import make_invitation, said

pytestmark = pytest.mark.django_db
LIST = reverse("admin:surveys_response_changelist")
DAY = timedelta(days=1)


@pytest.fixture
def brand() -> Brand:
    return factories.make_brand()


@pytest.fixture
def desk(client: Client, brand: Brand) -> Client:
    client.force_login(factories.make_staff(brand))
    return client


def answer(brand: Brand, order: str, suspicions: Any = (), at: timedelta = timedelta(), **fields: Any) -> Response:
    """By a purchase of these fields, so long from NOW."""
    about = {name: fields.pop(name) for name in ("affiliate", "link", "product") if name in fields}
    language, now = fields.pop("language", "es"), NOW + at
    purchase = factories.make_purchase(factories.make_customer(brand), external_id=order, **about)
    invitation = make_invitation(purchase)
    return submit_response(invitation, said(**fields), language=language, suspicions=list(suspicions), now=now)


def listed(client: Client, **query: str) -> list[str]:
    page = client.get(LIST, query)
    assert page.status_code == 200
    return [str(row.response.invitation.purchase) for row in page.context["rows"]]


def decide(client: Client, action: str, response: Response) -> Any:
    return client.post(f"{LIST}?wave=first", {"action": action, "answer": [response.pk]})


def test_staff_list_their_own_answers_and_the_suspects_among_them(desk, brand):
    answer(brand, "P-1", csat=5)
    answer(brand, "P-2", ["scanner"], csat=1)
    answer(factories.make_brand("otra"), "P-3", ["scanner"], csat=1)

    assert listed(desk) == ["P-2", "P-1"]
    assert listed(desk, suspects="only") == ["P-2"]
    assert listed(desk, suspects="none") == ["P-1"]


def test_an_answer_is_read_in_words(desk, brand):
    response = answer(brand, "P-1", csat=2, nps=7, promise="none", keep=["entrega"], improve_text="<b>Los plazos</b>")

    html = desk.get(reverse("admin:surveys_response_change", args=[response.pk])).content.decode()

    for words in ("2 · ", "7 / 10", "&lt;b&gt;Los plazos&lt;/b&gt;"):
        assert words in html
    assert "<dd>Entrega</dd>" in html or "<dd>Delivery</dd>" in html
    [access] = AccessLog.objects.all()
    assert (access.purpose, access.object_type, access.object_id) == ("view", "response", str(response.pk))


def test_staff_let_a_suspect_count_and_take_one_out(desk, brand):
    response = answer(brand, "P-1", ["scanner"], csat=1)

    assert decide(desk, "let_count", response)["Location"] == f"{LIST}?wave=first"
    assert list(Response.objects.counted()) == [response]

    decide(desk, "take_out", response)
    assert not Response.objects.counted().exists()
    assert LogEntry.objects.filter(object_id=response.pk).count() == 2


@pytest.mark.django_db(transaction=True)
def test_who_waits_for_one_answer_holds_no_other(desk, brand):
    """Else two who decide at once, or a shop that tells of both purchases, could wait for each other."""
    first, second = answer(brand, "P-1", ["scanner"], csat=5), answer(brand, "P-2", ["scanner"], csat=5)
    with closing(psycopg2.connect(**connection.get_connection_params())) as other, connection.cursor() as cursor:
        other.cursor().execute("SELECT FROM affiliates_purchase WHERE external_id = 'P-2' FOR UPDATE")
        cursor.execute("SET lock_timeout = '50ms'")
        try:
            with pytest.raises(OperationalError, match="lock timeout"):
                desk.post(LIST, {"action": "let_count", "answer": [first.pk, second.pk]})
        finally:
            cursor.execute("RESET lock_timeout")

    assert [each.is_suspect for each in Response.objects.order_by("pk")] == [False, True]
    assert LogEntry.objects.count() == 1


def test_who_may_only_read_decides_nothing(client, brand):
    client.force_login(factories.make_staff(brand, "Lena", role=Membership.Role.READ_ONLY))
    response = answer(brand, "P-1", ["scanner"], csat=1)

    assert decide(client, "let_count", response).status_code == 403

    assert listed(client) == ["P-1"]
    assert not Response.objects.counted().exists()


def test_another_brands_answer_is_not_there_to_decide_on(desk):
    response = answer(factories.make_brand("otra"), "P-1", ["scanner"], csat=1)

    decide(desk, "let_count", response)

    assert desk.get(reverse("admin:surveys_response_change", args=[response.pk])).status_code == 302
    assert not Response.objects.counted().exists()


def test_the_list_takes_as_many_statements_for_one_as_for_three(desk, brand, django_assert_num_queries):
    answer(brand, "P-1", csat=5)
    desk.get(LIST)
    with CaptureQueriesContext(connection) as captured:
        desk.get(LIST)
    for n in (2, 3):
        answer(brand, f"P-{n}", csat=5, nps=2, keep_text="bien", affiliate=factories.make_affiliate(brand, f"Ana{n}"))
    with django_assert_num_queries(len(captured)):
        assert listed(desk) == ["P-3", "P-2", "P-1"]


# --- Finding ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def answered(brand: Brand) -> None:
    """Three answers that differ in everything that can be asked for."""
    ana = factories.make_affiliate(brand, "Ana")
    guide = factories.make_link(ana, code="guia")
    boots = factories.make_product(brand, "botas")
    mine = {"affiliate": ana, "link": guide, "product": boots}
    answer(brand, "P-1", csat=2, improve=["entrega"], improve_text="La garantía no llegó", at=-3 * DAY, **mine)
    answer(brand, "P-2", csat=5, keep=["precio"], at=-2 * DAY, language="en")
    answer(brand, "P-3", csat=4, keep_text="Las entregas, puntuales", at=-1 * DAY)


FOUND = [
    ({"score": "low"}, ["P-1"]),
    ({"score": "5"}, ["P-2"]),
    ({"score": "high"}, ["P-3", "P-2"]),
    ({"theme": "precio"}, ["P-2"]),
    ({"theme": "entrega"}, ["P-3", "P-1"]),  # by chip, and by what the words are about
    ({"wording": "with"}, ["P-3", "P-1"]),
    ({"wording": "without"}, ["P-2"]),
    ({"language": "en"}, ["P-2"]),
    ({"affiliate": "ana"}, ["P-1"]),
    ({"link": "guia"}, ["P-1"]),
    ({"product": "botas", "score": "high"}, []),
    ({"first": "2026-03-08", "last": "2026-03-08"}, ["P-2"]),
    ({"q": "P-3"}, ["P-3"]),
    ({"q": "GARANTIAS"}, ["P-1"]),  # no accent, another form
    ({"q": "punt"}, ["P-3"]),  # only begun
    ({"q": "entrega garantía"}, []),
    ({"q": "de la"}, []),
    ({"q": "…"}, []),
    ({"q": "nadie@correo.example"}, []),
    # What is not understood is left out, and said.
    ({"affiliate": "nadie"}, ["P-3", "P-2", "P-1"]),
    ({"score": "9", "first": "ayer", "at": "x", "brand": "0"}, ["P-3", "P-2", "P-1"]),
    ({"q": "\0"}, ["P-3", "P-2", "P-1"]),
]


@pytest.mark.parametrize(("query", "orders"), FOUND, ids=[str(query) for query, _orders in FOUND])
@pytest.mark.usefixtures("answered")
def test_answers_are_found(desk: Client, query: dict[str, str], orders: list[str], monkeypatch: Any) -> None:
    assert listed(desk, **query) == orders
    monkeypatch.setattr(choosing, "FEW", 0)  # as where each is looked at
    assert listed(desk, **query) == orders


@pytest.mark.usefixtures("answered")
def test_an_address_finds_its_customer(desk, brand):
    purchase = Response.objects.get(invitation__purchase__external_id="P-2").invitation.purchase
    assert listed(desk, q=str(purchase.customer.email).upper()) == ["P-2"]


@pytest.mark.usefixtures("answered")
def test_so_many_are_looked_through_for_a_page_and_it_says_how_far(desk, monkeypatch):
    monkeypatch.setattr(answers, "LOOKED_THROUGH", 2)
    first = desk.get(LIST, {"score": "low"})
    further = desk.get(LIST, {"score": "low", "at": first.context["page"].further})
    nothing = desk.get(LIST, {"score": "3", "at": first.context["page"].further})

    assert (first.context["rows"], first.context["page"].end) == ([], NOW - 2 * DAY)
    assert f"at={first.context['page'].next}" in first.text
    assert [str(row.response.invitation.purchase) for row in further.context["rows"]] == ["P-1"]
    assert [nothing.context["rows"], nothing.context["page"].next] == [[], ""]


@pytest.mark.parametrize("query", [{"affiliate": "ana"}, {"product": "botas"}, {"q": "garantía"}], ids=str)
@pytest.mark.usefixtures("answered")
def test_what_is_known_by_an_index_is_found_however_old(desk, monkeypatch, query):
    monkeypatch.setattr(answers, "LOOKED_THROUGH", 2)

    assert listed(desk, **query) == ["P-1"]


def test_pages_begin_where_the_one_before_ended(desk, brand, monkeypatch):
    for n in range(5):
        answer(brand, f"P-{n}", csat=5)
    monkeypatch.setattr(answers, "ANSWERS_A_PAGE", 2)

    first = desk.get(LIST).context["page"]
    second = desk.get(LIST, {"at": first.next}).context["page"]
    back = desk.get(LIST, {"at": second.previous}).context["page"]

    assert [len(first.rows), first.previous] == [2, ""]
    assert [str(row.invitation.purchase) for row in second.rows] == ["P-2", "P-1"]
    assert back.rows == first.rows


@pytest.mark.usefixtures("answered")
def test_what_is_listed_is_what_is_exported(desk: Client) -> None:
    listing = desk.get(LIST, {"theme": "entrega", "score": "low"}).text
    address = reverse("admin:surveys_response_export")
    assert f'{address}?theme=entrega&amp;score=low"' in listing

    form = desk.get(address, {"theme": "entrega", "score": "low"}).context["form"]
    asked = {field.name: field.value() for field in form if field.value()}
    taken = desk.post(address, asked)

    lines = taken.getvalue().decode().splitlines()
    assert [line.split(",")[6] for line in lines[1:]] == ["P-1"]


def test_words_are_searched_by_their_index(brand, answered):
    """Among as many as make it worth while."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = choosing.saying("garantías").explain()

    assert "answer_stems" in plan
