"""What affiliates ask staff to look at again among the words they were shown."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, User
from affiliates.models import Affiliate
from insights.models.blocks import Quote
from insights.models.shared import SharedQuerySet


class QuoteReport(models.Model):
    """«This reveals somebody», «this is no customer of mine»: staff decide whether the words stay.

    It goes with the words: once a customer has taken them back, nobody keeps a copy of them here.
    """

    class Reason(models.TextChoices):
        REVEALS = "reveals", _("It reveals somebody")
        NOT_MINE = "not_mine", _("It is not from a customer of mine")

    class Decision(models.TextChoices):
        PENDING = "", _("To be decided")
        HIDDEN = "hidden", _("Taken down")
        LEFT = "left", _("It stays")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, related_name="+", verbose_name=_("affiliate"))
    quote = models.OneToOneField(Quote, models.CASCADE, related_name="report", verbose_name=_("words"))
    reason = models.CharField(_("reason"), max_length=8, choices=Reason)
    decision = models.CharField(_("decision"), max_length=6, choices=Decision, default=Decision.PENDING, blank=True)
    reported_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", verbose_name=_("reported by"), db_index=False
    )
    reported_at = models.DateTimeField(_("reported at"))
    decided_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("decided by"), db_index=False
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)

    objects = SharedQuerySet["QuoteReport"].as_manager()

    class Meta:
        verbose_name = _("report of a quote")
        verbose_name_plural = _("reports of quotes")

    def __str__(self) -> str:
        return f"{self.get_reason_display()} · {self.get_decision_display()}"
