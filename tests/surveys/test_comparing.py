"""Two versions beside each other: what differs, and what may still be counted together."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Brand
from surveys.comparing import Change, compare
from surveys.drafting import moved, with_own, without
from surveys.models import Question, Survey, Wave
from surveys.services.editing import begin_draft, store_questions
from surveys.standard import publish_standard_survey
from tests import factories


def question(key: str, position: int = 0, **fields: object) -> Question:
    defaults = {"kind": "scale", "low": 1, "high": 5, "texts": {"es": "¿Qué tal?"}, "options": [], "condition": {}}
    return Question(key=key, position=position, **{**defaults, **fields})


def test_the_same_has_no_changes() -> None:
    [difference] = compare([question("csat")], [question("csat")])

    assert (difference.changes, difference.is_comparable) == ([], True)


def test_rewording_stays_comparable() -> None:
    before = question("csat", options=[{"code": "1", "labels": {"es": "Mala"}}])
    texts, options = {"es": "¿Y bien?", "en": "Well?"}, [{"code": "1", "labels": {"es": "Fatal"}}]
    after = question("csat", texts=texts, options=options, condition={"question": "nps", "is": "1"})

    [difference] = compare([before], [after])

    assert difference.is_comparable
    assert difference.changes == [
        Change("text", "es", "¿Qué tal?", "¿Y bien?"),
        Change("text", "en", "", "Well?"),
        Change("option", "es", "Mala", "Fatal"),
        Change("condition", "", "", ""),
    ]


@pytest.mark.parametrize("other", [{"high": 7}, {"kind": "text", "low": None, "high": None}])
def test_another_kind_or_scale_is_not(other: dict[str, object]) -> None:
    [difference] = compare([question("csat")], [question("csat", **other)])

    assert not difference.is_comparable


def test_what_comes_goes_and_moves() -> None:
    before = [question(key, n) for n, key in enumerate(["csat", "nps", "keep"])]
    after = [question(key, n) for n, key in enumerate(["csat", "keep", "own_1"])]
    swapped = [question(key, n) for n, key in enumerate(["csat", "keep", "nps"])]

    assert [(d.key, bool(d.before), bool(d.after), d.changes) for d in compare(before, after)] == [
        ("csat", True, True, []),
        ("keep", True, True, []),
        ("own_1", False, True, []),
        ("nps", True, False, []),
    ]
    assert [(d.key, d.changes) for d in compare(before, swapped)] == [
        ("csat", []),
        ("keep", [Change("place", "", "3", "2")]),
        ("nps", [Change("place", "", "2", "3")]),
    ]


# --- Page ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def brand(db: None) -> Brand:
    return factories.make_brand()


def address(survey: Survey, other: Survey) -> str:
    return reverse("admin:surveys_survey_compare", args=[survey.pk, other.pk])


def test_staff_read_what_differs(client: Client, brand: Brand) -> None:
    client.force_login(factories.make_staff(brand))
    first = publish_standard_survey(brand)
    draft = begin_draft(brand, Wave.FIRST)
    questions = with_own(moved(without(list(draft.questions.order_by("position")), "nps"), "promise", 1), "text", [])
    questions[0].texts = {**questions[0].texts, "es": "¿Y tu <compra>?"}
    store_questions(draft, questions, edits=0)

    page = client.get(address(draft, first))

    states = {one.title.partition(". ")[2]: one.state for one in page.context["changed"]}
    assert states["¿Y tu <compra>?"] == "changed"
    assert sorted(states.values()) == ["added", "changed", "changed", "changed", "removed"]
    assert "En general, ¿cómo valoras tu compra?" in page.text
    assert "&lt;compra&gt;" in page.text
    assert address(first, draft) in client.get(reverse("admin:surveys_survey_change", args=[first.pk])).text


def test_only_versions_of_one_survey_are_compared(client: Client, brand: Brand) -> None:
    client.force_login(factories.make_staff(brand))
    ours = publish_standard_survey(brand)
    later = publish_standard_survey(brand, Wave.FOLLOW_UP)
    theirs = publish_standard_survey(factories.make_brand("otra"))

    assert client.get(address(ours, ours)).status_code == 200
    assert client.get(address(ours, later)).status_code == 404
    assert client.get(address(ours, theirs)).status_code == 404
