"""What a brand wants to reach, and what its figures were last night."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from insights.targets import Reading


class Figure(models.TextChoices):
    """What a target can be set for. Affiliates see the first four of themselves; the rest is the brand's alone."""

    CSAT = "csat", _("Satisfied customers (%)")
    NPS = "nps", _("Recommendation (NPS)")
    MISSING = "missing", _("Missed something before buying (%)")
    PROMISE_UNMET = "promise_unmet", _("Got less than they were told (%)")
    RESPONSE_RATE = "response_rate", _("Response rate (%)")
    FIRST_ANSWER = "first_answer", _("Hours to the first answer to a case")


class Target(models.Model):
    """One figure's aim: a percentage, points of NPS, or hours. Met and missed are worked out where it is shown."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="targets", verbose_name=_("brand"))
    figure = models.CharField(_("figure"), max_length=13, choices=Figure)
    aim = models.DecimalField(_("aim"), max_digits=6, decimal_places=1)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = BrandOwnedQuerySet["Target"].as_manager()

    class Meta:
        verbose_name = _("target")
        verbose_name_plural = _("targets")
        ordering = ["brand", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["brand", "figure"], name="target_once_a_figure"),
            models.CheckConstraint(condition=Q(figure__in=Figure.values), name="target_figure_is_known"),
            models.CheckConstraint(
                condition=Q(figure="nps", aim__gte=-100, aim__lte=100)
                | Q(figure="first_answer", aim__gt=0)
                | (~Q(figure__in=["nps", "first_answer"]) & Q(aim__gte=0, aim__lte=100)),
                name="target_can_be_reached",
                violation_error_message=_(
                    "A share lies between 0 and 100, the NPS between −100 and 100, and hours are more than 0."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_figure_display()}: {self.aim}"

    @property
    def in_unit(self) -> float:
        """As figures are: shares 0..1, points and hours as they are."""
        return float(self.aim) / (1 if self.figure in (Figure.NPS, Figure.FIRST_ANSWER) else 100)


class BrandFigure(models.Model):
    """A figure of the whole brand over the last 90 days, its affiliates' customers and all others, as of last night."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False, verbose_name=_("brand"))
    figure = models.CharField(_("figure"), max_length=13, choices=Figure)
    value = models.FloatField(_("value"))
    low = models.FloatField(_("low"))
    high = models.FloatField(_("high"))
    n = models.IntegerField(_("number"))

    objects = BrandOwnedQuerySet["BrandFigure"].as_manager()

    class Meta:
        verbose_name = _("figure of the brand")
        verbose_name_plural = _("figures of the brand")
        constraints = [models.UniqueConstraint(fields=["brand", "figure"], name="brandfigure_once")]

    def __str__(self) -> str:
        return f"{self.figure}: {self.value}"

    @property
    def reading(self) -> Reading:
        return Reading(self.value, self.low, self.high, self.n)
