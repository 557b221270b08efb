"""What customers say of how their cases ended: whether it was put right, and how easy they found it. For staff."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from accounts.models import Brand
from insights.statistics import mean_interval
from surveys.models import Answer, Question, Wave

SOLVED = 3  # «Yes» to whether it was put right: 1 is no, 2 in part
EASIEST = 7  # of the scale of effort (CES): full agreement that it was made easy


@dataclass(frozen=True)
class Endings:
    """Of the answers to the question after a closed case."""

    answered: int
    solved: int
    rated: int  # how many said how easy it was
    ease: tuple[float, float, float] | None  # mean of 1 to 7, and between what it lies with 95 % confidence

    @property
    def solved_share(self) -> float | None:
        return self.solved / self.answered if self.answered else None


def endings_of(brand: Brand, *, since: datetime, until: datetime) -> Endings:
    """What was answered in this time, from its beginning and before its end; two statements."""
    counts: dict[str, Counter[int]] = {"solved": Counter(), "ces": Counter()}
    asked = Question.objects.filter(survey__brand=brand, survey__wave=Wave.CLOSING, key__in=counts)
    questions = dict(asked.values_list("pk", "key"))
    answers = Answer.objects.filter(
        question__in=list(questions),
        number__isnull=False,
        response__brand=brand,
        response__is_suspect=False,
        response__answered_at__gte=since,
        response__answered_at__lt=until,
    )
    for question, number, n in answers.order_by().values_list("question", "number").annotate(n=Count("pk")):
        counts[questions[question]][number] += n
    solved, ease = counts["solved"], counts["ces"]
    return Endings(solved.total(), solved[SOLVED], ease.total(), _within_scale(mean_interval(list(ease.elements()))))


def _within_scale(found: tuple[float, float, float] | None) -> tuple[float, float, float] | None:
    if found is None:
        return None
    mean, low, high = found
    return mean, max(1.0, low), min(float(EASIEST), high)
