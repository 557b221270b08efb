"""The portal, entered by its addresses: whose page opens for whom, and what stands on it."""

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AccessLog
from affiliates.models import Affiliate, AffiliateMember, Attribution, Click, LinkPromise
from dashboards.exports import harmless
from insights.services import fold_changes
from surveys.models import Fact
from tests.factories import (
    NOW,
    make_affiliate,
    make_brand,
    make_customer,
    make_link,
    make_member,
    make_purchase,
    make_staff,
)
from tests.insights.conftest import Shop
from tests.insights.test_privacy import fill_programme

Answer = Callable[..., None]

HOME = "/portal/"
PAGES = [HOME, "/portal/opinions/", "/portal/links/", "/portal/sales/", "/portal/insights.csv"]
SHORT, LONG = "/portal/", "/portal/affiliates/lumbre/"


def words(response) -> str:
    """What a reader sees, without the markup."""
    text = re.sub(r"<[^>]*>", " ", response.content.decode())
    return " ".join(html.unescape(text).replace("\u00a0", " ").split())


# --- Who opens what --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PAGES)
def test_members_open_the_pages_of_their_affiliate(as_ana: Client, path: str) -> None:
    response = as_ana.get(path)

    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    assert as_ana.get(path.replace(SHORT, f"{LONG}ana/")).status_code == 200
    assert not AccessLog.objects.exists()


@pytest.mark.parametrize("path", [*PAGES, "/portal/terms/"])
def test_a_rivals_pages_are_not_there(as_ana: Client, shop: Shop, path: str) -> None:
    make_affiliate(shop.brand, "Bruno")

    for code in ("bruno", "nobody"):
        assert as_ana.get(path.replace(SHORT, f"{LONG}{code}/")).status_code == 404
    assert as_ana.get(path.replace(SHORT, "/portal/affiliates/otra/ana/")).status_code == 404
    assert not AccessLog.objects.exists()


def test_who_signs_in_for_two_affiliates_can_switch(as_ana: Client, ana: Affiliate) -> None:
    second = make_affiliate(make_brand("otra", name="Otra"), "Ana Botas", code="ana")
    AffiliateMember.objects.create(affiliate=second, user=ana.members.get().user, accepted_terms_at=NOW)

    first = as_ana.get(HOME)
    other = as_ana.get("/portal/affiliates/otra/ana/")

    assert first.context["reader"].affiliate == ana
    assert 'href="/portal/affiliates/otra/ana/"' in first.content.decode()
    assert other.context["reader"].affiliate == second
    assert 'href="/portal/affiliates/lumbre/ana/"' in other.content.decode()
    assert 'href="/portal/affiliates/otra/ana/opinions/"' in other.content.decode()


def test_staff_see_what_the_affiliate_sees_and_it_is_recorded(client: Client, shop: Shop, ana: Affiliate) -> None:
    sofia = make_staff(shop.brand)
    client.force_login(sofia)

    seen = client.get(f"{LONG}ana/")
    client.get(f"{LONG}ana/insights.csv")

    assert "looking-on" in seen.content.decode()
    assert list(AccessLog.objects.order_by("pk").values_list("user", "purpose", "object_type", "object_id")) == [
        (sofia.pk, "impersonate", "affiliate", str(ana.pk)),
        (sofia.pk, "export", "affiliate", str(ana.pk)),
    ]


def test_staff_choose_an_affiliate_of_their_own_brand(client: Client, shop: Shop, ana: Affiliate) -> None:
    make_affiliate(shop.brand, "Bruno")
    make_affiliate(make_brand("otra"), "Olivia")
    client.force_login(make_staff(shop.brand))

    all_of_them = client.get(HOME)
    found = client.get(HOME, {"q": "brun"})

    assert [affiliate.code for affiliate in all_of_them.context["page_obj"]] == ["ana", "bruno"]
    assert [affiliate.code for affiliate in found.context["page_obj"]] == ["bruno"]
    assert not AccessLog.objects.exists()


def test_staff_of_another_brand_find_nothing(client: Client, ana: Affiliate) -> None:
    client.force_login(make_staff(make_brand("otra"), "Olga"))

    assert client.get(f"{LONG}ana/").status_code == 404
    assert list(client.get(HOME).context["page_obj"]) == []
    assert not AccessLog.objects.exists()


def test_an_account_without_affiliate_is_told_so(client: Client, ana: Affiliate) -> None:
    user = make_member(ana)
    AffiliateMember.objects.all().delete()
    client.force_login(user)

    response = client.get(HOME)

    assert response.status_code == 200
    assert response.templates[0].name == "dashboards/nobody.html"


