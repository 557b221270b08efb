"""What affiliates sold, counted at night, so that no page counts the purchases of years."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models import Affiliate, TrackingLink
from insights.models.rollups import UNCHECKED


class SalesCount(models.Model):
    """Purchases of a month credited to an affiliate, of any state, by link and reason; those up to a mark alone.

    `first_in`: of its customer the first with this affiliate in its month, quarter, year or ever; the longest of them.
    So customers of a calendar period are a sum too: the purchases that are a first one in a period as long or longer.
    """

    class Span(models.TextChoices):
        ALL = "all", _("Ever")
        YEAR = "year", _("Year")
        QUARTER = "quarter", _("Quarter")
        MONTH = "month", _("Month")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", **UNCHECKED, verbose_name=_("brand"))
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, related_name="+", **UNCHECKED, verbose_name=_("affiliate"))
    link = models.ForeignKey(
        TrackingLink, models.CASCADE, null=True, related_name="+", **UNCHECKED, verbose_name=_("link")
    )
    month = models.DateField(_("month"))
    reason = models.CharField(_("reason"), max_length=20)
    first_in = models.CharField(_("first in"), max_length=7, choices=Span, blank=True)
    count = models.IntegerField(_("number"))

    objects = BrandOwnedQuerySet["SalesCount"].as_manager()

    class Meta:
        verbose_name = _("sales of a month")
        verbose_name_plural = _("sales by month")
        constraints = [
            models.UniqueConstraint(
                fields=["affiliate", "month", "link", "reason", "first_in"],
                nulls_distinct=False,
                name="salescount_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.month:%Y-%m}: {self.count}"
