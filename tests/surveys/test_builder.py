"""The builder as staff use it: what its page offers is posted back, as a browser without script would."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Brand, Membership
from surveys.models import Answer, Question, Response, Survey, Wave
from surveys.services.editing import publish_draft
from surveys.standard import FIRST_WAVE
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


class Fields(HTMLParser):
    """The form's fields as a browser would send them, buttons left out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._in, self._select = "", ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "input" and name:
            self.values[name] = given.get("value") or ""
        elif tag == "textarea":
            self._in, self.values[name] = name, ""
        elif tag == "select":
            self._select = name
            self.values.setdefault(name, "")
        elif tag == "option" and "selected" in given:
            self.values[self._select] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        self._in = "" if tag == "textarea" else self._in

    def handle_data(self, data: str) -> None:
        if self._in:
            self.values[self._in] += data


def address(survey: Survey, page: str = "change") -> str:
    return reverse(f"admin:surveys_survey_{page}", args=[survey.pk])


def fields(client: Client, survey: Survey) -> dict[str, str]:
    page = client.get(address(survey))
    assert page.status_code == 200
    return Fields(page.text).values


def press(client: Client, survey: Survey, act: str, **typed: str) -> Any:
    return client.post(address(survey), {**fields(client, survey), **typed, "act": act}, follow=True)


def keys(survey: Survey) -> list[str]:
    return list(survey.questions.order_by("position").values_list("key", flat=True))


def question(survey: Survey, key: str) -> Question:
    return survey.questions.get(key=key)


def stored(survey: Survey) -> list[Any]:
    return list(survey.questions.order_by("position").values("key", "texts", "options", "condition", "low", "high"))


def test_saving_the_page_as_it_is_changes_nothing(desk: Client, draft: Survey) -> None:
    before = stored(draft)

    page = press(desk, draft, "save")

    assert page.status_code == 200
    assert stored(draft) == before


def test_saving_as_it_is_changes_nothing_where_a_brand_says_usted(desk: Client, brand: Brand, draft: Survey) -> None:
    Brand.objects.update(formality=Brand.Formality.USTED)
    before = stored(draft)

    press(desk, draft, "save")
    press(desk, draft, "save", **{"nps.text.es-x-usted": "¿Nos recomendaría?"})

    assert question(draft, "nps").texts["es-x-usted"] == "¿Nos recomendaría?"
    assert question(draft, "nps").texts["es"] == next(one.texts["es"] for one in FIRST_WAVE if one.key == "nps")
    assert [row for row in stored(draft) if row["key"] != "nps"] == [row for row in before if row["key"] != "nps"]


def test_words_are_edited_side_by_side(desk: Client, draft: Survey) -> None:
    typed = {
        "nps.text.es": "  ¿Nos recomendarías?\r\n",
        "nps.text.en": "Would you recommend us?",
        "nps.text.es.service": "¿Recomendarías el servicio?",
        "csat.label.1.es": "Fatal",
    }

    press(desk, draft, "save", **typed)

    # The standard's words with «usted», which this brand does not show, go with those they were.
    assert question(draft, "nps").texts == {
        "es": "¿Nos recomendarías?",
        "en": "Would you recommend us?",
        "es.service": "¿Recomendarías el servicio?",
    }
    assert question(draft, "csat").options[0]["labels"]["es"] == "Fatal"


def test_markup_and_controls_are_only_text(desk: Client, draft: Survey) -> None:
    page = press(desk, draft, "save", **{"nps.text.es": '</textarea><script>alert(1)</script>\x00"'})

    assert question(draft, "nps").texts["es"] == '</textarea><script>alert(1)</script>"'
    assert "<script>alert" not in page.text


def test_a_question_of_ones_own_from_adding_to_publishing(desk: Client, draft: Survey) -> None:
    press(desk, draft, "add-own", kind="choice")
    press(desk, draft, "publish", **{"own_1.text.es": "¿Volverías?"})
    assert Survey.objects.get(pk=draft.pk).status == Survey.Status.DRAFT
    assert question(draft, "own_1").texts == {"es": "¿Volverías?"}  # kept although it is unfinished

    press(desk, draft, "add-option:own_1", **{"own_1.label.o1.es": "Sí", "own_1.label.o1.en": "Yes"})
    press(desk, draft, "remove-option:own_1:o2")
    typed = {"own_1.text.en": "Again?", "own_1.label.o3.es": "No", "own_1.label.o3.en": "No"}
    press(desk, draft, "publish", **typed)

    published = Survey.objects.published(draft.brand, Wave.FIRST).get()
    assert published == draft
    assert question(published, "own_1").options == [
        {"code": "o1", "labels": {"es": "Sí", "en": "Yes"}},
        {"code": "o3", "labels": {"es": "No", "en": "No"}},
    ]
    assert LogEntry.objects.filter(object_id=draft.pk, change_message="published").exists()


