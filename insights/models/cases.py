"""Cases counted by day, for staff, and which of them are in the counts."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models import Affiliate
from complaints.models import Complaint
from insights.models.rollups import UNCHECKED


class Took(models.TextChoices):
    """How long a case took to be solved: no longer than so many days."""

    DAY = "1", _("within a day")
    DAYS = "3", _("within 3 days")
    WEEK = "7", _("within a week")
    FORTNIGHT = "15", _("within 15 days")
    MORE = "more", _("longer")


class CaseCountQuerySet(BrandOwnedQuerySet["CaseCount"]):
    """Counts by day would give single cases away: staff only."""


class CaseCount(models.Model):
    """How many cases of a kind were opened on a day of the brand's time zone, by where it went wrong and how they went.

    Part, cause and how long it took are what is known by now; empty where nobody has said yet, or it is open.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", **UNCHECKED, verbose_name=_("brand"))
    affiliate = models.ForeignKey(
        Affiliate, models.CASCADE, null=True, related_name="+", **UNCHECKED, verbose_name=_("affiliate")
    )
    day = models.DateField(_("day"))
    kind = models.CharField(_("kind"), max_length=10, choices=Complaint.Kind)
    part = models.CharField(_("whose part"), max_length=8, choices=Complaint.Part, blank=True)
    cause = models.CharField(_("cause"), max_length=20, choices=Complaint.Cause, blank=True, default="", db_default="")
    took = models.CharField(_("solved"), max_length=4, choices=Took, blank=True, default="", db_default="")
    count = models.IntegerField(_("count"))

    objects = CaseCountQuerySet.as_manager()

    class Meta:
        verbose_name = _("daily count of cases")
        verbose_name_plural = _("daily counts of cases")
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "affiliate", "day", "kind", "part", "cause", "took"],
                nulls_distinct=False,
                name="casecount_once",
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
    cause = models.CharField(max_length=20, choices=Complaint.Cause, blank=True, default="", db_default="")
    took = models.CharField(max_length=4, choices=Took, blank=True, default="", db_default="")

    objects = BrandOwnedQuerySet["CountedCase"].as_manager()

    class Meta:
        verbose_name = _("counted case")
        verbose_name_plural = _("counted cases")
        indexes = [
            models.Index(fields=["brand"], name="counted_case_erased", condition=models.Q(complaint__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.complaint_id} · {self.day}"
