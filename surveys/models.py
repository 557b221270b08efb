"""What we asked, what they said."""

from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet, User
from affiliates.models import Purchase
from mailing.models import OutgoingMail
from mailing.tokens import hash_token


class Wave(models.TextChoices):
    """The occasions on which a customer is asked. Each once a purchase (or a closed case)."""

    FIRST = "first", _("After the purchase")
    FOLLOW_UP = "follow_up", _("After 60 to 90 days")
    CLOSING = "closing", _("After a closed case")


class Fact(models.Model):
    """Something a seller should say before the sale: the brand's catalogue, and the chips of «what was missing»."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="facts", verbose_name=_("brand"))
    code = models.SlugField(_("code"), max_length=40)
    labels = models.JSONField(_("labels by language"), default=dict)
    # What an affiliate should do about it, for «your next sale»: {"es": "Di el precio total…", …}
    advice = models.JSONField(_("advice by language"), default=dict, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_active = models.BooleanField(_("active"), default=True)

    objects = BrandOwnedQuerySet["Fact"].as_manager()

    class Meta:
        verbose_name = _("fact to tell")
        verbose_name_plural = _("facts to tell")
        ordering = ["position", "code"]
        constraints = [models.UniqueConstraint(fields=["brand", "code"], name="fact_code_once")]

    def __str__(self) -> str:
        return next((label for label in self.labels.values() if label), self.code)


class Aspect(models.Model):
    """What an opinion is about; the chips of «keep» and «improve»."""

    class Stage(models.TextChoices):
        BEFORE = "before", _("Before buying")
        BUYING = "buying", _("Buying")
        DELIVERY = "delivery", _("Delivery")
        USE = "use", _("Use")
        AFTER = "after", _("After the sale")
        ANY = "any", _("All along")

    class Owner(models.TextChoices):
        BRAND = "brand", _("Brand")
        AFFILIATE = "affiliate", _("Affiliate")
        BOTH = "both", _("Both")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="aspects", verbose_name=_("brand"))
    code = models.SlugField(_("code"), max_length=40)
    labels = models.JSONField(_("labels by language"), default=dict)
    stage = models.CharField(_("stage"), max_length=10, choices=Stage, default=Stage.ANY)
    owner = models.CharField(_("owner"), max_length=10, choices=Owner, default=Owner.BRAND)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_active = models.BooleanField(_("active"), default=True)

    objects = BrandOwnedQuerySet["Aspect"].as_manager()

    class Meta:
        verbose_name = _("aspect")
        verbose_name_plural = _("aspects")
        ordering = ["position", "code"]
        constraints = [models.UniqueConstraint(fields=["brand", "code"], name="aspect_code_once")]

    def __str__(self) -> str:
        return next((label for label in self.labels.values() if label), self.code)


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


class Reason(models.TextChoices):
    """Why somebody is not asked, or not yet. The contract's codes."""

    NO_DELIVERY = "no_delivery", _("Not delivered or activated yet")
    FATIGUE = "fatigue", _("Asked too recently")
    OPEN_COMPLAINT = "open_complaint", _("Has an open complaint")
    SUPPRESSED = "suppressed", _("Must not be written to")
    OPTED_OUT = "opted_out", _("Asked for no more surveys")
    BOUNCED = "bounced", _("The address does not exist")
    NO_NOTICE = "no_notice", _("Was not told of the survey")
    NO_EMAIL = "no_email", _("No e-mail address")
    TOO_OLD = "too_old", _("Delivered too long ago")
    SAMPLED_OUT = "sampled_out", _("Not in the sample")
    REFUNDED = "refunded", _("Refunded")
    CANCELLED = "cancelled", _("Cancelled")
    PAUSED = "paused", _("Asking is paused")
    FAILED = "failed", _("The mail could not be sent")
    UNCERTAIN = "uncertain", _("Perhaps sent")


class Asking(Brand):
    """A brand as the one that asks: the page on which asking is paused and resumed."""

    class Meta:
        proxy = True
        verbose_name = _("asking")
        verbose_name_plural = _("asking")


class InvitationQuerySet(BrandOwnedQuerySet["Invitation"]):
    def due(self, now: datetime) -> "InvitationQuerySet":
        """Planned invitations whose time has come, and held ones whose cause may be over."""
        return self.filter(
            state__in=[Invitation.State.PLANNED, Invitation.State.HELD], scheduled_for__lte=now
        ).order_by("scheduled_for", "id")

    def to_remind(self, now: datetime) -> "InvitationQuerySet":
        return self.filter(remind_at__lte=now).order_by("remind_at", "id")


