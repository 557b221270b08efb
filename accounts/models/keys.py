"""What programs open a brand with."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.brands import Brand

if TYPE_CHECKING:
    from accounts.models.brands import Viewer


class Scope(models.TextChoices):
    """What an API key may do."""

    PURCHASES_READ = "purchases:read", _("Read purchases")
    PURCHASES_WRITE = "purchases:write", _("Send purchases and refunds")
    LINKS_READ = "links:read", _("Read tracking links")
    LINKS_WRITE = "links:write", _("Make tracking links and clicks")
    AFFILIATES_READ = "affiliates:read", _("Read affiliates and what they learn")
    AFFILIATES_WRITE = "affiliates:write", _("Add affiliates")
    FEEDBACK_READ = "feedback:read", _("Read answers")
    COMPLAINTS_READ = "complaints:read", _("Read complaints")
    COMPLAINTS_WRITE = "complaints:write", _("Open complaints")
    CUSTOMERS = "customers", _("Erase customers, and export what is held of one")
    WEBHOOKS = "webhooks", _("Manage webhooks")


def all_scopes() -> list[str]:
    return list(Scope.values)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def visible_to(self, user: "Viewer") -> "ApiKeyQuerySet":
        """Keys open the brand's data: its administrators see them, nobody else."""
        return self.filter(brand__in=Brand.objects.administered_by(user))


class ApiKey(models.Model):
    """A program's key to one brand. The key itself is shown once; only its hash is kept."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="api_keys", verbose_name=_("brand"))
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(_("begins with"), max_length=12, unique=True, editable=False)
    secret_hash = models.BinaryField(_("hash"), max_length=32, editable=False)
    scopes = ArrayField(models.CharField(max_length=30, choices=Scope), verbose_name=_("scopes"), default=all_scopes)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["brand", "name"]

    def __str__(self) -> str:
        return f"{self.name} (pv_{self.prefix}…)"

    # Django and DRF ask this of whoever is behind a request.
    is_authenticated = True

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)
