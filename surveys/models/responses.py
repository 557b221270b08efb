"""What they said, and what they had said before."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models import Affiliate
from surveys.models.invitations import Invitation
from surveys.models.questionnaires import Question

NEEDS_FOLLOW_UP = Q(is_suspect=False, followed_up_at__isnull=True) & ~Q(follow_up="none")


class ResponseQuerySet(BrandOwnedQuerySet["Response"]):
    def counted(self) -> "ResponseQuerySet":
        """What figures are made of: suspect answers count nowhere."""
        return self.filter(is_suspect=False)

    def complete(self) -> "ResponseQuerySet":
        """Those whose customers came to the end, or said that this was all, and more than the first answer."""
        return self.filter(resumes_at=None, pk__in=self._with_more_than_one_answer())

    def partial(self) -> "ResponseQuerySet":
        """Saved as far as the customer came. They count like the others; only rates of response tell them apart."""
        return self.exclude(resumes_at=None, pk__in=self._with_more_than_one_answer())

    def _with_more_than_one_answer(self) -> Any:
        answers = Answer.objects.order_by().values("response").annotate(n=models.Count("pk"))
        return answers.filter(n__gt=1).values("response")

    def needing_follow_up(self) -> "ResponseQuerySet":
        """Bad answers that no case has taken up since they were last changed."""
        return self.filter(NEEDS_FOLLOW_UP).order_by("id")


class Response(models.Model):
    """All that one customer answered to one invitation."""

    class FollowUp(models.TextChoices):
        """How bad it was: what the case that it opens will weigh."""

        NONE = "none", _("None")
        LOW = "low", _("Low")
        MEDIUM = "medium", _("Medium")
        HIGH = "high", _("High")

    class Source(models.TextChoices):
        WEB = "web", _("Survey page")
        IMPORT = "import", _("Import")

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="responses", verbose_name=_("brand"), db_index=False)
    invitation = models.OneToOneField(Invitation, models.PROTECT, related_name="response", verbose_name=_("invitation"))
    external_id = models.CharField(_("id in the other tool"), max_length=120, null=True, blank=True)
    source = models.CharField(_("source"), max_length=6, choices=Source, default=Source.WEB)
    language = models.CharField(_("language"), max_length=10, blank=True)
    answered_at = models.DateTimeField(_("answered at"), help_text=_("The first time; later changes keep it."))
    updated_at = models.DateTimeField(_("changed at"))
    is_suspect = models.BooleanField(_("suspect"), default=False, help_text=_("Counts nowhere until somebody decides."))
    suspect_reasons = ArrayField(
        models.CharField(max_length=30), verbose_name=_("why suspect"), default=list, blank=True
    )
    hides_comment = models.BooleanField(_("refuses that the comment is shown"), default=False)
    publishes = models.BooleanField(_("agrees to publication"), default=False)
    # May the affiliate ever see its words? Web answers unless refused; imports only when the import says so.
    is_quotable = models.BooleanField(_("may be quoted"), default=True)
    follow_up = models.CharField(_("follow-up"), max_length=6, choices=FollowUp, default=FollowUp.NONE)
    followed_up_at = models.DateTimeField(_("taken up by a case at"), null=True, blank=True)
    # Where its link goes on, while its customer is on the way from step to step.
    resumes_at = models.PositiveSmallIntegerField(_("next step"), null=True, blank=True)
    # In whose figures it stays once its customer was erased, and its purchase gone with them.
    kept_for = models.ForeignKey(
        Affiliate, models.PROTECT, null=True, blank=True, related_name="+", db_index=False, verbose_name=_("stays with")
    )

    # Nothing leads to anybody any more: they were erased, or it is too old.
    is_unlinked = models.BooleanField(_("is nobody's"), default=False, db_default=False, editable=False)

    objects = ResponseQuerySet.as_manager()

    class Meta:
        verbose_name = _("response")
        verbose_name_plural = _("responses")
        ordering = ["-answered_at", "-id"]
        indexes = [
            models.Index(fields=["brand", "-answered_at", "-id"], name="response_newest"),
            models.Index(
                fields=["brand", "-answered_at", "-id"], name="response_suspects", condition=Q(is_suspect=True)
            ),
            models.Index(fields=["id"], name="response_follow_up", condition=NEEDS_FOLLOW_UP),
            # Whose time comes next, however many have gone before.
            models.Index(fields=["answered_at"], name="response_linked", condition=Q(is_unlinked=False)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["brand", "external_id"], name="response_external_id_once"),
            models.CheckConstraint(
                condition=Q(follow_up__in=["none", "low", "medium", "high"]), name="response_follow_up_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invitation_id} · {self.answered_at:%Y-%m-%d}"


ACCENTED, PLAIN = "áàâãäéèêëíìîïóòôõöúùûüçñ", "aaaaaeeeeiiiiooooouuuucn"


class Stems(models.Func):
    """Words as they are searched for: small, without accents, by their Spanish stems. Those of other languages too:
    what is asked for is cut as what was said, so that both meet.
    """

    template = f"to_tsvector('pg_catalog.spanish', translate(lower(%(expressions)s), '{ACCENTED}', '{PLAIN}'))"
    output_field = SearchVectorField()


class AnswerQuerySet(BrandOwnedQuerySet["Answer"]):
    brand_path = "response__brand"


class Answer(models.Model):
    """The answer to one question: a number, codes or words, as the question's kind has it."""

    class AspectsFrom(models.TextChoices):
        WORDS = "words", _("Suggested by the words")
        STAFF = "staff", _("Set by staff")

    response = models.ForeignKey(
        Response, models.CASCADE, related_name="answers", verbose_name=_("response"), db_index=False
    )
    question = models.ForeignKey(Question, models.PROTECT, related_name="answers", verbose_name=_("question"))
    number = models.SmallIntegerField(_("number"), null=True, blank=True)
    codes = ArrayField(models.CharField(max_length=40), verbose_name=_("codes"), default=list, blank=True)
    text = models.TextField(_("words"), blank=True)
    # The same without personal data: the only form of the words that may ever reach an affiliate.
    redacted_text = models.TextField(_("words without personal data"), blank=True)
    # Which the words are in; empty where there are none, or none that tell.
    language = models.CharField(_("language of the words"), max_length=10, blank=True, default="", db_default="")
    # What the words are about, codes of the brand's aspects; what staff set stays until the customer writes others.
    aspects = ArrayField(
        models.CharField(max_length=40), verbose_name=_("aspects of the words"), blank=True, default=list, db_default=[]
    )
    aspects_from = models.CharField(
        _("aspects of the words are"),
        max_length=5,
        choices=AspectsFrom,
        default=AspectsFrom.WORDS,
        db_default=AspectsFrom.WORDS,
    )

    objects = AnswerQuerySet.as_manager()

    class Meta:
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        indexes = [GinIndex(Stems("text"), name="answer_stems", condition=~Q(text=""))]
        constraints = [
            models.UniqueConstraint(fields=["response", "question"], name="answer_once_a_question"),
            models.CheckConstraint(
                condition=Q(aspects_from__in=["words", "staff"]), name="answer_aspects_from_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.question_id}: {self.value}"

    @property
    def value(self) -> Any:
        if self.number is not None:
            return self.number
        return self.codes or self.text


class ResponseRevisionQuerySet(BrandOwnedQuerySet["ResponseRevision"]):
    brand_path = "response__brand"


class ResponseRevision(models.Model):
    """What a response said before it was changed or replaced, or what a machine would have made of it. Append-only."""

    response = models.ForeignKey(Response, models.CASCADE, related_name="revisions", verbose_name=_("response"))
    external_id = models.CharField(_("id in the other tool"), max_length=120, blank=True)
    answers = models.JSONField(_("answers"), default=dict)
    answered_at = models.DateTimeField(_("answered at"))
    replaced_at = models.DateTimeField(_("replaced at"), auto_now_add=True)

    objects = ResponseRevisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("earlier answer")
        verbose_name_plural = _("earlier answers")
        indexes = [models.Index(fields=["external_id"], name="revision_external_id", condition=~Q(external_id=""))]

    def __str__(self) -> str:
        return f"{self.response_id} · {self.replaced_at:%Y-%m-%d %H:%M}"


class ResponseChange(models.Model):
    """A response changed and is not yet counted; written in its transaction, taken by insights."""

    response = models.ForeignKey(Response, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("response not yet counted")
        verbose_name_plural = _("responses not yet counted")

    def __str__(self) -> str:
        return str(self.response_id)
