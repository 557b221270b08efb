"""What the answers mean: counts by day for staff, frozen blocks for affiliates, and what is done about them."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from affiliates.models import Affiliate, Product, TrackingLink
from surveys.models import Aspect, Response, Wave

if TYPE_CHECKING:
    from accounts.models import Viewer


class RollupQuerySet(models.QuerySet["Rollup"]):
    def visible_to(self, user: "Viewer") -> "RollupQuerySet":
        """Counts by day would give single answers away: staff only."""
        return self.filter(brand__in=Brand.objects.visible_to(user))


class Rollup(models.Model):
    """How many answers gave a value, by day of the brand's time zone. Recomputed from the answers, never edited.

    `question` is a question's key, or "answers" (value "") for the responses themselves; for chips one row a code.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, null=True, related_name="+", verbose_name=_("affiliate"))
    link = models.ForeignKey(TrackingLink, models.CASCADE, null=True, related_name="+", verbose_name=_("link"))
    product = models.ForeignKey(Product, models.CASCADE, null=True, related_name="+", verbose_name=_("product"))
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

    def __str__(self) -> str:
        return f"{self.day} {self.question}={self.value}: {self.count}"


class BlockQuerySet(models.QuerySet["Block"]):
    def visible_to(self, user: "Viewer") -> "BlockQuerySet":
        """An affiliate's members see its own blocks; staff all of their brand. The programme's go by insights.privacy."""
        return self.filter(
            Q(brand__in=Brand.objects.visible_to(user)) | Q(affiliate__in=Affiliate.objects.visible_to(user))
        )


class Block(models.Model):
    """What an affiliate has been shown: at least k new answers at once. Frozen.

    Corrections and erasures of answers shown before ride in the next block as differences. Without an affiliate it is
    a block of the whole programme.
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
    # {"link": {id: {question: {value: count}}}}: only splits whose every cell holds k answers or more
    splits = models.JSONField(_("splits"), default=dict)
    # [{"question": key, "aspects": […], "text": redacted}], in no order that tells anything
    quotes = models.JSONField(_("quotes"), default=list)
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


class PublishedResponseQuerySet(models.QuerySet["PublishedResponse"]):
    def visible_to(self, user: "Viewer") -> "PublishedResponseQuerySet":
        """It says which answer stands in which block: nobody but staff may know."""
        return self.filter(brand__in=Brand.objects.visible_to(user))


class PublishedResponse(models.Model):
    """What a response has contributed to published blocks so far: what a later correction is a difference to."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+")
    response = models.ForeignKey(Response, models.SET_NULL, null=True, related_name="+")
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, null=True, related_name="+")
    block = models.ForeignKey(Block, models.PROTECT, related_name="contributions")
    counts = models.JSONField(default=dict)

    objects = PublishedResponseQuerySet.as_manager()

    class Meta:
        verbose_name = _("published answer")
        verbose_name_plural = _("published answers")
        constraints = [
            models.UniqueConstraint(
                fields=["response", "affiliate"],
                nulls_distinct=False,
                name="publishedresponse_once",
                condition=Q(response__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.response_id} · {self.block_id}"


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
    key = models.CharField(_("about"), max_length=60)
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
