"""Which words somebody agreed to stays known, whatever the box says later."""

import pytest

from surveys.models import ConsentWording, GivenConsent, Response
from surveys.services.answering import AnswerData, Given, submit_response
from surveys.services.consenting import keep_consent
from tests.factories import NOW
from tests.world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    world = make_world()
    GivenConsent.objects.all().delete()
    return world


def told() -> list[tuple[str, bool]]:
    return [(each.wording.text, each.withdrawn_at is None) for each in GivenConsent.objects.order_by("pk")]


def answer(*, publishes: bool, wording: str, suspicions: tuple[str, ...] = ()) -> None:
    data = AnswerData({"csat": Given(number=1)}, publishes=publishes, publish_wording=wording)
    submit_response(Response.objects.get().invitation, data, language="es", suspicions=suspicions, now=NOW)


def test_the_words_are_kept_with_the_answer_and_once_a_version(world: World) -> None:
    answer(publishes=True, wording="Podéis publicarlo.")
    assert told() == [("Podéis publicarlo.", True)]

    answer(publishes=False, wording="Podéis publicarlo.")
    assert told() == [("Podéis publicarlo.", False)]

    answer(publishes=True, wording="Podéis publicarlo con mi mes.")
    assert told() == [("Podéis publicarlo.", False), ("Podéis publicarlo con mi mes.", True)]


def test_saying_it_again_changes_nothing(world: World) -> None:
    answer(publishes=True, wording="Podéis publicarlo.")
    answer(publishes=True, wording="Otra cosa.")

    assert told() == [("Podéis publicarlo.", True)]


@pytest.mark.parametrize("publishes", [True, False])
def test_nobody_is_held_to_what_a_machine_agreed_to(world: World, *, publishes: bool) -> None:
    Response.objects.update(is_suspect=True)
    answer(publishes=True, wording="Lo de la máquina.", suspicions=("honeypot",))

    answer(publishes=publishes, wording="Lo mío.")

    assert told() == [("Lo de la máquina.", False), *([("Lo mío.", True)] if publishes else [])]


def test_two_customers_agree_to_one_version(world: World) -> None:
    response = Response.objects.get()
    before = ConsentWording.objects.count()
    keep_consent(response, wording="Lo mismo.", now=NOW)
    keep_consent(response, wording="Lo mismo.", now=NOW)

    assert ConsentWording.objects.count() == before + 1
    assert told() == [("Lo mismo.", False), ("Lo mismo.", True)]
