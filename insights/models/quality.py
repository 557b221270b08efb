"""How good an affiliate's quarter was, as programs outside are told it."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models import Affiliate


class Verdict(models.TextChoices):
    WELL_BELOW = "well_below", _("Well below what is to be expected")
    BELOW = "below", _("Below what is to be expected")
    AS_EXPECTED = "as_expected", _("As expected")
    ABOVE = "above", _("Above what is to be expected")
    WELL_ABOVE = "well_above", _("Well above what is to be expected")


class QualityVerdict(models.Model):
    """One affiliate's calendar quarter, judged once when it is over, with at least 20 answers published in it.

    Satisfaction with the purchase and the affiliate's own rating are two. A reference is the share of all others; where
    it would give one of them away there is none, and no verdict. Beside it the volume of what was bought in the
    quarter, as it stood when it was judged.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False, verbose_name=_("brand"))
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, related_name="quality", verbose_name=_("affiliate"))
    quarter = models.DateField(_("quarter"))  # its first day
    answers = models.IntegerField(_("answers"))
    satisfied = models.IntegerField(_("satisfied customers"))
    reference = models.FloatField(_("satisfied customers of the others"), null=True)
    verdict = models.CharField(_("verdict"), max_length=11, choices=Verdict, blank=True)
    ratings = models.IntegerField(_("ratings of the affiliate"))
    rated_well = models.IntegerField(_("good ratings of the affiliate"))
    rating_reference = models.FloatField(_("good ratings of the others"), null=True)
    rating_verdict = models.CharField(_("verdict on the rating"), max_length=11, choices=Verdict, blank=True)
    purchases = models.IntegerField(_("purchases"))
    customers = models.IntegerField(_("customers"))
    refunded = models.IntegerField(_("given back"))
    complained = models.IntegerField(_("complained about"))
    judged_at = models.DateTimeField(_("judged at"))

    objects = BrandOwnedQuerySet["QualityVerdict"].as_manager()

    class Meta:
        verbose_name = _("quality of a quarter")
        verbose_name_plural = _("quality by quarter")
        ordering = ["-quarter", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["brand", "quarter", "affiliate"], name="quality_once_a_quarter"),
            models.CheckConstraint(
                condition=Q(answers__gte=20, satisfied__gte=0, satisfied__lte=F("answers")), name="quality_has_answers"
            ),
            models.CheckConstraint(
                condition=Q(rated_well__gte=0, rated_well__lte=F("ratings")), name="quality_has_ratings"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} · {self.code}"

    @property
    def code(self) -> str:
        """The quarter as periods are written: 2026-Q3."""
        return f"{self.quarter.year}-Q{(self.quarter.month + 2) // 3}"
