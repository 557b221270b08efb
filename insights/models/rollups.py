"""Counts by day, for staff, and which answers are in them."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models import Affiliate, Product, TrackingLink
from surveys.models import Response, Wave

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
            # Staff read these of the whole brand, whose other counts come from blocks or from the night.
            models.Index(
                fields=["brand", "question", "day"],
                include=["value", "count"],
                name="rollup_of_brand",
                condition=Q(question__in=["part", "alternatives", "buy_again", "distinction"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.question}={self.value}: {self.count}"


class CountedResponse(models.Model):
    """In which cells of the rollups a response stands, so that it can leave them: edited, re-credited or erased.

    Without a response it has been erased since, and is still to be taken out.
    """

    response = models.OneToOneField(Response, models.SET_NULL, null=True, related_name="+")
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", **UNCHECKED)
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


class MonthlyAnswers(models.Model):
    """How many answers to the first survey an affiliate has in a month: kept beside Rollup, in the same transaction.

    Whether a block is due is asked at every fold, of every affiliate; from the days it would take as long as counting.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", **UNCHECKED)
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, related_name="+", **UNCHECKED)
    month = models.DateField()
    count = models.IntegerField()

    objects = BrandOwnedQuerySet["MonthlyAnswers"].as_manager()

    class Meta:
        verbose_name = _("monthly number of answers")
        verbose_name_plural = _("monthly numbers of answers")
        constraints = [
            models.UniqueConstraint(fields=["brand", "affiliate", "month"], name="monthlyanswers_once"),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.month:%Y-%m}: {self.count}"
