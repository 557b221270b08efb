"""Who looked at identified data, and who changed what. Rows are only added (accounts/append_only.py)."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models.brands import Brand
from accounts.models.keys import ApiKey
from accounts.models.people import User

if TYPE_CHECKING:
    from accounts.models.brands import Viewer


class AccessLogQuerySet(models.QuerySet["AccessLog"]):
    def visible_to(self, user: "Viewer") -> "AccessLogQuerySet":
        return self.filter(brand__in=Brand.objects.administered_by(user))


class AccessLog(models.Model):
    """Who looked at identified data, and what for. Append-only; holds ids, never personal data."""

    class Purpose(models.TextChoices):
        VIEW = "view", _("Viewed")
        LIST = "list", _("Listed")
        EXPORT = "export", _("Exported")
        IMPERSONATE = "impersonate", _("Seen as the affiliate")

    brand = models.ForeignKey(Brand, models.CASCADE, verbose_name=_("brand"), db_index=False)
    # Bare ids, which outlive whom they name: the row never changes.
    user = models.ForeignKey(User, models.DO_NOTHING, null=True, db_constraint=False, verbose_name=_("person"))
    api_key = models.ForeignKey(
        ApiKey, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, verbose_name=_("API key")
    )
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose)
    object_type = models.CharField(_("kind of object"), max_length=50)
    object_id = models.CharField(_("object"), max_length=64, blank=True)
    # Of a page of a list: how many rows of the brand it showed, and by how many criteria they were chosen.
    rows = models.IntegerField(_("rows"), null=True)
    criteria = models.SmallIntegerField(_("criteria"), null=True)
    at = models.DateTimeField(_("at"), auto_now_add=True)

    objects = AccessLogQuerySet.as_manager()

    class Meta:
        verbose_name = _("access")
        verbose_name_plural = _("access log")
        indexes = [
            models.Index(fields=["brand", "-at"], name="accesslog_newest"),
            models.Index(fields=["brand", "object_type", "object_id"], name="accesslog_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.purpose} {self.object_type} {self.object_id}"


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, user: "Viewer") -> "AuditEntryQuerySet":
        return self.filter(brand__in=Brand.objects.administered_by(user))


class AuditEntry(models.Model):
    """Who changed which row, and what of it. Append-only; holds ids, codes and settings, never personal data.

    It is written in the transaction of the change, so that neither is there without the other.
    """

    class Action(models.TextChoices):
        ADDED = "added", _("Added")
        CHANGED = "changed", _("Changed")
        DELETED = "deleted", _("Deleted")
        CREDITED = "credited", _("Credited otherwise")
        DECIDED = "decided", _("Decided")
        CASE = "case", _("Worked at")
        ERASURE = "erasure", _("Erasure asked for")
        BLOCKED = "blocked", _("Blocked")
        UNBLOCKED = "unblocked", _("Unblocked")
        KEYS = "keys", _("Keys changed")

    brand = models.ForeignKey(Brand, models.DO_NOTHING, db_constraint=False, db_index=False, verbose_name=_("brand"))
    user = models.ForeignKey(
        User, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, verbose_name=_("person")
    )
    action = models.CharField(_("what"), max_length=9, choices=Action)
    object_type = models.CharField(_("kind of object"), max_length=50)
    object_id = models.CharField(_("object"), max_length=64)
    # {"k": [5, 7], "name": None, …}: from and to of what is a number or a code, of texts that they changed
    data = models.JSONField(_("details"), default=dict)
    at = models.DateTimeField(_("at"), db_default=Now())

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("audit log")
        indexes = [
            models.Index(fields=["brand", "-at"], name="auditentry_newest"),
            models.Index(fields=["brand", "object_type", "object_id"], name="auditentry_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.action} {self.object_type} {self.object_id}"
