"""What an affiliate's customers are worth beyond their first purchase, as counted last night."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models import Affiliate


class Audience(models.TextChoices):
    """Staff know what stands: no purchase that was cancelled or given back is in it.

    Affiliates know their own sales, whatever became of them, and more of their customers only in steps of k.
    """

    STAFF = "staff", _("Staff")
    AFFILIATE = "affiliate", _("Affiliate")


class ContributionQuerySet(BrandOwnedQuerySet["Contribution"]):
    """Staff only. Affiliates read theirs through insights.contribution."""


class Contribution(models.Model):
    """Customers and purchases of one affiliate, of all time; without an affiliate those of the whole brand.

    Days are counted from a customer's first purchase. Who has not had the time to come back yet is not settled.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False, verbose_name=_("brand"))
    affiliate = models.ForeignKey(
        Affiliate, models.CASCADE, null=True, related_name="+", db_index=False, verbose_name=_("affiliate")
    )
    audience = models.CharField(_("shown to"), max_length=9, choices=Audience)
    counted_on = models.DateField(_("counted on"))
    customers = models.IntegerField(_("customers"))
    newcomers = models.IntegerField(_("customers new to the brand"))
    active = models.IntegerField(_("bought within a year"))
    settled = models.IntegerField(_("first bought long enough ago"))
    repeated = models.IntegerField(_("bought again in time"))
    returned = models.IntegerField(_("bought again at all"))
    days_to_second = models.FloatField(_("days to the second purchase"), null=True)  # median of who bought again
    purchases = models.IntegerField(_("purchases"))
    refunded = models.IntegerField(_("given back"))
    complained = models.IntegerField(_("complained about"))
    recommended = models.IntegerField(_("by an own recommendation link"))
    indirect = models.IntegerField(_("recommended by their customers"))

    objects = ContributionQuerySet.as_manager()

    class Meta:
        verbose_name = _("contribution")
        verbose_name_plural = _("contributions")
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "audience", "affiliate"], nulls_distinct=False, name="contribution_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id or '*'} · {self.customers}"


class CohortQuerySet(BrandOwnedQuerySet["Cohort"]):
    """Staff only. Affiliates read theirs through insights.contribution."""


class Cohort(models.Model):
    """Of the customers who first bought in a month, how many bought so many months later; 0 months: all of them."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False, verbose_name=_("brand"))
    affiliate = models.ForeignKey(
        Affiliate, models.CASCADE, null=True, related_name="+", db_index=False, verbose_name=_("affiliate")
    )
    audience = models.CharField(_("shown to"), max_length=9, choices=Audience)
    month = models.DateField(_("month of the first purchase"))
    later = models.PositiveSmallIntegerField(_("months later"))
    customers = models.IntegerField(_("customers"))

    objects = CohortQuerySet.as_manager()

    class Meta:
        verbose_name = _("cohort")
        verbose_name_plural = _("cohorts")
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "audience", "affiliate", "month", "later"], nulls_distinct=False, name="cohort_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id or '*'} {self.month:%Y-%m}+{self.later}: {self.customers}"