# --- Terms -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PAGES)
def test_the_terms_come_first(client: Client, ana: Affiliate, path: str) -> None:
    client.force_login(make_member(ana, accepted_terms_at=None))

    assert client.get(path).headers["Location"] == "/portal/terms/"
    assert client.get("/portal/terms/").status_code == 200
    assert AffiliateMember.objects.get().accepted_terms_at is None


def test_the_terms_are_accepted_once(client: Client, ana: Affiliate) -> None:
    client.force_login(make_member(ana, accepted_terms_at=None))

    accepted = client.post("/portal/terms/")
    first = AffiliateMember.objects.get().accepted_terms_at
    client.post("/portal/terms/")

    assert accepted.headers["Location"] == HOME
    assert client.get(HOME).status_code == 200
    assert first is not None
    assert AffiliateMember.objects.get().accepted_terms_at == first


def test_staff_cannot_accept_for_the_affiliate(client: Client, shop: Shop, ana: Affiliate) -> None:
    make_member(ana, accepted_terms_at=None)
    client.force_login(make_staff(shop.brand))

    client.post(f"{LONG}ana/terms/")

    assert AffiliateMember.objects.get().accepted_terms_at is None


# --- Home ------------------------------------------------------------------------------------------------------------
def test_without_any_answers_the_brands_list_stands_there(as_ana: Client, shop: Shop) -> None:
    Fact.objects.create(brand=shop.brand, code="old", advice={"es": "Di algo de antes."}, is_active=False)

    response = as_ana.get(HOME)

    assert response.context["page"] is None
    assert response.context["facts"] == ["Di el plazo real de entrega."]
    assert "Di el plazo real de entrega." in words(response)


def test_none_and_four_answers_look_the_same(as_ana: Client, shop: Shop, answer: Answer) -> None:
    fill_programme(shop)
    none = as_ana.get(HOME)
    answer(4, csat=1, improve=["precio"], improve_text="Carísimo")
    four = as_ana.get(HOME)

    assert none.context["insights"].state == four.context["insights"].state == "few"
    assert none.context["page"] == four.context["page"]
    assert none.context["page"].findings.n == 60
    assert "60 respuestas" in words(four)
    assert "Carísimo" not in words(four)
    assert before_sales(four) == before_sales(none)


def before_sales(response) -> str:
    """All but the number of purchases, which the affiliate may count."""
    return re.split("Captar|Todo esto en CSV", words(response))[0]


def test_a_brands_own_number_of_answers_is_said(as_ana: Client, shop: Shop, answer: Answer) -> None:
    shop.brand.k = 8
    shop.brand.save()
    answer(7, csat=5, keep_text="Bien")

    for path in (HOME, "/portal/opinions/"):
        text = words(as_ana.get(path))
        assert re.search(r"\b8 (respuestas|answers)\b", text)
        assert not re.search(r"\b5\b|cinco|five", text)


def test_some_answers_are_indicative(as_ana: Client, answer: Answer) -> None:
    answer(6, csat=5, keep=["precio"], missing=["yes"], missing_facts=["plazos"])

    page = as_ana.get(HOME).context["page"]
    keep, improve = page.boards

    assert [(row.label, row.count, row.tone) for row in keep.rows] == [("Precio y valor", "6 de 6", "")]
    assert (keep.rest, improve.rows) == ((), ())
    assert page.chart == ""
    assert [(row.label, row.count) for row in page.missing] == [("los plazos", "6 · 100\u00a0%")]


def test_many_answers_have_verdicts(as_ana: Client, shop: Shop, answer: Answer) -> None:
    fill_programme(shop)
    answer(20, csat=5, keep=["precio"], improve=["entrega"], promise=0, keep_text="Buen precio")
    answer(5, csat=2, promise=-1, expectation="Envío gratis", at=datetime(2026, 4, 2, tzinfo=UTC))

    response = as_ana.get(HOME)
    page = response.context["page"]
    keep, improve = page.boards

    assert [(row.label, row.tone, round(row.value, 2)) for row in keep.rows] == [("Precio y valor", "keep", 1.0)]
    assert [(row.label, row.tone, round(row.value, 2)) for row in improve.rows] == [("Entrega", "improve", 0.0)]
    assert keep.rows[0].evidence[0] == "20 de los 20 que lo mencionan quieren que siga igual."
    assert [row.value for row in page.figures] == ["80\u00a0%", "80\u00a0%"]
    assert [quote.text for quote in keep.quotes] == ["Buen precio"]
    assert {row.text for row in page.expectations} == {"Envío gratis"}
    assert [(row.month, row.n, row.value) for row in page.trend] == [
        ("abril de 2026", 5, 0.0),
        ("marzo de 2026", 20, 1.0),
    ]
    assert page.chart.startswith("<svg")
    assert "25 respuestas" in words(response)


