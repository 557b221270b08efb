"""What affiliates were told directly."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, User
from affiliates.models import Affiliate
from insights.models.shared import SharedQuerySet


class HeardFeedback(models.Model):
    """«Lo que me dijeron»: what a customer said to the affiliate itself, as it tells it. It counts in no figure."""

    class Kind(models.TextChoices):
        PRAISE = "praise", _("Praise")
        COMPLAINT = "complaint", _("Complaint")
        SUGGESTION = "suggestion", _("Suggestion")
        QUESTION = "question", _("Question")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, related_name="heard", verbose_name=_("affiliate"))
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    heard_on = models.DateField(_("heard on"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    theme = models.CharField(_("theme"), max_length=40, blank=True)  # the code of an aspect
    text = models.TextField(_("what they said"))
    written_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", verbose_name=_("written by"), db_index=False
    )
    created_at = models.DateTimeField(_("created at"))

    objects = SharedQuerySet["HeardFeedback"].as_manager()

    class Meta:
        verbose_name = _("feedback heard directly")
        verbose_name_plural = _("feedback heard directly")
        ordering = ["-heard_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["praise", "complaint", "suggestion", "question"]), name="heard_kind_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]
