"""What was bought, and what was given back."""

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models.customers import Customer


class Product(models.Model):
    class Kind(models.TextChoices):
        GOODS = "goods", _("Goods")
        SERVICE = "service", _("Service")
        DIGITAL = "digital", _("Digital")

    # Without an index of its own: the unique one below begins with it.
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="products", verbose_name=_("brand"), db_index=False)
    sku = models.CharField(_("SKU"), max_length=120)
    name = models.CharField(_("name"), max_length=250, blank=True)
    category = models.CharField(_("category"), max_length=120, blank=True)
    kind = models.CharField(_("kind"), max_length=7, choices=Kind, default=Kind.GOODS)

    objects = BrandOwnedQuerySet["Product"].as_manager()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["name", "sku"]
        constraints = [
            models.UniqueConstraint(fields=["brand", "sku"], name="product_sku_once_a_brand"),
            models.CheckConstraint(condition=Q(kind__in=["goods", "service", "digital"]), name="product_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.name or self.sku


class PurchaseQuerySet(BrandOwnedQuerySet["Purchase"]):
    def real(self) -> "PurchaseQuerySet":
        """What figures are made of: nobody bought what staff made up to try the way."""
        return self.exclude(source=Purchase.TEST)


class Purchase(models.Model):
    """What a shop told us was bought. Its natural key is the shop's id; nothing real is ever deleted."""

    # Came in by the button «send a test purchase»: asked about at once, counted nowhere, and removed when undone.
    TEST = "test"

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        CANCELLED = "cancelled", _("Cancelled")
        REFUNDED = "refunded", _("Refunded")

    # Without an index of its own: those below begin with it. That the brand exists is proved by the customer, who has
    # one; to check it here as well would lock the brand's row for each of its purchases once more.
    brand = models.ForeignKey(
        Brand, models.PROTECT, related_name="purchases", verbose_name=_("brand"), db_index=False, db_constraint=False
    )
    external_id = models.CharField(_("order"), max_length=120)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="purchases", verbose_name=_("customer"))
    product = models.ForeignKey(
        Product, models.PROTECT, null=True, blank=True, related_name="purchases", verbose_name=_("product")
    )
    purchased_at = models.DateTimeField(_("purchased at"))
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    activated_at = models.DateTimeField(_("activated at"), null=True, blank=True)
    promised_on = models.DateField(_("promised for"), null=True, blank=True)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN)

    # The evidence of attribution, as the shop sent it.
    click_ids = ArrayField(models.CharField(max_length=40), verbose_name=_("clicks"), default=list, blank=True)
    coupon_code = models.CharField(_("coupon"), max_length=60, blank=True)
    declared_affiliate = models.CharField(_("affiliate named by the shop"), max_length=60, blank=True)
    referral_code = models.CharField(_("recommendation code"), max_length=20, blank=True)
    recommended_by = models.CharField(
        _("recommended by, in the customer’s words"), max_length=200, blank=True, default="", db_default=""
    )

    # Keyed hash of who the shop said bought it: a repeat must name the same person, whatever we learnt since.
    identity_hash = models.BinaryField(max_length=33, null=True, editable=False)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    source = models.CharField(_("came in by"), max_length=20, default="api")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = PurchaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("purchase")
        verbose_name_plural = _("purchases")
        ordering = ["-purchased_at", "-id"]
        indexes = [
            models.Index(fields=["brand", "-purchased_at", "-id"], name="purchase_newest"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["brand", "external_id"], name="purchase_once"),
            models.CheckConstraint(
                condition=Q(state__in=["open", "cancelled", "refunded"]), name="purchase_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | Q(amount__gte=0), name="purchase_amount_positive"
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | ~Q(currency=""), name="purchase_amount_has_currency"
            ),
        ]

    def __str__(self) -> str:
        return self.external_id

    @property
    def kind(self) -> str:
        return self.product.kind if self.product else Product.Kind.GOODS

    @property
    def received_at(self) -> datetime | None:
        """When the customer had it: delivery for goods, activation (or else delivery) for the rest."""
        if self.kind == Product.Kind.GOODS:
            return self.delivered_at or self.activated_at
        return self.activated_at or self.delivered_at

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    @property
    def is_test(self) -> bool:
        return self.source == self.TEST


class RefundQuerySet(BrandOwnedQuerySet["Refund"]):
    brand_path = "purchase__brand"


class Refund(models.Model):
    """Money given back, in part or whole. Append-only."""

    purchase = models.ForeignKey(
        Purchase, models.PROTECT, related_name="refunds", verbose_name=_("purchase"), db_index=False
    )
    external_id = models.CharField(_("id"), max_length=120)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    refunded_at = models.DateTimeField(_("refunded at"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.UniqueConstraint(fields=["purchase", "external_id"], name="refund_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.purchase.currency}"


class PurchaseChange(models.Model):
    """A purchase, refund or attribution changed and is not yet counted.

    Written in the transaction of the change; insights takes the rows with SKIP LOCKED and recomputes what they touch.
    """

    # A queue, emptied every few seconds: the database need neither check nor find what each entry is about.
    purchase = models.ForeignKey(Purchase, models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("purchase not yet counted")
        verbose_name_plural = _("purchases not yet counted")

    def __str__(self) -> str:
        return f"{self.purchase_id}"
