"""Who looked at identified data."""

from typing import TYPE_CHECKING

from django.db import models
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
        EXPORT = "export", _("Exported")
        IMPERSONATE = "impersonate", _("Seen as the affiliate")

    brand = models.ForeignKey(Brand, models.CASCADE, verbose_name=_("brand"))
    # Bare ids, which outlive whom they name: the row never changes.
    user = models.ForeignKey(User, models.DO_NOTHING, null=True, db_constraint=False, verbose_name=_("person"))
    api_key = models.ForeignKey(
        ApiKey, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, verbose_name=_("API key")
    )
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose)
    object_type = models.CharField(_("kind of object"), max_length=50)
    object_id = models.CharField(_("object"), max_length=64, blank=True)
    at = models.DateTimeField(_("at"), auto_now_add=True)

    objects = AccessLogQuerySet.as_manager()

    class Meta:
        verbose_name = _("access")
        verbose_name_plural = _("access log")
        indexes = [models.Index(fields=["brand", "-at"], name="accesslog_newest")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.purpose} {self.object_type} {self.object_id}"
