"""Cases counted by day, for staff, and which of them are in the counts."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models import Affiliate
from complaints.models import Complaint
from insights.models.rollups import UNCHECKED


class CaseCountQuerySet(BrandOwnedQuerySet["CaseCount"]):
    """Counts by day would give single cases away: staff only."""


class CaseCount(models.Model):
    """How many cases of a kind were opened on a day of the brand's time zone, by where it went wrong.

    The part is what is known of it by now; empty where nobody has said yet.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", **UNCHECKED, verbose_name=_("brand"))
    affiliate = models.ForeignKey(
        Affiliate, models.CASCADE, null=True, related_name="+", **UNCHECKED, verbose_name=_("affiliate")
    )
    day = models.DateField(_("day"))
    kind = models.CharField(_("kind"), max_length=10, choices=Complaint.Kind)
    part = models.CharField(_("whose part"), max_length=8, choices=Complaint.Part, blank=True)
    count = models.IntegerField(_("count"))

    objects = CaseCountQuerySet.as_manager()

    class Meta:
        verbose_name = _("daily count of cases")
        verbose_name_plural = _("daily counts of cases")
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "affiliate", "day", "kind", "part"], nulls_distinct=False, name="casecount_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.part}: {self.count}"


class CountedCase(models.Model):
    """Where a case was counted, so that it can leave: credited to another, judged otherwise, erased."""

    complaint = models.OneToOneField(Complaint, models.SET_NULL, null=True, related_name="+")
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_constraint=False)
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, null=True, related_name="+", **UNCHECKED)
    day = models.DateField()
    kind = models.CharField(max_length=10, choices=Complaint.Kind)
    part = models.CharField(max_length=8, choices=Complaint.Part, blank=True)

    objects = BrandOwnedQuerySet["CountedCase"].as_manager()

    class Meta:
        verbose_name = _("counted case")
        verbose_name_plural = _("counted cases")
        indexes = [
            models.Index(fields=["brand"], name="counted_case_erased", condition=models.Q(complaint__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.complaint_id} · {self.day}"
