"""How a survey comes to be: a draft is begun, edited as often as it takes, and published in one step or thrown away.

Only drafts change. Two people who edit one at once notice each other by its count of edits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.models import Brand
from surveys.drafting import problems_in, standard_questions
from surveys.models import Question, Survey, Wave

MailTexts = Mapping[str, Mapping[str, str]]
QUESTION_FIELDS = ("kind", "position", "is_required", "texts", "low", "high", "options", "condition")


@transaction.atomic
def begin_draft(brand: Brand, wave: str, *, source: Survey | None = None) -> Survey:
    """The wave's next version: like `source`, else like the newest, else the standard one; or the draft there is.

    One draft a wave: two would be published over each other.
    """
    _lock(brand)
    versions = Survey.objects.filter(brand=brand, wave=wave)
    if draft := versions.filter(status=Survey.Status.DRAFT).first():
        return draft
    source = source or versions.order_by("-version").first()
    number = (versions.aggregate(latest=Max("version"))["latest"] or 0) + 1
    draft = Survey.objects.create(
        brand=brand, wave=wave, version=number, mail_texts=source.mail_texts if source else {}
    )
    questions = (
        list(source.questions.order_by("position"))
        if source
        else [Question(**asdict(question)) for question in standard_questions(wave).values()]
    )
    Question.objects.bulk_create(
        Question(survey=draft, key=question.key, **_fields(question, place)) for place, question in enumerate(questions)
    )
    return draft


@transaction.atomic
def store_questions(draft: Survey, questions: Sequence[Question], *, edits: int) -> Survey:
    """Let the draft have these questions in this order. It may be unfinished: `publish_draft` judges.

    `edits`: the draft's count when the editor's page was made. ValidationError: no draft any more, or changed since.
    """
    locked = _locked_draft(draft, edits=edits)
    locked.questions.exclude(key__in=[question.key for question in questions]).delete()
    stored = dict(locked.questions.values_list("key", "pk"))
    rows = [
        Question(pk=stored.get(question.key), survey=locked, key=question.key, **_fields(question, place))
        for place, question in enumerate(questions)
    ]
    Question.objects.bulk_create(row for row in rows if row.pk is None)
    Question.objects.bulk_update([row for row in rows if row.pk in stored.values()], QUESTION_FIELDS)
    return _count_edit(locked)


@transaction.atomic
def store_mail_texts(draft: Survey, texts: MailTexts, *, edits: int) -> Survey:
    """By language, `subject`, `preheader` and so on; what is empty is said as the standard says it."""
    locked = _locked_draft(draft, edits=edits)
    said = {language: {name: text for name, text in by_name.items() if text} for language, by_name in texts.items()}
    locked.mail_texts = {language: by_name for language, by_name in said.items() if by_name}
    locked.save(update_fields=["mail_texts"])
    return _count_edit(locked)


@transaction.atomic
def publish_draft(draft: Survey, *, now: datetime) -> Survey:
    """From here on customers are asked by this version; the one before is retired. Who was sent it keeps it.

    ValidationError: with all that is still wrong.
    """
    _lock(draft.brand)
    locked = _locked_draft(draft)
    found = problems_in(
        list(locked.questions.order_by("position")),
        brand=locked.brand,
        wave=locked.wave,
        earlier=questions_before(locked),
    )
    if found:
        raise ValidationError([ValidationError(problem.message, code="unfinished") for problem in found])
    Survey.objects.published(locked.brand, locked.wave).update(status=Survey.Status.RETIRED)
    locked.status, locked.published_at = Survey.Status.PUBLISHED, now
    locked.catching_up_after = 0 if locked.wave == Wave.FOLLOW_UP else None
    locked.save(update_fields=["status", "published_at", "catching_up_after"])
    return locked


@transaction.atomic
def discard_draft(draft: Survey) -> None:
    """Nobody was ever asked by it, so nothing is lost but the work."""
    locked = _locked_draft(draft)
    locked.questions.all().delete()
    locked.delete()


def questions_before(survey: Survey) -> Iterable[Question]:
    """The questions of the wave's earlier versions, oldest first: what is counted under their keys."""
    versions = Survey.objects.filter(brand=survey.brand_id, wave=survey.wave, version__lt=survey.version)
    return Question.objects.filter(survey__in=versions.exclude(status=Survey.Status.DRAFT)).order_by("survey__version")


def _lock(brand: Brand) -> None:
    """As publish_standard_survey does: one at a time decides which version a brand asks by."""
    Brand.objects.select_for_update(no_key=True).get(pk=brand.pk)


def _locked_draft(draft: Survey, *, edits: int | None = None) -> Survey:
    locked = Survey.objects.select_for_update(of=("self",)).select_related("brand").filter(pk=draft.pk).first()
    if locked is None or locked.status != Survey.Status.DRAFT:
        raise ValidationError(_("This is not a draft any more, so it cannot be changed."), code="not_a_draft")
    if edits is not None and locked.edits != edits:
        message = _("Somebody else has changed this draft meanwhile. Save again to let yours stand instead.")
        raise ValidationError(message, code="edited_meanwhile")
    return locked


def _count_edit(survey: Survey) -> Survey:
    survey.edits += 1
    survey.save(update_fields=["edits"])
    return survey


def _fields(question: Question, place: int) -> dict[str, object]:
    """The first question alone must be answered."""
    return {name: getattr(question, name) for name in QUESTION_FIELDS} | {
        "position": place,
        "is_required": place == 0,
    }
