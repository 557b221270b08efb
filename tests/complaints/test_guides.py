"""Guides: written by staff, read by anybody, searched in any form of a word; what questions teach."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Brand, Membership
from complaints.markdown import TABLES, TAGS, html_of
from complaints.models import Complaint, Guide, GuideQuestion, GuideVerdict
from complaints.services import open_complaint
from complaints.services.guides import Words, propose_fact, write_guide
from surveys.models import Fact
from tests import factories
from tests.complaints.factories import answered, make_problem
from tests.complaints.test_admin import client_of
from tests.factories import NOW
from tests.surveys.factories import send_mail

pytestmark = pytest.mark.django_db
SPANISH = Words("Cómo se limpian las botas", "## Paso a paso\n\nCon **agua** y jabón, nunca en la lavadora.")
ENGLISH = Words("How to clean the boots", "With water and soap.")


def make_guide(brand: Brand, es: Words = SPANISH, en: Words = ENGLISH, **fields: Any) -> Guide:
    guide = Guide(brand=brand, is_published=fields.pop("is_published", True), **fields)
    write_guide(guide, {"es": es, "en": en})
    return guide


def titles(brand: Brand, **query: str) -> list[str]:
    html = Client().get(reverse("complaints:help", args=[brand.slug]), query).content.decode()
    return re.findall(r'<li><a href="[^"]+" lang="\w+">([^<]+)</a>', html)


def read(guide: Guide, **query: str) -> Any:
    return Client().get(guide.get_absolute_url(), query)


# --- Reading -------------------------------------------------------------------------------------------------------
def test_anybody_reads_a_guide_in_their_language_and_leaves_no_trace(brand):
    guide = make_guide(brand)

    spanish, english = read(guide), read(guide, lang="en")

    assert (guide.slug, spanish.status_code) == ("como-se-limpian-las-botas", 200)
    assert "<strong>agua</strong>" in spanish.content.decode()
    assert "How to clean the boots" in english.content.decode()
    assert '<html lang="en">' in english.content.decode()
    assert not spanish.cookies
    assert not GuideVerdict.objects.exists()


@pytest.mark.parametrize(
    ("search", "is_found"),
    [("limpiar", True), ("LIMPIO bota", True), ("jabon", True), ("lavadora", True), ("clean", True), ("zapato", False)],
)
def test_it_is_found_by_its_words_in_any_form(brand, search, is_found):
    make_guide(brand)
    make_guide(brand, Words("Devoluciones", "Treinta días."), Words("Returns", "Thirty days."))

    assert titles(brand, q=search) == (["Cómo se limpian las botas"] if is_found else [])
    assert len(titles(brand)) == 2


def test_what_is_in_the_title_comes_first(brand):
    make_guide(brand, Words("Envíos", "Las botas llegan en dos días."), Words("", ""))
    make_guide(brand, Words("Las botas", "Todo sobre ellas."), Words("", ""))

    assert titles(brand, q="botas") == ["Las botas", "Envíos"]


def test_drafts_and_other_brands_guides_are_not_there(brand, sofia):
    draft = make_guide(brand, is_published=False)
    elsewhere = make_guide(factories.make_brand("otra"), Words("Secreto", "x"))

    assert titles(brand) == []
    assert read(draft).status_code == 404
    assert Client().get(reverse("complaints:guide", args=[brand.slug, elsewhere.slug])).status_code == 404
    assert "Draft" in client_of(sofia).get(draft.get_absolute_url() + "?lang=en").content.decode()


def test_a_brand_without_guides_says_whom_to_write_to(brand):
    html = Client().get(reverse("complaints:help", args=[brand.slug])).content.decode()

    assert "atencion@lumbre.example" in html
    assert 'type="search"' not in html


@pytest.mark.parametrize(
    "path", ["/help/nadie/", "/help/lumbre/nada/", "/help/lumbre/?q=%00", "/help/lumbre/?product=%00"]
)
def test_strange_addresses_break_nothing(brand, path):
    assert Client().get(path).status_code in (200, 404)


# --- Markdown ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Uno", "<h2>Uno</h2>"),
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("![x](https://espia.example/p.gif)", '!<a href="https://espia.example/p.gif" rel="noopener noreferrer">x</a>'),
        ("[x](https://lumbre.example)", '<a href="https://lumbre.example" rel="noopener noreferrer">x</a>'),
        ("|a|b|\n|-|-|\n|1|2|", "<td>1</td>"),
    ],
)
def test_markdown_becomes_safe_html(text, html):
    assert html in html_of(text)


@given(st.text(alphabet="<>[]()!*_#`|\n :/\"'=javscriptonerhfdgm&;", max_size=120))
@settings(max_examples=80, deadline=None)
def test_no_text_makes_a_tag_that_does_anything(text):
    html = html_of(text)

    tags = set(re.findall(r"<([a-z0-9]+)", html))
    assert tags <= TAGS | TABLES
    assert not re.search(r"<[^>]+(\bon\w+=|javascript:|style=)", html)


# --- Did it help? --------------------------------------------------------------------------------------------------
def test_whether_it_helped_counts_once_a_day_for_one_visitor(brand):
    guide = make_guide(brand)
    url = guide.get_absolute_url()

    answers = [Client(enforce_csrf_checks=True).post(url, {"helped": "no"}) for _ in range(3)]
    Client(REMOTE_ADDR="203.0.113.9").post(url, {"helped": "yes"})
    Client(REMOTE_ADDR="203.0.113.10").post(url, {})
    for host in (":1", "2:3:4:5"):  # one household, which has them all
        Client(REMOTE_ADDR=f"2001:db8:0:7:{host}").post(url, {"helped": "yes"})

    assert {answer.status_code for answer in answers} == {303}
    assert sorted(GuideVerdict.objects.values_list("helped", flat=True)) == [False, True, True]
    assert "mailto:" in Client().get(answers[0]["Location"]).content.decode()


# --- A question before it is sent ----------------------------------------------------------------------------------
@pytest.fixture
def link(invitation) -> str:
    return reverse("complaints:report", args=[send_mail(invitation).token])


def test_a_question_is_shown_what_may_answer_it_and_sent_all_the_same(brand, purchase, link):
    guide = make_guide(brand, product=purchase.product)
    make_guide(brand, Words("Garantía", "Tres años."), product=factories.make_product(brand, "gorro"))
    question = {"kind": "inquiry", "text": "¿Puedo limpiarlas en la lavadora?"}

    first = Client().post(link, question)
    before = Complaint.objects.count()
    second = Client().post(link, {**question, "guide": [str(guide.pk), "999999", "x"]})

    html = first.content.decode()
    assert [found.guide for found in first.context["answers"]] == [guide]
    assert "¿Puedo limpiarlas en la lavadora?" in html
    assert (before, second.status_code) == (0, 303)
    assert [(row.guide, row.complaint) for row in GuideQuestion.objects.all()] == [(guide, Complaint.objects.get())]


def test_whoever_complains_is_led_through_no_guides(brand, purchase, link):
    make_guide(brand, product=purchase.product)

    assert Client().post(link, {"kind": "complaint", "text": "No se limpian en la lavadora"}).status_code == 303


def test_a_question_that_no_guide_answers_is_sent_at_once(brand, purchase, link):
    make_guide(brand, product=purchase.product)

    assert Client().post(link, {"kind": "inquiry", "text": "¿Cuándo abrís?"}).status_code == 303


@pytest.mark.parametrize("page", ["report", "thanks"])
def test_the_guides_of_the_product_stand_there_but_not_where_it_is_discreet(brand, purchase, invitation, page):
    guide = make_guide(brand, product=purchase.product)
    answered(invitation, csat=1)
    address = reverse(f"complaints:{page}", args=[send_mail(invitation).token])

    shown = Client().get(address).content.decode()
    Brand.objects.update(is_discreet=True, discreet_name="L")
    hidden = Client().get(address).content.decode()

    assert guide.get_absolute_url() in shown
    assert guide.get_absolute_url() not in hidden


# --- Staff ---------------------------------------------------------------------------------------------------------
def save(client: Client, url: str, **data: str) -> Any:
    words = {"title.es": "Cómo se limpian", "body.es": "Con agua.", "title.en": "", "body.en": ""}
    place = {"product": "", "category": "", "position": "0", "is_published": "on"}
    return client.post(url, {**words, **place, **data}, follow=True)


def test_staff_write_a_guide_and_take_a_language_away(brand, sofia):
    desk, add = client_of(sofia), reverse("admin:complaints_guide_add")

    save(desk, add, **{"title.en": "How to clean", "body.en": "Water."})
    guide = Guide.objects.get()
    written = {text.language: text.title for text in guide.texts.all()}
    save(desk, reverse("admin:complaints_guide_change", args=[guide.pk]))

    assert (guide.brand, guide.slug, guide.is_published) == (brand, "como-se-limpian", True)
    assert written == {"es": "Cómo se limpian", "en": "How to clean"}
    assert [text.language for text in guide.texts.all()] == ["es"]
    assert titles(brand, q="agua") == ["Cómo se limpian"]


@pytest.mark.parametrize("wrong", [{"body.es": ""}, {"title.es": "", "body.es": ""}, {"title.en": "Only a title"}])
def test_half_a_text_is_refused_and_kept_in_the_form(brand, sofia, wrong):
    page = save(client_of(sofia), reverse("admin:complaints_guide_add"), **wrong)

    assert page.status_code == 200
    assert not Guide.objects.exists()
    assert page.context["errors"]


def test_other_brands_products_and_guides_are_out_of_reach(brand, sofia):
    elsewhere = factories.make_brand("otra")
    guide = make_guide(elsewhere)
    foreign = factories.make_product(elsewhere, "ajeno")
    desk = client_of(sofia)

    page = save(desk, reverse("admin:complaints_guide_add"), product=str(foreign.pk))

    assert page.context["errors"]
    assert desk.get(reverse("admin:complaints_guide_change", args=[guide.pk])).status_code == 302
    assert desk.post(reverse("admin:complaints_guide_propose", args=[guide.pk])).status_code == 404


def ask(purchase, guide: Guide, times: int) -> None:
    for number in range(times):
        problem = make_problem(kind="inquiry", subject=f"Pregunta {number}", text=f"¿Cómo? {number}")
        other = factories.make_purchase(purchase.customer, product=purchase.product)
        case, _is_new = open_complaint(purchase.brand, problem, purchase=other, now=NOW)
        GuideQuestion.objects.create(guide=guide, complaint=case, created_at=NOW)


def test_what_many_ask_is_counted_and_taken_into_the_catalogue_with_one_click(brand, purchase, sofia, time_machine):
    time_machine.move_to(NOW + timedelta(days=1))
    guide = make_guide(brand)
    ask(purchase, guide, 5)
    desk = client_of(sofia)

    listed = desk.get(reverse("admin:complaints_guide_changelist")).content.decode()
    page = desk.get(reverse("admin:complaints_guide_change", args=[guide.pk])).content.decode()
    for _ in range(2):
        desk.post(reverse("admin:complaints_guide_propose", args=[guide.pk]))

    assert "Botas de montaña: 5 questions in 90 days" in listed
    assert "worth telling" in listed
    assert "Many ask about this" in page
    fact = Fact.objects.get(code="como_se_limpian_las_botas")
    assert fact.labels == {"es": SPANISH.title, "en": ENGLISH.title}
    guide.refresh_from_db()
    assert guide.fact == fact


def test_a_fact_needs_words_in_every_language_and_a_name_of_its_own(brand, sofia):
    half = make_guide(brand, en=Words("", ""))
    with pytest.raises(ValidationError, match="en"):
        propose_fact(half, by=sofia)
    Fact.objects.create(brand=brand, code="x", labels={"es": SPANISH.title})
    with pytest.raises(ValidationError) as refusal:
        propose_fact(make_guide(brand), by=sofia)
    assert refusal.value.code == "known_fact"


def test_who_may_only_read_proposes_nothing(brand):
    rita = factories.make_staff(brand, "Rita", Membership.Role.READ_ONLY)

    with pytest.raises(PermissionDenied):
        propose_fact(make_guide(brand), by=rita)


def test_the_page_of_guides_costs_the_same_with_many(brand, django_assert_num_queries):
    url = reverse("complaints:help", args=[brand.slug])
    make_guide(brand)
    Client().get(url)
    with django_assert_num_queries(4):
        Client().get(url)
    for number in range(4):
        make_guide(brand, Words(f"Guía {number}", "x"))
    with django_assert_num_queries(4):
        Client().get(url)
