"""Frozen blocks, sums and words: all that an affiliate is ever shown."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models import Affiliate, TrackingLink
from insights.models.rollups import UNCHECKED
from insights.models.shared import SharedQuerySet
from surveys.models import Response


class Block(models.Model):
    """What an affiliate has been shown: at least k new answers at once. Frozen.

    Corrections and erasures of answers shown before ride in the next block as differences. Without an affiliate it is
    a block of the whole programme. Pages read the sums of blocks, ShownCount; this is the record of when each came.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"), db_index=False)
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

    objects = SharedQuerySet["Block"].as_manager()

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
                include=["answered_month", "count"],
                name="publishedcount_due",
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
        indexes = [
            # All affiliates side by side: asked by a page, so from the index alone.
            models.Index(
                fields=["brand", "affiliate"],
                include=["month", "value", "count"],
                name="showncount_satisfied",
                condition=Q(question="csat", link__isnull=True),
            ),
        ]
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
    # Not shown: the affiliate said that it reveals somebody, or staff took it down (QuoteReport)
    hidden_at = models.DateTimeField(_("hidden at"), null=True, blank=True)

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
