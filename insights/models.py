"""What the answers mean: counts by day for staff, frozen blocks for affiliates, and what is done about them."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models import Affiliate, Product, TrackingLink
from insights.circumstances import Cell, Group
from surveys.models import Aspect, Response, Wave

if TYPE_CHECKING:
    from accounts.models import Viewer


# Of counts, which are joined from rows whose keys the database has checked: to check them again for each count would
# take longer than the counting.
UNCHECKED: dict[str, Any] = {"db_index": False, "db_constraint": False}


class RollupQuerySet(BrandOwnedQuerySet["Rollup"]):
    """Counts by day would give single answers away: staff only."""


class Rollup(models.Model):
    """How many answers gave a value, by day of the brand's time zone. Recomputed from the answers, never edited.

    `question` is a question's key; value "" counts who answered it at all, then one row a number or code. The question
    "answers" (value "") counts the responses themselves.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", **UNCHECKED, verbose_name=_("brand"))
    affiliate = models.ForeignKey(
        Affiliate, models.CASCADE, null=True, related_name="+", **UNCHECKED, verbose_name=_("affiliate")
    )
    link = models.ForeignKey(
        TrackingLink, models.CASCADE, null=True, related_name="+", **UNCHECKED, verbose_name=_("link")
    )
    product = models.ForeignKey(
        Product, models.CASCADE, null=True, related_name="+", **UNCHECKED, verbose_name=_("product")
    )
    wave = models.CharField(_("asked"), max_length=10, choices=Wave)
    day = models.DateField(_("day"))
    question = models.CharField(_("question"), max_length=40)
    value = models.CharField(_("value"), max_length=40, blank=True)
    count = models.IntegerField(_("count"))

    objects = RollupQuerySet.as_manager()

    class Meta:
        verbose_name = _("daily count")
        verbose_name_plural = _("daily counts")
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "affiliate", "day", "question", "value", "wave", "link", "product"],
                nulls_distinct=False,
                name="rollup_cell_once",
            ),
            models.CheckConstraint(condition=Q(count__gt=0), name="rollup_counts_something"),
        ]
        indexes = [
            # How many answers each affiliate has: asked at every fold, so from the index alone.
            models.Index(
                fields=["brand", "affiliate"],
                include=["day", "count"],
                name="rollup_answers",
                condition=Q(question="answers", wave="first"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.question}={self.value}: {self.count}"


class CountedResponse(models.Model):
    """In which cells of the rollups a response stands, so that it can leave them: edited, re-credited or erased.

    Without a response it has been erased since, and is still to be taken out.
    """

    response = models.OneToOneField(Response, models.SET_NULL, null=True, related_name="+")
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_constraint=False)
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, null=True, related_name="+", **UNCHECKED)
    link = models.ForeignKey(TrackingLink, models.CASCADE, null=True, related_name="+", **UNCHECKED)
    product = models.ForeignKey(Product, models.CASCADE, null=True, related_name="+", **UNCHECKED)
    wave = models.CharField(max_length=10, choices=Wave)
    day = models.DateField()

    objects = BrandOwnedQuerySet["CountedResponse"].as_manager()

    class Meta:
        verbose_name = _("counted answer")
        verbose_name_plural = _("counted answers")
        indexes = [
            models.Index(fields=["brand", "affiliate", "day"], name="counted_of_a_day"),
            models.Index(fields=["brand"], name="counted_erased", condition=Q(response__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.response_id} · {self.day}"


class BlockQuerySet(models.QuerySet["Block"]):
    def visible_to(self, user: "Viewer") -> "BlockQuerySet":
        """An affiliate's members see its own blocks; staff all of their brand."""
        return self.filter(
            Q(brand__in=Brand.objects.visible_to(user)) | Q(affiliate__in=Affiliate.objects.visible_to(user))
        )


class Block(models.Model):
    """What an affiliate has been shown: at least k new answers at once. Frozen.

    Corrections and erasures of answers shown before ride in the next block as differences. Without an affiliate it is
    a block of the whole programme. Pages read the sums of blocks, ShownCount; this is the record of when each came.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    affiliate = models.ForeignKey(
        Affiliate, models.CASCADE, null=True, related_name="blocks", verbose_name=_("affiliate")
    )
    sequence = models.PositiveIntegerField(_("number"))
    month = models.DateField(_("month"))
    n = models.IntegerField(_("answers"))
    # {question: {value: count}}, as in Rollup; differences may be negative
    counts = models.JSONField(_("counts"), default=dict)
    # {link id: {question: {value: count}}}: only links that are no part of anything smaller than k answers
    splits = models.JSONField(_("by link"), default=dict)
    # Of a programme's block: {"strength": {question: answers}, "response_rate": share}, measured at publication
    context = models.JSONField(_("measured with it"), default=dict)
    published_at = models.DateTimeField(_("published at"))

    objects = BlockQuerySet.as_manager()

    class Meta:
        verbose_name = _("published block")
        verbose_name_plural = _("published blocks")
        indexes = [models.Index(fields=["brand", "affiliate", "month"], name="block_of_month")]
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "affiliate", "sequence"], nulls_distinct=False, name="block_sequence_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id or '*'} · {self.sequence}"


class PublishedCount(models.Model):
    """How much of the rollups has gone into blocks, by the month it was answered in. The next block is the difference.

    Not for eyes: it splits what blocks keep together.
    """

    class Audience(models.TextChoices):
        AFFILIATE = "affiliate", _("Affiliate")
        PROGRAMME = "programme", _("Programme")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", **UNCHECKED)
    audience = models.CharField(max_length=9, choices=Audience)
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, related_name="+", **UNCHECKED)
    link = models.ForeignKey(TrackingLink, models.CASCADE, null=True, related_name="+", **UNCHECKED)
    answered_month = models.DateField()
    month = models.DateField()
    question = models.CharField(max_length=40)
    value = models.CharField(max_length=40, blank=True)
    count = models.IntegerField()

    objects = BrandOwnedQuerySet["PublishedCount"].as_manager()

    class Meta:
        verbose_name = _("published count")
        verbose_name_plural = _("published counts")
        indexes = [
            models.Index(
                fields=["brand", "audience", "affiliate"],
                include=["month", "count"],
                name="publishedcount_answers",
                condition=Q(question="answers"),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "brand",
                    "audience",
                    "affiliate",
                    "answered_month",
                    "month",
                    "question",
                    "value",
                    "link",
                ],
                nulls_distinct=False,
                name="publishedcount_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.month:%Y-%m} {self.question}={self.value}: {self.count}"


class ShownCount(models.Model):
    """The sum of blocks by month of publication: all the figures that an affiliate may ever see.

    Without an affiliate those of the programme; with a link those of that link, where they may be shown.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False)
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, null=True, related_name="+", db_index=False)
    link = models.ForeignKey(TrackingLink, models.CASCADE, null=True, related_name="+", db_index=False)
    month = models.DateField()
    question = models.CharField(max_length=40)
    value = models.CharField(max_length=40, blank=True)
    count = models.IntegerField()

    objects = BrandOwnedQuerySet["ShownCount"].as_manager()

    class Meta:
        verbose_name = _("shown count")
        verbose_name_plural = _("shown counts")
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "affiliate", "month", "question", "value", "link"],
                nulls_distinct=False,
                name="showncount_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id or '*'} {self.month:%Y-%m} {self.question}={self.value}: {self.count}"