def test_a_verdict_that_its_value_does_not_explain_is_explained(as_ana: Client, shop: Shop, answer: Answer) -> None:
    for number in range(6):
        other = make_affiliate(shop.brand, f"Otra {number}")
        shop.respond_many(other, 10, csat=5, keep=["precio"])
    answer(20, csat=5, keep=["precio"])
    answer(10, csat=5, improve=["precio"])

    _keep, improve = as_ana.get(HOME).context["page"].boards

    [row] = improve.rows
    assert (row.label, round(row.value, 2), len(row.evidence)) == ("Precio y valor", 0.67, 4)
    assert "program" in row.evidence[2]


def test_a_missed_fact_names_the_link_it_was_missed_at(as_ana: Client, ana: Affiliate, answer: Answer) -> None:
    guide, video = make_link(ana, campaign="Guía"), make_link(ana, campaign="Vídeo")
    answer(5, link=guide, csat=3, missing=["yes"], missing_facts=["plazos"])
    answer(5, link=video, csat=5, missing=["no"])

    page = as_ana.get(HOME).context["page"]

    assert [(row.label, row.where) for row in page.missing] == [("los plazos", "5 de los 5 venían de «Guía»")]
    assert page.checklist[0].where == "5 de los 5 venían de «Guía»"


def test_what_is_new_since_the_last_visit_is_said_for_the_whole_visit(as_ana: Client, answer: Answer) -> None:
    answer(6, csat=5)
    first = as_ana.get(HOME)
    AffiliateMember.objects.update(last_seen_at=datetime(2026, 3, 20, 12, 0, tzinfo=UTC))
    answer(7, csat=5, at=datetime(2026, 4, 2, tzinfo=UTC))

    second, reloaded = as_ana.get(HOME), as_ana.get(HOME)

    assert first.context["news"] is None
    assert second.context["news"] == reloaded.context["news"]
    assert second.context["news"].answers == 7
    assert re.search(r"7 .* viernes 20 .*marzo\.", words(second))


def test_staff_looking_are_no_visit_of_the_affiliate(client: Client, shop: Shop, ana: Affiliate) -> None:
    make_member(ana)
    client.force_login(make_staff(shop.brand))

    assert client.get(f"{LONG}ana/").context["news"] is None
    assert AffiliateMember.objects.get().last_seen_at is None


def test_every_figure_leads_to_its_definition(as_ana: Client, shop: Shop, answer: Answer) -> None:
    fill_programme(shop)
    answer(20, csat=5, nps=9, keep=["precio"], promise=0, affiliate_rating=5, missing=["no"])
    glossary = as_ana.get("/help/").content.decode()

    linked = set(re.findall(r'href="/help/#([\w-]+)"', as_ana.get(HOME).content.decode()))

    assert {"csat", "nps", "promesa", "valoracion-del-afiliado", "falto", "mantener", "mejorar", "atribucion"} <= linked
    assert {term for term in linked if f'id="{term}"' not in glossary} == set()


def test_a_period_shows_its_own_months(as_ana: Client, answer: Answer) -> None:
    answer(6, csat=5)
    answer(7, csat=5, at=datetime(2026, 4, 2, tzinfo=UTC))

    response = as_ana.get(HOME, {"period": "2026-03"})

    assert response.context["page"].findings.n == 6
    assert '<option value="2026-03" selected>marzo de 2026</option>' in response.content.decode()
    assert "enero a marzo de 2026" in words(response)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("period", ["2031-01", "2026-13", "yesterday"])
def test_a_period_without_anything_published_has_no_page(as_ana: Client, path: str, period: str) -> None:
    assert as_ana.get(path, {"period": period}).status_code == 404


def test_english_readers_read_english(as_ana: Client, answer: Answer) -> None:
    answer(6, csat=5)

    text = words(as_ana.get(HOME, headers={"Accept-Language": "en"}))

    assert "Hello, Ana." in text
    assert "What was missing before buying" in text
    assert "Lo que faltó" not in text


def test_home_is_a_light_page(as_ana: Client, shop: Shop, answer: Answer) -> None:
    fill_programme(shop)
    answer(20, csat=5, keep=["precio"], improve=["entrega"], promise=0, keep_text="Bien", expectation="Más")

    assert len(as_ana.get(HOME).content) < 60_000


