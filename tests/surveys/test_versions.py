"""What somebody was asked stays what it was: versions of a survey, and what the database refuses."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Brand
from surveys.models import Question, Survey
from surveys.standard import publish_standard_survey
from tests import factories
from tests.surveys.factories import make_invitation

pytestmark = pytest.mark.django_db

CHANGES: dict[str, Callable[[Survey], object]] = {
    "wording": lambda survey: survey.questions.filter(key="csat").update(texts={"es": "¿Qué tal?"}),
    "scale": lambda survey: survey.questions.filter(key="nps").update(high=5),
    "removal": lambda survey: survey.questions.filter(key="nps").delete(),
    "addition": lambda survey: Question.objects.create(survey=survey, key="own_1", kind="text", position=99),
    "mail": lambda survey: Survey.objects.filter(pk=survey.pk).update(mail_texts={"es": {"subject": "Hola"}}),
}


@pytest.fixture
def brand() -> Brand:
    return factories.make_brand()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_database_refuses_to_change_what_somebody_was_asked(
    brand: Brand, change: Callable[[Survey], object]
) -> None:
    survey = publish_standard_survey(brand)
    make_invitation(factories.make_purchase(factories.make_customer(brand)))
    before = list(survey.questions.order_by("pk").values())

    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        change(survey)

    assert list(survey.questions.order_by("pk").values()) == before
    assert Survey.objects.get(pk=survey.pk).mail_texts == {}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_nobody_was_asked_may_change(brand: Brand, change: Callable[[Survey], object]) -> None:
    change(publish_standard_survey(brand))


def test_an_asked_version_can_be_retired(brand: Brand) -> None:
    survey = publish_standard_survey(brand)
    make_invitation(factories.make_purchase(factories.make_customer(brand)))

    survey.status = Survey.Status.RETIRED
    survey.save()

    assert Survey.objects.get().status == Survey.Status.RETIRED
