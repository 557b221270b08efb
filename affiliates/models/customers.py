"""Who bought."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, CustomersQuerySet
from affiliates.models.people import Affiliate


class Customer(models.Model):
    """Who bought. Affiliates never see a row of this table, nor anything that leads to one."""

    # Without an index of its own: the unique ones below begin with it.
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="customers", verbose_name=_("brand"), db_index=False)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    external_id = models.CharField(_("the shop's id"), max_length=120, null=True, blank=True)
    email = models.EmailField(_("e-mail"), max_length=320, null=True, blank=True)
    email_hash = models.BinaryField(_("e-mail (hash)"), max_length=33, null=True, editable=False)
    name = models.CharField(_("name"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    timezone = models.CharField(_("time zone"), max_length=64, blank=True)
    survey_notice = models.BooleanField(_("was told of the survey"), null=True, blank=True)
    acquiring_affiliate = models.ForeignKey(
        Affiliate,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="acquired_customers",
        verbose_name=_("brought by"),
        help_text=_("Who brought them the first time, for ever."),
    )
    acquired_at = models.DateTimeField(_("brought at"), null=True, blank=True)
    referral_code = models.CharField(_("recommendation code"), max_length=20, null=True, blank=True, unique=True)
    # Processing is restricted (GDPR 18): known, and neither asked nor written to unless they write to us.
    blocked_at = models.DateTimeField(_("blocked since"), null=True, blank=True)
    # Who they were is gone; the row stays for the sums of its purchases.
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = CustomersQuerySet["Customer"].as_manager()

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.UniqueConstraint(fields=["brand", "external_id"], name="customer_external_id_once"),
            models.UniqueConstraint(fields=["brand", "email_hash"], name="customer_email_once"),
            models.CheckConstraint(
                condition=Q(email__isnull=True) | Q(email_hash__isnull=False), name="customer_email_has_hash"
            ),
            models.CheckConstraint(
                condition=Q(acquiring_affiliate__isnull=True) | Q(acquired_at__isnull=False),
                name="customer_acquired_says_when",
            ),
        ]

    def __str__(self) -> str:
        if self.erased_at:
            return gettext("Erased customer")
        return self.name or self.email or self.external_id or str(self.pk)