def test_new_customers_and_those_who_came_back_are_counted_apart(as_ana: Client, shop: Shop, ana: Affiliate) -> None:
    bruno = make_affiliate(shop.brand, "Bruno")
    carla, diana = make_customer(shop.brand), make_customer(shop.brand, "Diana")
    for customer, affiliate, month in [
        (carla, bruno, 1),
        (carla, ana, 2),
        (carla, ana, 2),
        (carla, ana, 4),
        (diana, ana, 4),
    ]:
        make_purchase(customer, affiliate=affiliate, purchased_at=datetime(2026, month, 5, tzinfo=UTC))

    halves = as_ana.get(HOME).context["halves"]

    assert (halves.new, halves.returning, halves.purchases) == (2, 2, 4)
    assert halves.months == [("abril de 2026", 1, 1), ("marzo de 2026", 0, 0), ("febrero de 2026", 1, 1)]


def test_who_bought_in_an_earlier_period_comes_back_in_this_one(as_ana: Client, ana: Affiliate, answer: Answer) -> None:
    answer(5, csat=5)
    carla = make_customer(ana.brand)
    for month in (1, 3):
        make_purchase(carla, affiliate=ana, purchased_at=datetime(2026, month, 5, tzinfo=UTC))

    halves = as_ana.get(HOME, {"period": "2026-03"}).context["halves"]

    assert (halves.new, halves.returning) == (5, 1)
    assert halves.new_chart == ""


# --- Opinions --------------------------------------------------------------------------------------------------------
def test_opinions_are_found_by_theme_and_words(as_ana: Client, answer: Answer) -> None:
    answer(5, csat=5, keep_text="Buen precio", improve_text="El ENVÍO tarda", expectation="Envío gratis")

    def texts(**query: str) -> set[str]:
        return {row.text for row in as_ana.get("/portal/opinions/", query).context["page_obj"]}

    assert texts() == {"Buen precio", "El ENVÍO tarda", "Envío gratis"}
    assert texts(theme="keep_text") == {"Buen precio"}
    assert texts(q="envio") == {"El ENVÍO tarda", "Envío gratis"}
    assert texts(theme="expectation", q="tarda") == set()


def test_whoever_has_no_link_yet_is_led_to_the_first_one(as_ana: Client, ana: Affiliate) -> None:
    first = "Make one for each place where you recommend the shop"
    before = words(as_ana.get("/portal/", headers={"accept-language": "en"}))
    on_paper = words(as_ana.get("/portal/report/", headers={"accept-language": "en"}))
    make_link(ana)

    assert first in before
    assert first not in on_paper
    assert first not in words(as_ana.get("/portal/", headers={"accept-language": "en"}))


def test_opinions_of_few_customers_are_not_shown(as_ana: Client, answer: Answer) -> None:
    answer(4, csat=1, improve_text="Llegó roto")

    response = as_ana.get("/portal/opinions/")

    assert "Llegó roto" not in words(response)
    assert list(response.context["page_obj"]) == []


def test_pages_of_opinions_keep_the_search(as_ana: Client, answer: Answer) -> None:
    answer(30, csat=5, keep_text="Bien")

    response = as_ana.get("/portal/opinions/", {"q": "bien"})

    assert len(response.context["page_obj"]) == 25
    assert "?q=bien&amp;page=2" in response.content.decode()


# --- Links and sales -------------------------------------------------------------------------------------------------
def test_links_tell_what_they_bring_and_what_is_said(as_ana: Client, ana: Affiliate, answer: Answer) -> None:
    guide, video = make_link(ana, campaign="Guía"), make_link(ana, campaign="Vídeo")
    LinkPromise.objects.create(link=guide, text="Envío en 24 h")
    LinkPromise.objects.create(link=guide, text="Gratis", withdrawn_at=NOW)
    for kind in (Click.Kind.VISIT, Click.Kind.VISIT, Click.Kind.BOT, Click.Kind.REPEAT):
        Click.objects.create(link=guide, kind=kind, occurred_at=NOW)
    answer(5, link=guide, csat=5)
    answer(3, link=video, csat=1)

    rows = as_ana.get("/portal/links/").context["rows"]

    assert [(row.link, row.visits, row.purchases, row.promises) for row in rows] == [
        (guide, 2, 5, ("Envío en 24 h",)),
        (video, 0, 3, ()),
    ]
    assert rows[0].findings.csat.value == 1
    assert rows[1].findings is None


def test_links_count_the_visits_of_the_period(as_ana: Client, ana: Affiliate, answer: Answer) -> None:
    guide = make_link(ana)
    answer(5, csat=5)
    # A minute before March in Madrid, and its first moment.
    Click.objects.create(link=guide, occurred_at=datetime(2026, 2, 28, 22, 59, tzinfo=UTC))
    Click.objects.create(link=guide, occurred_at=datetime(2026, 2, 28, 23, 0, tzinfo=UTC))

    [row] = as_ana.get("/portal/links/", {"period": "2026-03"}).context["rows"]

    assert row.visits == 1


