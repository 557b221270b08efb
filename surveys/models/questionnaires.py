"""What is asked. A version that somebody answered never changes."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet


class Wave(models.TextChoices):
    """The occasions on which a customer is asked. Each once a purchase (or a closed case)."""

    FIRST = "first", _("After the purchase")
    FOLLOW_UP = "follow_up", _("After 60 to 90 days")
    CLOSING = "closing", _("After a closed case")


class SurveyQuerySet(BrandOwnedQuerySet["Survey"]):
    def published(self, brand: Brand, wave: str) -> "SurveyQuerySet":
        return self.filter(brand=brand, wave=wave, status=Survey.Status.PUBLISHED)


class Survey(models.Model):
    """One version of a questionnaire: customers are asked by a published one, and a change makes the next version.

    Once an invitation refers to it, the database refuses every change of its questions and of its mail's wording
    (migration 0002), so that an answer always stands beside what was asked.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        RETIRED = "retired", _("Retired")

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="surveys", verbose_name=_("brand"))
    wave = models.CharField(_("asked"), max_length=10, choices=Wave, default=Wave.FIRST)
    version = models.PositiveSmallIntegerField(_("version"), default=1)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    # {"es": {"subject": …, "preheader": …, "body": …}, …}; an empty text means the standard one
    mail_texts = models.JSONField(_("wording of the mail by language"), default=dict, blank=True)
    # How often the draft was saved: by it two people who edit at once notice each other.
    edits = models.PositiveIntegerField(_("times edited"), default=0, db_default=0)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)
    # Of a follow-up: who bought before it was published is still to be asked, after this purchase's id. Empty: nobody.
    catching_up_after = models.BigIntegerField(_("looked for earlier buyers up to"), null=True, editable=False)

    objects = SurveyQuerySet.as_manager()

    class Meta:
        verbose_name = _("survey")
        verbose_name_plural = _("surveys")
        constraints = [
            models.UniqueConstraint(fields=["brand", "wave", "version"], name="survey_version_once"),
            models.UniqueConstraint(
                fields=["brand", "wave"], condition=Q(status="published"), name="survey_one_published_a_wave"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_wave_display()} · {self.version}"


class QuestionQuerySet(BrandOwnedQuerySet["Question"]):
    brand_path = "survey__brand"


class Question(models.Model):
    class Kind(models.TextChoices):
        SCALE = "scale", _("Scale")
        CHOICE = "choice", _("One of several")
        CHIPS = "chips", _("Several of several")
        TEXT = "text", _("Free text")

    survey = models.ForeignKey(Survey, models.CASCADE, related_name="questions", verbose_name=_("survey"))
    key = models.SlugField(_("key"), max_length=40)
    kind = models.CharField(_("kind"), max_length=6, choices=Kind)
    position = models.PositiveSmallIntegerField(_("position"))
    is_required = models.BooleanField(_("required"), default=False)
    texts = models.JSONField(_("wording by language"), default=dict)
    # Scale: numbers from `low` to `high` with labels by language; choices: [{"code": …, "labels": {…}}].
    low = models.SmallIntegerField(_("lowest"), null=True, blank=True)
    high = models.SmallIntegerField(_("highest"), null=True, blank=True)
    options = models.JSONField(_("options"), default=list, blank=True)
    # Asked only when: {"question": "promise", "at_most": -1}
    condition = models.JSONField(_("asked only when"), default=dict, blank=True)

    objects = QuestionQuerySet.as_manager()

    class Meta:
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        ordering = ["survey", "position"]
        constraints = [models.UniqueConstraint(fields=["survey", "key"], name="question_key_once")]

    def __str__(self) -> str:
        return self.key
