"""Cases that have to do with each other and go on apart. One that repeats another is merged into it instead."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import CustomersQuerySet
from complaints.models.cases import Complaint


class ComplaintLinkQuerySet(CustomersQuerySet["ComplaintLink"]):
    brand_path = "complaint__brand"

    def of(self, complaint: Complaint) -> "ComplaintLinkQuerySet":
        return self.filter(Q(complaint=complaint) | Q(other=complaint))


class ComplaintLink(models.Model):
    """Between the older case and the younger: one row a pair."""

    complaint = models.ForeignKey(
        Complaint, models.CASCADE, related_name="links", verbose_name=_("case"), db_index=False
    )
    other = models.ForeignKey(Complaint, models.CASCADE, related_name="links_back", verbose_name=_("other case"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ComplaintLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("link between cases")
        verbose_name_plural = _("links between cases")
        constraints = [
            models.UniqueConstraint(fields=["complaint", "other"], name="complaint_link_once"),
            models.CheckConstraint(condition=Q(complaint__lt=F("other")), name="complaint_link_older_first"),
        ]

    def __str__(self) -> str:
        return f"{self.complaint_id} · {self.other_id}"