def test_sales_are_counted_by_reason_and_month(as_ana: Client, shop: Shop, ana: Affiliate) -> None:
    shop.purchase(ana, purchased_at=datetime(2026, 2, 3, tzinfo=UTC))
    by_coupon = shop.purchase(ana, purchased_at=datetime(2026, 2, 28, 23, 30, tzinfo=UTC))
    by_coupon.attributions.update(reason=Attribution.Reason.COUPON)
    shop.purchase(ana, purchased_at=datetime(2026, 3, 3, tzinfo=UTC))
    shop.purchase(make_affiliate(shop.brand, "Bruno"))
    shop.purchase(None)

    page = as_ana.get("/portal/sales/").context["page"]

    assert page.total == 3
    assert [(row.label, row.purchases, row.bar) for row in page.reasons] == [
        ("La tienda indicó que fuiste tú.", 2, 1.0),
        ("Usaron un cupón tuyo.", 1, 0.5),
    ]
    assert page.months == [("marzo de 2026", 2), ("febrero de 2026", 1)]


# --- What must never be on any page ----------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PAGES)
def test_no_page_leads_to_a_customer(as_ana: Client, shop: Shop, ana: Affiliate, path: str) -> None:
    link = make_link(ana)
    responses = [shop.respond(ana, link=link, csat=5, keep_text="Bien", expectation="Más") for _number in range(20)]
    fold_changes(now=NOW)

    text = as_ana.get(path).content.decode()

    for response in responses:
        purchase = response.invitation.purchase
        assert purchase is not None
        assert purchase.customer.email not in text
        assert purchase.external_id not in text
    assert "Carla" not in text
    assert "12:00" not in text


# --- CSV -------------------------------------------------------------------------------------------------------------
def test_the_csv_holds_what_the_page_shows(as_ana: Client, answer: Answer) -> None:
    answer(20, csat=5, keep=["precio"], missing=["yes"], missing_facts=["plazos"], keep_text="=HYPERLINK(1)")

    response = as_ana.get("/portal/insights.csv", {"period": "2026-03"})
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))

    assert response.headers["Content-Disposition"] == 'attachment; filename="ana-2026-03.csv"'
    assert rows[0] == ["de quién", "apartado", "qué", "valor", "desde", "hasta", "menciones", "respuestas", "veredicto"]
    assert rows[1] == ["ana", "Cifra", "Clientes satisfechos", "1.0000", "0.8389", "1.0000", "", "20", ""]
    assert ["ana", "Mantener", "Precio y valor", "1.0000", "0.8389", "1.0000", "20", "20", "keep"] in rows
    assert ["ana", "Lo que faltó antes de comprar", "los plazos", "1.0000", "", "", "20", "", ""] in rows
    assert {row[2] for row in rows if row[1] == "Opiniones"} == {"'=HYPERLINK(1)"}


@pytest.mark.parametrize("words", ["=1+1", " =1+1", "\n=1+1", "＝1+1"])
def test_no_cell_is_run_by_a_spreadsheet(words: str) -> None:
    assert harmless(words) == f"'{words}"
    assert harmless("-12.5000") == "-12.5000"


def test_the_csv_of_few_answers_speaks_for_the_programme(as_ana: Client, shop: Shop, answer: Answer) -> None:
    fill_programme(shop)
    answer(4, csat=1, improve_text="Roto")

    rows = list(csv.reader(io.StringIO(as_ana.get("/portal/insights.csv").content.decode("utf-8-sig"))))

    assert {row[0] for row in rows[1:]} == {"programa"}
    assert not any("Roto" in cell for row in rows for cell in row)


# --- Queries ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PAGES)
def test_pages_ask_the_same_number_of_questions_however_much_there_is(
    as_ana: Client, ana: Affiliate, answer: Answer, path: str
) -> None:
    def fill(month: int) -> None:
        link = make_link(ana)
        LinkPromise.objects.create(link=link, text="Envío en 24 h")
        answer(5, link=link, csat=5, keep_text="Bien", expectation="Más", at=datetime(2026, month, 2, tzinfo=UTC))

    fill(1)
    as_ana.get(path)
    with CaptureQueriesContext(connection) as one:
        as_ana.get(path)
    fill(2)
    fill(3)
    with CaptureQueriesContext(connection) as three:
        as_ana.get(path)

    assert len(three) == len(one)
