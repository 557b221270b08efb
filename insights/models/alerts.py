"""What went well and has fallen, and where an affiliate stands among all."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models import Affiliate
from insights.models.shared import SharedQuerySet


class AlertQuerySet(SharedQuerySet["Alert"]):
    """Its figures are sums of blocks, so an affiliate may see its own."""

    def standing(self) -> "AlertQuerySet":
        return self.filter(ended_at=None)


class Alert(models.Model):
    """Something that was good and has fallen demonstrably: one row an episode, ended when it is as good again.

    Without an affiliate it is the whole programme's, for staff. The figures are those of the night it was found: of the
    published months before `since`, and of the three from then on.
    """

    SATISFACTION = "csat"  # the key of what is about no aspect

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="alerts", verbose_name=_("brand"))
    affiliate = models.ForeignKey(
        Affiliate, models.CASCADE, null=True, blank=True, related_name="alerts", verbose_name=_("affiliate")
    )
    key = models.CharField(_("about"), max_length=40)
    since = models.DateField(_("since"))
    good_before = models.IntegerField(_("good before"))
    n_before = models.IntegerField(_("of so many before"))
    good_now = models.IntegerField(_("good now"))
    n_now = models.IntegerField(_("of so many now"))
    has_to_improve = models.BooleanField(_("now has to improve"))
    opened_at = models.DateTimeField(_("found at"))
    ended_at = models.DateTimeField(_("as good again since"), null=True, blank=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-opened_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "affiliate", "key"],
                nulls_distinct=False,
                condition=Q(ended_at=None),
                name="alert_once_an_episode",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate or '*'} · {self.key}"

    @property
    def before(self) -> float:
        return self.good_before / self.n_before

    @property
    def now(self) -> float:
        return self.good_now / self.n_now


class Standing(models.Model):
    """In which quarter of the affiliates one stands by satisfaction, worked out once a month: never who the others are.

    `quarter` is 1 for the lowest to 4. Only where ten and more have 20 answers.
    """

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False, verbose_name=_("brand"))
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, related_name="+", verbose_name=_("affiliate"))
    month = models.DateField(_("month"))
    quarter = models.PositiveSmallIntegerField(_("quarter"))

    objects = BrandOwnedQuerySet["Standing"].as_manager()

    class Meta:
        verbose_name = _("standing")
        verbose_name_plural = _("standings")
        constraints = [
            models.UniqueConstraint(fields=["brand", "month", "affiliate"], name="standing_once_a_month"),
            models.CheckConstraint(condition=Q(quarter__gte=1, quarter__lte=4), name="standing_is_a_quarter"),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id} {self.month:%Y-%m}: {self.quarter}"
