"""What affiliate and brand write to each other about a finding: from both sides, and from nobody else's."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from affiliates.models import Affiliate
from insights.models import Finding, FindingMessage, Quote
from tests.factories import NOW, make_affiliate, make_member, make_staff
from tests.insights.conftest import Shop

LIST = "/portal/conversations/"
DELIVERY = f"{LIST}improve/entrega/"
ENGLISH = {"accept-language": "en"}


@pytest.fixture
def told(answer: Callable[..., None]) -> None:
    answer(5, csat=1, improve=["entrega"], missing=["yes"], missing_facts=["plazos"], expectation="Envío gratis")


@pytest.fixture
def staff(shop: Shop) -> Client:
    client = Client()
    client.force_login(make_staff(shop.brand))
    return client


def answer_in_admin(staff: Client, text: str, finding: Finding) -> int:
    data = {"status": finding.status, "owner": finding.owner, "answer": text}
    none = {"messages-TOTAL_FORMS": "0", "messages-INITIAL_FORMS": "0"}
    return staff.post(reverse("admin:insights_finding_change", args=[finding.pk]), data | none).status_code


def waiting(staff: Client) -> set[str]:
    found = staff.get(reverse("admin:insights_finding_changelist"), {"waits": "yes"}).context["cl"].queryset
    return {finding.key for finding in found}


def test_both_sides_write_and_what_is_new_is_marked_until_it_is_read(
    as_ana: Client, staff: Client, ana: Affiliate, told: None
) -> None:
    as_ana.post(DELIVERY, {"text": "Tardan una semana, ¿lo sabéis?"})
    finding = Finding.objects.get(affiliate=ana, kind="improve", key="entrega")
    assert waiting(staff) == {"entrega"}

    assert answer_in_admin(staff, "Desde mayo, con otro transportista.", finding) == 302

    assert waiting(staff) == set()
    finding.refresh_from_db()
    assert finding.status == Finding.Status.IN_PROGRESS
    assert [item["unread"] for item in as_ana.get("/portal/").context["nav"] if item["unread"]] == [1]
    assert as_ana.get(LIST).context["rows"][0][0].unread == 1
    page = as_ana.get(DELIVERY)
    assert [message.text for message in page.context["said"]] == [
        "Tardan una semana, ¿lo sabéis?",
        "Desde mayo, con otro transportista.",
    ]
    assert [item["unread"] for item in as_ana.get("/portal/").context["nav"] if item["unread"]] == []


def test_the_evidence_of_the_board_stands_beside_it(as_ana: Client, told: None) -> None:
    page = as_ana.get(DELIVERY, headers=ENGLISH)

    assert page.context["topic"].title == "entrega"
    assert page.context["evidence"][0] == "5 of the 5 who mention it ask for something better."
    missed = as_ana.get("/portal/conversations/missing/plazos/", headers=ENGLISH)
    assert missed.context["evidence"] == ["5 customers missed it before buying, 100% of those who were asked."]


def test_an_expectation_is_talked_about_by_its_words_alone(as_ana: Client, told: None) -> None:
    url = url_of_expectation(as_ana)

    as_ana.post(url, {"text": "En mi vídeo lo digo desde hoy."})

    listed = as_ana.get(LIST).context["rows"]
    assert [(each.topic.kind, each.topic.title, address) for each, address in listed][:1] == [
        ("expectation", "Envío gratis", url)
    ]
    assert re.fullmatch(LIST + "expectation/[0-9a-f]{20}/", url)


def url_of_expectation(client: Client) -> str:
    listed = client.get("/portal/opinions/?theme=expectation").context["listed"]
    return next(each.talk_url for each in listed if each.row.text == "Envío gratis")


def test_what_was_taken_down_is_talked_about_no_more(as_ana: Client, told: None) -> None:
    url = url_of_expectation(as_ana)
    as_ana.post(url, {"text": "Hola"})

    Quote.objects.filter(text="Envío gratis").update(hidden_at=NOW)

    assert as_ana.get(url).status_code == 404
    assert "Envío gratis" not in as_ana.get(LIST).content.decode()


@pytest.mark.parametrize(
    "text",
    [
        "Es de carla.ruiz@correo.example",
        "Llámala al 612 34 56 78",
        "Su DNI es 12345678Z",
        "Pagó con 4111 1111 1111 1111",
    ],
)
def test_nothing_that_leads_to_a_customer_is_written_by_either_side(
    as_ana: Client, staff: Client, told: None, text: str
) -> None:
    page = as_ana.post(DELIVERY, {"text": text})
    finding = Finding.objects.get(kind="improve")

    assert page.context["form"].errors
    assert answer_in_admin(staff, text, finding) == 200
    assert not FindingMessage.objects.exists()


def test_a_second_click_sends_nothing_twice(as_ana: Client, told: None) -> None:
    for _click in range(2):
        as_ana.post(DELIVERY, {"text": "Una vez"})

    assert FindingMessage.objects.count() == 1


def test_it_is_nobody_elses(as_ana: Client, staff: Client, shop: Shop, ana: Affiliate, told: None) -> None:
    as_ana.post(DELIVERY, {"text": "Solo para Lumbre"})
    rival = Client()
    rival.force_login(make_member(make_affiliate(shop.brand, "Bruno")))

    assert "Solo para Lumbre" not in rival.get(DELIVERY).content.decode()
    assert rival.get(LIST).context["rows"] == []
    looked = DELIVERY.replace("/portal/", f"/portal/affiliates/{shop.brand.slug}/{ana.code}/")
    assert rival.get(looked).status_code == 404
    assert staff.post(looked, {"text": "Como si fuera Ana"}).status_code == 403
    assert FindingMessage.objects.count() == 1


@pytest.mark.parametrize("path", ["improve/nada/", "missing/entrega/", "keep/nada/", "expectation/nada/", "x/entrega/"])
def test_what_stands_on_no_board_has_no_page(as_ana: Client, told: None, path: str) -> None:
    assert as_ana.get(LIST + path).status_code == 404


@pytest.mark.parametrize("messages", [1, 3])
def test_the_list_asks_the_database_as_often_for_many(
    as_ana: Client, told: None, messages: int, django_assert_num_queries: Callable[..., object]
) -> None:
    for number in range(messages):
        as_ana.post(DELIVERY, {"text": f"Mensaje {number}"})

    with django_assert_num_queries(7):
        as_ana.get(LIST)
