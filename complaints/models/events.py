"""What happened to a case, and what of it is not yet counted."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import CustomersQuerySet, User
from complaints.models.cases import Complaint


class ComplaintEventQuerySet(CustomersQuerySet["ComplaintEvent"]):
    brand_path = "complaint__brand"


class ComplaintEvent(models.Model):
    """All that happened to a case, by whom and when. Append-only."""

    class Kind(models.TextChoices):
        OPENED = "opened", _("Opened")
        ANSWER_ADDED = "answer_added", _("Answer added")
        ASSIGNED = "assigned", _("Assigned")
        STATE_CHANGED = "state_changed", _("State changed")
        KIND_CHANGED = "kind_changed", _("Kind changed")
        PART_CHANGED = "part_changed", _("Part changed")
        CAUSE = "cause", _("Cause noted")
        WARRANTY = "warranty", _("Warranty decided")
        REMEDY = "remedy", pgettext_lazy("remedy", "Remedy")
        WARNED = "warned", _("Due soon")
        ESCALATED = "escalated", _("Overdue: passed on")
        DEADLINES_MOVED = "deadlines_moved", _("Deadlines moved by a day off")
        SEVERITY = "severity", _("Severity changed")
        TAGS = "tags", _("Tags changed")
        LINKED = "linked", _("Linked with another case")
        UNLINKED = "unlinked", _("No longer linked")
        MERGED = "merged", _("Merged")
        UNMERGED = "unmerged", _("Separated again")
        CUSTOMER_WROTE = "customer_wrote", _("The customer wrote")
        REPLIED = "replied", _("We replied")
        NOTE = "note", _("Internal note")
        RESOLVED = "resolved", _("Resolved")
        REOPENED = "reopened", _("Reopened")

    FROM_CUSTOMER = (Kind.OPENED, Kind.ANSWER_ADDED, Kind.CUSTOMER_WROTE)
    TO_CUSTOMER = (Kind.REPLIED, Kind.RESOLVED)
    SHOWN_TO_CUSTOMER = (*FROM_CUSTOMER, *TO_CUSTOMER)

    complaint = models.ForeignKey(Complaint, models.CASCADE, related_name="events", verbose_name=_("case"))
    kind = models.CharField(_("what"), max_length=15, choices=Kind)
    actor = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, verbose_name=_("by"))
    text = models.TextField(_("text"), blank=True)
    data = models.JSONField(_("details"), default=dict, blank=True)
    at = models.DateTimeField(_("at"))

    objects = ComplaintEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event of a case")
        verbose_name_plural = _("events of cases")
        ordering = ["at", "id"]
        indexes = [
            models.Index(fields=["complaint"], name="case_event_reopened", condition=models.Q(kind="reopened")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.at:%Y-%m-%d %H:%M}"


class ComplaintChange(models.Model):
    """A case changed and is not yet counted; written in its transaction, taken by insights."""

    complaint = models.ForeignKey(Complaint, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("case not yet counted")
        verbose_name_plural = _("cases not yet counted")

    def __str__(self) -> str:
        return str(self.complaint_id)
