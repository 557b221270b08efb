"""What came of a finding: its status, and whether it was measured again."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from affiliates.models import Affiliate
from insights.models.blocks import Quote
from insights.models.shared import SharedQuerySet
from surveys.models import Aspect


class Finding(models.Model):
    """Something learned that somebody owns: an unmet expectation, a missing fact, a thing to improve."""

    class Kind(models.TextChoices):
        KEEP = "keep", _("To keep")
        IMPROVE = "improve", _("To improve")
        MISSING = "missing", _("Missing before buying")
        EXPECTATION = "expectation", _("Unmet expectation")

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        IN_PROGRESS = "in_progress", _("In progress")
        MET = "met", _("Met")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="findings", verbose_name=_("brand"), db_index=False)
    affiliate = models.ForeignKey(
        Affiliate, models.CASCADE, null=True, blank=True, related_name="findings", verbose_name=_("affiliate")
    )
    kind = models.CharField(_("kind"), max_length=11, choices=Kind)
    # The code of the aspect or fact; "quote:7" for an expectation
    key = models.CharField(_("about"), max_length=60)
    quote = models.OneToOneField(
        Quote, models.CASCADE, null=True, blank=True, related_name="finding", verbose_name=_("in the customer's words")
    )
    status = models.CharField(_("status"), max_length=11, choices=Status, default=Status.OPEN)
    owner = models.CharField(_("owner"), max_length=10, choices=Aspect.Owner, default=Aspect.Owner.BRAND)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = SharedQuerySet["Finding"].as_manager()

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "affiliate", "kind", "key"], nulls_distinct=False, name="finding_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.key}"