class Invitation(models.Model):
    """The decision to ask somebody once about one occasion, and why not if not.

    Stored is only what surveys itself decides. Whether the mail was sent is read from the mailing ledger, whether it
    was answered from Response: `surveys.selectors` joins them into the contract's state.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for delivery")
        PLANNED = "planned", _("Planned")
        HELD = "held", _("Held")
        QUEUED = "queued", _("Handed to the mail ledger")
        CANCELLED = "cancelled", _("Cancelled")

    # Proved to exist by the survey, which has one: see Purchase.brand.
    brand = models.ForeignKey(
        Brand, models.PROTECT, related_name="invitations", verbose_name=_("brand"), db_constraint=False
    )
    survey = models.ForeignKey(Survey, models.PROTECT, related_name="invitations", verbose_name=_("survey"))
    wave = models.CharField(_("asked"), max_length=10, choices=Wave, default=Wave.FIRST)
    # What it is about: "purchase:17", or "case:5" for a closed case that may have no purchase.
    occasion = models.CharField(_("occasion"), max_length=40)
    # Indexed by name below; so are other keys here of which an index begins with them.
    purchase = models.ForeignKey(
        Purchase,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="invitations",
        verbose_name=_("purchase"),
        db_index=False,
    )
    state = models.CharField(_("state"), max_length=10, choices=State)
    reason = models.CharField(_("reason"), max_length=15, choices=Reason, blank=True)
    scheduled_for = models.DateTimeField(_("scheduled for"), null=True, blank=True)
    # When whoever was asked and has not answered is reminded, once; empty: not, or no more.
    remind_at = models.DateTimeField(_("remind at"), null=True, blank=True)
    # Asked by another tool before Postventa came: its history, without a mail of ours.
    sent_elsewhere_at = models.DateTimeField(_("sent by another tool at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        indexes = [
            models.Index(
                fields=["scheduled_for", "id"], name="invitation_due", condition=Q(state__in=["planned", "held"])
            ),
            models.Index(fields=["id"], name="invitation_resting", condition=Q(state="held", reason="bounced")),
            models.Index(fields=["remind_at", "id"], name="invitation_remind", condition=Q(remind_at__isnull=False)),
            models.Index(fields=["purchase"], name="invitation_of_purchase"),
        ]
        constraints = [
            # Stronger than "once a survey": publishing a new version must not ask anybody again.
            models.UniqueConstraint(fields=["occasion", "wave"], name="invitation_once"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "planned", "held", "queued", "cancelled"]),
                name="invitation_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="planned") | Q(scheduled_for__isnull=False), name="invitation_planned_says_when"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["waiting", "held", "cancelled"]) | ~Q(reason=""),
                name="invitation_not_asked_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purchase or self.occasion} · {self.get_wave_display()}"


class InvitationMailQuerySet(BrandOwnedQuerySet["InvitationMail"]):
    brand_path = "invitation__brand"

    def with_token(self, token: str) -> "InvitationMailQuerySet":
        """The one survey mail whose links carry this token, or none; unknown and malformed tokens cost the same."""
        return self.filter(mail__token_hash=hash_token(token))


class InvitationMail(models.Model):
    """The mails of an invitation: the first and its one reminder, each with a token of its own."""

    class Kind(models.TextChoices):
        FIRST = "first", _("First mail")
        REMINDER = "reminder", _("Reminder")

    invitation = models.ForeignKey(
        Invitation, models.CASCADE, related_name="mails", verbose_name=_("invitation"), db_index=False
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    mail = models.OneToOneField(OutgoingMail, models.CASCADE, related_name="+", verbose_name=_("mail"))

    objects = InvitationMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail of an invitation")
        verbose_name_plural = _("mails of invitations")
        constraints = [models.UniqueConstraint(fields=["invitation", "kind"], name="invitationmail_once_a_kind")]

    def __str__(self) -> str:
        return str(self.get_kind_display())


class SampleMailQuerySet(BrandOwnedQuerySet["SampleMail"]):
    brand_path = "survey__brand"

    def with_token(self, token: str) -> "SampleMailQuerySet":
        return self.filter(mail__token_hash=hash_token(token))


class SampleMail(models.Model):
    """A survey's mail that staff sent to themselves, as the customer of a purchase would get it.

    It asks nobody: its links lead to a preview, and what is answered there is not recorded.
    """

    survey = models.ForeignKey(Survey, models.CASCADE, related_name="samples", verbose_name=_("survey"))
    purchase = models.ForeignKey(Purchase, models.CASCADE, related_name="+", verbose_name=_("as for the purchase"))
    mail = models.OneToOneField(OutgoingMail, models.CASCADE, related_name="+", verbose_name=_("mail"))
    kind = models.CharField(_("kind"), max_length=8, choices=InvitationMail.Kind)
    sent_by = models.ForeignKey(User, models.CASCADE, related_name="+", verbose_name=_("sent by"))
    created_at = models.DateTimeField(_("created at"))

    objects = SampleMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("test mail")
        verbose_name_plural = _("test mails")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["sent_by", "-created_at"], name="samplemail_of_person")]

    def __str__(self) -> str:
        return f"{self.survey} · {self.get_kind_display()}"


class HoldQuerySet(BrandOwnedQuerySet["Hold"]):
    brand_path = "purchase__brand"

    def standing(self) -> "HoldQuerySet":
        return self.filter(lifted_at__isnull=True)


class Hold(models.Model):
    """A reason from above surveys not to ask about a purchase now: an open complaint."""

    purchase = models.ForeignKey(Purchase, models.CASCADE, related_name="holds", verbose_name=_("purchase"))
    cause = models.CharField(_("cause"), max_length=60)  # "complaint:5"
    created_at = models.DateTimeField(_("since"), auto_now_add=True)
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.UniqueConstraint(
                fields=["purchase", "cause"], condition=Q(lifted_at__isnull=True), name="hold_once_a_cause"
            )
        ]

    def __str__(self) -> str:
        """What holds it in words; the app above that wrote it knows more."""
        return str(Reason.OPEN_COMPLAINT.label) if self.cause.startswith("complaint:") else self.cause


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

    objects = ResponseQuerySet.as_manager()

    class Meta:
        verbose_name = _("response")
        verbose_name_plural = _("responses")
        ordering = ["-answered_at", "-id"]
        indexes = [
            models.Index(fields=["brand", "-answered_at", "-id"], name="response_newest"),
            models.Index(fields=["id"], name="response_follow_up", condition=NEEDS_FOLLOW_UP),
        ]
        constraints = [
            models.UniqueConstraint(fields=["brand", "external_id"], name="response_external_id_once"),
            models.CheckConstraint(
                condition=Q(follow_up__in=["none", "low", "medium", "high"]), name="response_follow_up_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invitation_id} · {self.answered_at:%Y-%m-%d}"


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
