"""What comes in, before and while it becomes purchases and answers."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, Brand

if TYPE_CHECKING:
    from accounts.models import Viewer


class BrandOwnedQuerySet(models.QuerySet):
    def visible_to(self, user: "Viewer") -> "BrandOwnedQuerySet":
        return self.filter(brand__in=Brand.objects.visible_to(user))


class IdempotencyKey(models.Model):
    """The first answer to a request that names a key, given again for 30 days."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+", verbose_name=_("API key"))
    key = models.CharField(_("key"), max_length=255)
    request_hash = models.BinaryField(_("request (hash)"), max_length=32)
    status = models.PositiveSmallIntegerField(_("status"))
    body = models.JSONField(_("answer"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = BrandOwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        indexes = [models.Index(fields=["created_at"], name="idempotencykey_age")]
        constraints = [models.UniqueConstraint(fields=["brand", "key"], name="idempotencykey_once")]

    def __str__(self) -> str:
        return self.key


class InboundEvent(models.Model):
    """What another system sent, raw, stored before anything is done with it."""

    class Source(models.TextChoices):
        SHOPIFY = "shopify", "Shopify"
        WOOCOMMERCE = "woocommerce", "WooCommerce"
        STRIPE = "stripe", "Stripe"
        POSTBACK = "postback", _("Postback")
        MAIL = "mail", _("Mail provider")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    source = models.CharField(_("source"), max_length=15, choices=Source)
    event_id = models.CharField(_("event"), max_length=200)
    kind = models.CharField(_("kind"), max_length=80, blank=True)
    body = models.BinaryField(_("body"))
    received_at = models.DateTimeField(_("received at"), auto_now_add=True)
    processed_at = models.DateTimeField(_("processed at"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)

    objects = BrandOwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("inbound event")
        verbose_name_plural = _("inbound events")
        indexes = [models.Index(fields=["id"], name="inbound_unprocessed", condition=Q(processed_at__isnull=True))]
        constraints = [models.UniqueConstraint(fields=["brand", "source", "event_id"], name="inbound_once")]

    def __str__(self) -> str:
        return f"{self.source} · {self.event_id}"


class ImportRun(models.Model):
    """One run of an import: what came of it, and where to go on after an interruption."""

    class Kind(models.TextChoices):
        PURCHASES = "purchases", _("Purchases")
        FEEDBACK = "feedback", _("Answers")
        COMPLAINTS = "complaints", _("Cases")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="imports", verbose_name=_("brand"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    file_name = models.CharField(_("file"), max_length=250)
    file_hash = models.CharField(_("file (hash)"), max_length=64)
    rows_done = models.PositiveIntegerField(_("rows done"), default=0)
    imported = models.PositiveIntegerField(_("imported"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    duplicate = models.PositiveIntegerField(_("duplicate"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    started_at = models.DateTimeField(_("started at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    objects = BrandOwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.file_name}"