def test_an_own_scale_gets_words_for_its_points(desk: Client, draft: Survey) -> None:
    press(desk, draft, "add-own", kind="scale_10")
    ends = {"own_1.label.10.es": "Mucho", "own_1.label.0.es": "Nada", "own_1.label.none.es": "No lo sé"}

    press(desk, draft, "save", **ends)

    assert question(draft, "own_1").options == [
        {"code": "0", "labels": {"es": "Nada"}},
        {"code": "10", "labels": {"es": "Mucho"}},
        {"code": "none", "labels": {"es": "No lo sé"}},
    ]


def test_questions_move_go_and_come_back(desk: Client, draft: Survey) -> None:
    before = keys(draft)
    second, third = before[1], before[2]

    press(desk, draft, f"down:{second}")
    assert keys(draft)[1:3] == [third, second]

    press(desk, draft, f"up:{second}")
    press(desk, draft, "remove:nps")
    assert keys(draft) == [key for key in before if key != "nps"]

    press(desk, draft, "add-standard", standard="nps")
    assert keys(draft) == before


def test_a_condition_is_a_sentence_of_selects(desk: Client, draft: Survey) -> None:
    press(
        desk,
        draft,
        "save",
        **{"contact.when.question": "nps", "contact.when.how": "at_most", "contact.when.value": "nps:6"},
    )
    assert question(draft, "contact").condition == {"question": "nps", "at_most": 6}

    press(desk, draft, "save", **{"contact.when.question": "missing", "contact.when.value": "missing:yes"})
    page = press(desk, draft, "save", **{"contact.when.how": "is", "contact.when.value": "nps:6"})
    assert question(draft, "contact").condition == {"question": "missing", "is": ""}
    assert page.context["problems"][0][0] == "q-contact"

    press(desk, draft, "save", **{"contact.when.question": ""})
    assert question(draft, "contact").condition == {}


def test_what_the_analysis_rests_on_is_not_offered_and_not_taken(desk: Client, draft: Survey) -> None:
    offered = fields(desk, draft)
    assert "missing_facts.when.question" not in offered
    assert "affiliate_rating.when.question" not in offered
    assert "csat.when.question" not in offered

    before = stored(draft)
    forged = {"missing_facts.when.question": "", "affiliate_rating.when.question": "csat", "csat.kind": "text"}
    press(desk, draft, "remove-option:csat:5", **forged)

    after = stored(draft)
    assert [row | {"options": []} for row in after] == [row | {"options": []} for row in before]


def test_the_first_question_stays(desk: Client, draft: Survey) -> None:
    assert 'value="remove:csat"' not in desk.get(address(draft)).text

    page = press(desk, draft, "down:csat")

    assert page.context["problems"]
    press(desk, draft, "publish")
    assert Survey.objects.get(pk=draft.pk).status == Survey.Status.DRAFT


def test_two_who_edit_lose_nothing(desk: Client, brand: Brand, draft: Survey) -> None:
    mine = fields(desk, draft)
    press(desk, draft, "save", **{"nps.text.es": "De Aitor"})

    page = desk.post(address(draft), {**mine, "nps.text.es": "Mío", "act": "save"})

    assert question(draft, "nps").texts["es"] == "De Aitor"
    again = Fields(page.text).values
    assert again["nps.text.es"] == "Mío"
    desk.post(address(draft), {**again, "act": "save"})
    assert question(draft, "nps").texts["es"] == "Mío"


def test_a_published_version_is_read_and_a_new_one_begun(desk: Client, draft: Survey) -> None:
    publish_draft(draft, now=NOW)
    page = desk.get(address(draft))
    assert "En general, ¿cómo valoras tu compra?" in page.text
    assert 'name="nps.text.es"' not in page.text

    desk.post(address(draft), {"act": "save", "nps.text.es": "Otra cosa", "edits": "0"})
    assert question(draft, "nps").texts["es"] != "Otra cosa"

    page = desk.post(address(draft, "draft"), follow=True)
    assert page.redirect_chain[-1][0] == address(Survey.objects.get(version=3))


def test_a_draft_is_thrown_away_after_a_question(desk: Client, draft: Survey) -> None:
    desk.get(address(draft, "discard"))
    assert Survey.objects.filter(pk=draft.pk).exists()

    desk.post(address(draft, "discard"))
    assert not Survey.objects.filter(pk=draft.pk).exists()

    published = Survey.objects.get()
    desk.post(address(published, "discard"))
    assert Survey.objects.get() == published


