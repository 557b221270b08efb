"""Customers who need looking after, as counted last night."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models import Affiliate
from insights.models.contribution import Audience


class AttentionQuerySet(BrandOwnedQuerySet["Attention"]):
    """Staff only. Affiliates read theirs through insights.attention."""


class Attention(models.Model):
    """How many customers of an affiliate need looking after, and why; without an affiliate those of the whole brand.

    Staff know what stands, affiliates a number that moves by k.
    """

    class Cause(models.TextChoices):
        UNANSWERED = "unanswered", _("Waits for an answer")
        WARRANTY = "warranty", _("Warranty about to end")
        SILENCE = "silence", _("Long silence")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False, verbose_name=_("brand"))
    affiliate = models.ForeignKey(
        Affiliate, models.CASCADE, null=True, related_name="+", db_index=False, verbose_name=_("affiliate")
    )
    audience = models.CharField(_("shown to"), max_length=9, choices=Audience)
    cause = models.CharField(_("cause"), max_length=10, choices=Cause)
    counted_on = models.DateField(_("counted on"))
    count = models.IntegerField(_("number"))
    # Of the whole brand, for staff: [id of the purchase, day], who can still be reached in time first.
    nearest = models.JSONField(_("the nearest"), default=list)

    objects = AttentionQuerySet.as_manager()

    class Meta:
        verbose_name = _("customers to look after")
        verbose_name_plural = _("customers to look after")
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "audience", "affiliate", "cause"], nulls_distinct=False, name="attention_once"
            ),
            models.CheckConstraint(
                condition=Q(cause__in=["unanswered", "warranty", "silence"]), name="attention_cause_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.affiliate_id or '*'} · {self.cause}: {self.count}"