class QuoteQuerySet(BrandOwnedQuerySet["Quote"]):
    """It leads to a response: staff only. Affiliates read the words through insights.privacy."""


class Quote(models.Model):
    """A customer's words, redacted, as they were published with a block; no score and no choice goes with them.

    Withdrawn words (refused, erased, changed, credited to another) stay until the affiliate's next block or the end of
    the month, so that nobody can tell by the hour whose they were. Rows of a block are stored in no order that tells.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, related_name="+", verbose_name=_("affiliate"))
    block = models.ForeignKey(Block, models.PROTECT, related_name="quotes", verbose_name=_("block"))
    response = models.ForeignKey(Response, models.SET_NULL, null=True, related_name="+", verbose_name=_("response"))
    question = models.CharField(_("question"), max_length=40)
    text = models.TextField(_("words"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    objects = QuoteQuerySet.as_manager()

    class Meta:
        verbose_name = _("quote")
        verbose_name_plural = _("quotes")
        indexes = [models.Index(fields=["withdrawn_at"], name="quote_withdrawn", condition=~Q(withdrawn_at=None))]
        constraints = [
            models.UniqueConstraint(
                fields=["response", "question"],
                condition=Q(withdrawn_at__isnull=True, response__isnull=False),
                name="quote_once",
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class FindingQuerySet(models.QuerySet["Finding"]):
    def visible_to(self, user: "Viewer") -> "FindingQuerySet":
        return self.filter(
            Q(brand__in=Brand.objects.visible_to(user)) | Q(affiliate__in=Affiliate.objects.visible_to(user))
        )


class Finding(models.Model):
    """Something learned that somebody owns: an unmet expectation, a missing fact, a thing to improve."""

    class Kind(models.TextChoices):
        KEEP = "keep", _("To keep")
        IMPROVE = "improve", _("To improve")
        MISSING = "missing", _("Missing before buying")
        EXPECTATION = "expectation", _("Unmet expectation")

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        IN_PROGRESS = "in_progress", _("In progress")
        MET = "met", _("Met")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="findings", verbose_name=_("brand"))
    affiliate = models.ForeignKey(
        Affiliate, models.CASCADE, null=True, blank=True, related_name="findings", verbose_name=_("affiliate")
    )
    kind = models.CharField(_("kind"), max_length=11, choices=Kind)
    # The code of the aspect or fact; "quote:7" for an expectation
    key = models.CharField(_("about"), max_length=60)
    quote = models.OneToOneField(
        Quote, models.CASCADE, null=True, blank=True, related_name="finding", verbose_name=_("in the customer's words")
    )
    status = models.CharField(_("status"), max_length=11, choices=Status, default=Status.OPEN)
    owner = models.CharField(_("owner"), max_length=10, choices=Aspect.Owner, default=Aspect.Owner.BRAND)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "affiliate", "kind", "key"], nulls_distinct=False, name="finding_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.key}"


class Measurement(models.Model):
    """When it was last worked out what moves a brand's score: once a night, never while somebody waits for a page."""

    brand = models.OneToOneField(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    measured_at = models.DateTimeField(_("measured at"), null=True)

    objects = BrandOwnedQuerySet["Measurement"].as_manager()

    class Meta:
        verbose_name = _("measurement")
        verbose_name_plural = _("measurements")

    def __str__(self) -> str:
        return f"{self.brand_id} · {self.measured_at}"


class CircumstanceQuerySet(BrandOwnedQuerySet["Circumstance"]):
    """Counts of the whole programme, not of blocks: staff only. Affiliates read theirs through insights.privacy."""

    def cells(self, audience: str) -> dict[tuple[str, str], Cell]:
        """By kind and code, as the formulas take them."""
        return {(row.kind, row.code): row.cell for row in self.filter(audience=audience)}


class Circumstance(models.Model):
    """A fact about purchases, such as a late delivery: how many customers it touched and how satisfied those are.

    Of every kind the codes together are all purchases of which it is known; "" stands for those it did not happen to.
    """

    class Kind(models.TextChoices):
        LATE = "late", _("Later than promised")
        DAYS = "days", _("Days to delivery")
        CATEGORY = "category", _("Category")
        REFUND = "refund", _("Refund")
        COMPLAINT = "complaint", _("Complaint")
        REPEAT = "repeat", _("Bought before")

    class Audience(models.TextChoices):
        STAFF = "staff", _("Staff")
        # As affiliates know it: a row stays as it is until k answers more or fewer stand behind it.
        PROGRAMME = "programme", _("Programme")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False, verbose_name=_("brand"))
    audience = models.CharField(_("shown to"), max_length=9, choices=Audience)
    kind = models.CharField(_("kind"), max_length=9, choices=Kind)
    code = models.CharField(_("code"), max_length=120, blank=True)
    customers = models.IntegerField(_("customers touched"))
    known = models.IntegerField(_("customers of whom it is known"))
    answers = models.IntegerField(_("answers"))
    total = models.BigIntegerField(_("sum of the satisfaction"))
    squares = models.BigIntegerField(_("sum of its squares"))
    satisfied = models.IntegerField(_("satisfied"))
    # Enough affiliates stand behind it and behind its counterpart that neither tells of one of them.
    is_common = models.BooleanField(_("tells of no single affiliate"))

    objects = CircumstanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("circumstance")
        verbose_name_plural = _("circumstances")
        constraints = [
            models.UniqueConstraint(fields=["brand", "audience", "kind", "code"], name="circumstance_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}: {self.answers}"

    @property
    def cell(self) -> Cell:
        group = Group(self.answers, self.total, self.squares, self.satisfied)
        return Cell(self.customers, self.known, group, self.is_common)


class TellingWord(models.Model):
    """A word that satisfied or dissatisfied customers use more than the others, as found last night in all comments."""

    class Side(models.TextChoices):
        HAPPY = "happy", _("Satisfied customers")
        UNHAPPY = "unhappy", _("Dissatisfied customers")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    side = models.CharField(_("said by"), max_length=7, choices=Side)
    # The code of the aspect it is about; empty for a word that is about none
    theme = models.CharField(_("about"), max_length=40, blank=True)
    form = models.CharField(_("word"), max_length=200)
    comments = models.IntegerField(_("comments"))
    customers = models.IntegerField(_("customers"))
    z = models.FloatField(_("how telling"))

    objects = BrandOwnedQuerySet["TellingWord"].as_manager()

    class Meta:
        verbose_name = _("telling word")
        verbose_name_plural = _("telling words")
        ordering = ["-z", "pk"]

    def __str__(self) -> str:
        return self.form
