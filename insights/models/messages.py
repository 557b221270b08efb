"""What affiliate and brand write to each other about a finding."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, User
from affiliates.models import Affiliate
from insights.models.findings import Finding

if TYPE_CHECKING:
    from accounts.models import Viewer


class FindingMessageQuerySet(models.QuerySet["FindingMessage"]):
    def visible_to(self, user: "Viewer") -> "FindingMessageQuerySet":
        return self.filter(finding__in=Finding.objects.visible_to(user))

    def unread_by_affiliate(self) -> "FindingMessageQuerySet":
        return self.filter(is_from_brand=True, read_at=None)


class FindingMessage(models.Model):
    """One side to the other; never of a customer. It goes with its finding, and so with the words that one is about."""

    finding = models.ForeignKey(Finding, models.CASCADE, related_name="messages", verbose_name=_("finding"))
    is_from_brand = models.BooleanField(_("from the brand"))
    written_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", verbose_name=_("written by"), db_index=False
    )
    text = models.TextField(_("message"))
    written_at = models.DateTimeField(_("written at"))
    # By anybody who signs in for the affiliate. What the affiliate writes waits until the brand answers.
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)

    objects = FindingMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message about a finding")
        verbose_name_plural = _("messages about findings")
        ordering = ["written_at", "pk"]
        indexes = [
            models.Index(fields=["finding"], name="message_unread", condition=Q(is_from_brand=True, read_at=None)),
        ]

    def __str__(self) -> str:
        return self.text[:60]

    @property
    def affiliate(self) -> Affiliate | None:
        return self.finding.affiliate

    @property
    def brand(self) -> Brand:
        return self.finding.brand
