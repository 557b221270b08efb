"""How customers say that their cases ended."""

from datetime import timedelta

import pytest
from django.utils.translation import override

from accounts.models import Brand
from dashboards.pages.cases import endings_said
from insights.endings import Endings, endings_of
from surveys.models import Answer, Invitation, Question, Response, Wave
from surveys.standard import publish_standard_survey
from tests.factories import NOW, make_brand

DAY = timedelta(days=1)


def end(brand: Brand, case: int, *, at=NOW, is_suspect: bool = False, **numbers: int) -> None:
    survey = publish_standard_survey(brand, Wave.CLOSING)
    invitation = Invitation.objects.create(
        brand=brand, survey=survey, wave=Wave.CLOSING, occasion=f"complaint:{case}", state=Invitation.State.QUEUED
    )
    response = Response.objects.create(
        brand=brand, invitation=invitation, answered_at=at, updated_at=at, is_suspect=is_suspect
    )
    for key, number in numbers.items():
        question = Question.objects.get(survey=survey, key=key)
        Answer.objects.create(response=response, question=question, number=number)


@pytest.mark.django_db
def test_answers_to_closed_cases_of_the_brand_and_the_time_are_counted(django_assert_num_queries):
    brand = make_brand()
    for case, (solved, ces) in enumerate([(3, 7), (3, 5), (1, 3)]):
        end(brand, case, solved=solved, ces=ces)
    end(brand, 10, solved=2)
    end(brand, 11, solved=1, ces=1, is_suspect=True)
    end(brand, 12, solved=1, ces=1, at=NOW - 2 * DAY)
    end(make_brand("Otra"), 13, solved=1, ces=1)

    with django_assert_num_queries(2):
        endings = endings_of(brand, since=NOW - DAY, until=NOW + DAY)

    assert (endings.answered, endings.solved, endings.rated) == (4, 2, 3)
    # 5 ± t(0.975, 2) × 2/√3 = 5 ± 4.97, and a scale of 1 to 7 ends where it ends
    assert endings.ease == (5.0, 1.0, 7.0)


def test_they_are_said_in_sentences_as_far_as_there_are_answers():
    with override("en"):
        assert list(endings_said(Endings(0, 0, 0, None))) == []
        assert list(endings_said(Endings(1, 1, 1, None))) == [
            "Of 1 customer who said how their case ended, 100% say that it was put right."
        ]
        assert list(endings_said(Endings(40, 30, 38, (5.84, 5.2, 6.48)))) == [
            "Of 40 customers who said how their case ended, 75% say that it was put right.",
            "“They made it easy for me”: 5.8 of 7 on average, between 5.2 and 6.5 with 95% confidence (38 answers).",
        ]