def test_a_version_is_begun_from_the_list(desk: Client, brand: Brand) -> None:
    url = reverse("admin:surveys_survey_add")
    assert desk.get(url).status_code == 200

    desk.post(url, {"wave": "follow_up"})
    desk.post(url, {"wave": "nonsense"})

    assert list(brand.surveys.values_list("wave", "version", "status")) == [("follow_up", 1, "draft")]


# --- Preview ---------------------------------------------------------------------------------------------------------
def test_the_preview_shows_the_unsaved_form_and_records_nothing(desk: Client, draft: Survey) -> None:
    before = stored(draft)
    typed = {**fields(desk, draft), "nps.text.es": "¿Recomendarías {brand}?", "nps.text.en": "Recommend {brand}?"}

    spanish = desk.post(address(draft, "preview"), typed)
    english = desk.post(address(draft, "preview"), {**typed, "preview_language": "en"})

    assert "¿Recomendarías Lumbre?" in spanish.text
    assert 'lang="es"' in spanish.text
    assert "Recommend Lumbre?" in english.text
    assert 'lang="en"' in english.text
    assert stored(draft) == before
    assert not Response.objects.exists()
    assert not Answer.objects.exists()


def test_the_preview_knows_kinds_and_who_recommended(desk: Client, draft: Survey) -> None:
    goods = desk.get(address(draft, "preview"), {"preview_kind": "goods"}).text
    service = desk.get(address(draft, "preview"), {"preview_kind": "service", "preview_credited": "no"}).text

    assert "Lo que recibiste" in goods
    assert "Lo que recibiste" not in service
    rating = "¿Cómo valoras la información y el trato"
    assert rating in goods
    assert rating not in service


def test_only_the_builder_frames_its_preview(desk: Client, draft: Survey) -> None:
    page, preview = desk.get(address(draft)), desk.get(address(draft, "preview"))

    def directive(response: Any, name: str) -> str:
        policy = response.headers["Content-Security-Policy"]
        return next(part.strip() for part in policy.split(";") if part.strip().startswith(name))

    assert directive(page, "frame-src") == "frame-src 'self'"
    assert directive(page, "frame-ancestors") == "frame-ancestors 'none'"
    assert directive(preview, "frame-ancestors") == "frame-ancestors 'self'"
    assert preview.headers["X-Frame-Options"] == "SAMEORIGIN"
    [frame] = re.findall(r"<iframe[^>]*>", page.text)
    assert 'sandbox=""' in frame


# --- Who may ---------------------------------------------------------------------------------------------------------
def test_who_may_only_read_changes_nothing(client: Client, brand: Brand, draft: Survey) -> None:
    client.force_login(factories.make_staff(brand, "Lena", role=Membership.Role.READ_ONLY))
    before = stored(draft)

    assert client.get(address(draft)).status_code == 200
    assert client.get(address(draft, "preview")).status_code == 200
    assert client.post(address(draft), {"act": "publish", "edits": "0"}).status_code == 403
    for page in ("draft", "discard"):
        assert client.post(address(draft, page)).status_code == 403
    assert client.get(reverse("admin:surveys_survey_add")).status_code == 403
    assert stored(draft) == before
    assert Survey.objects.get(pk=draft.pk).status == Survey.Status.DRAFT


def test_a_role_in_another_brand_gives_none_in_this(client: Client, brand: Brand, draft: Survey) -> None:
    lena = factories.make_staff(brand, "Lena", role=Membership.Role.READ_ONLY)
    Membership.objects.create(user=lena, brand=factories.make_brand("otra"), role=Membership.Role.ADMIN)
    client.force_login(lena)

    assert client.post(address(draft), {"act": "publish", "edits": "0"}).status_code == 403
    assert client.post(address(draft, "discard")).status_code == 403


def test_another_brands_surveys_are_not_there(client: Client, draft: Survey) -> None:
    client.force_login(factories.make_staff(factories.make_brand("otra"), "Olga"))

    for page in ("change", "preview", "discard"):
        assert client.get(address(draft, page)).status_code == 404
    for page in ("change", "preview", "discard", "draft"):
        assert client.post(address(draft, page), {"act": "publish"}).status_code == 404


def test_pages_take_as_many_statements_for_few_questions_as_for_many(desk: Client, draft: Survey) -> None:
    def statements(page: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(address(draft, page)).status_code == 200
        return len(captured)

    desk.get(address(draft))
    with_many = [statements(page) for page in ("change", "preview")]
    draft.questions.exclude(key__in=["csat", "missing_facts", "keep"]).delete()

    assert [statements(page) for page in ("change", "preview")] == with_many
