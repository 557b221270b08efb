"""What a brand knows of warranties better than the table of countries, and what its staff decided in a case."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Brand, BrandOwnedQuerySet, CustomersQuerySet, User
from affiliates.models import Product
from complaints.models.cases import Complaint


class WarrantyRule(models.Model):
    """So long a brand, or the law where it sells, answers for a kind of product, a category or one product."""

    class Basis(models.TextChoices):
        LAW = "law", _("The law: instead of the rule of the country")
        BRAND = "brand", _("A promise of the brand, on top of the law")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="warranty_rules", verbose_name=_("brand"))
    basis = models.CharField(_("basis"), max_length=5, choices=Basis, default=Basis.BRAND)
    source = models.CharField(
        _("where it says so"), max_length=120, help_text=_("The article of a law, or the conditions of sale.")
    )
    product_kind = models.CharField(
        _("kind of product"), max_length=7, choices=Product.Kind, default=Product.Kind.GOODS
    )
    category = models.CharField(_("only this category"), max_length=120, blank=True)
    sku = models.CharField(_("only this product (SKU)"), max_length=120, blank=True)
    months = models.PositiveSmallIntegerField(
        _("months from delivery"), validators=[MinValueValidator(1), MaxValueValidator(600)]
    )
    burden_months = models.PositiveSmallIntegerField(
        _("months in which the seller has to show that it was not faulty"), default=0
    )
    delivered_from = models.DateField(_("delivered from"), null=True, blank=True)
    delivered_until = models.DateField(_("delivered until"), null=True, blank=True)
    suspends_on_repair = models.BooleanField(_("stands while it is repaired"), default=True)
    is_active = models.BooleanField(_("in use"), default=True)

    objects = BrandOwnedQuerySet["WarrantyRule"].as_manager()

    class Meta:
        verbose_name = _("warranty rule")
        verbose_name_plural = _("warranty rules")
        ordering = ["product_kind", "category", "sku", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(basis__in=["law", "brand"]), name="warranty_basis_is_known"),
            models.CheckConstraint(
                condition=Q(burden_months__lte=F("months")),
                name="warranty_burden_within",
                violation_error_message=_("The seller’s part cannot be longer than the warranty."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} · {self.months}"

    def fits(self, product: Product | None) -> bool:
        if product is None or product.kind != self.product_kind:
            return False
        return self.sku in ("", product.sku) and self.category in ("", product.category)


class WarrantyDecisionQuerySet(CustomersQuerySet["WarrantyDecision"]):
    brand_path = "complaint__brand"


class WarrantyDecision(models.Model):
    """What staff decided, beside what was reckoned from the dates when they did."""

    class Outcome(models.TextChoices):
        IN = "in", pgettext_lazy("warranty", "In warranty")
        SELLER = "seller", pgettext_lazy("warranty", "In warranty: taken to be faulty from the beginning")
        OUT = "out", pgettext_lazy("warranty", "Out of warranty")
        DOUBT = "doubt", pgettext_lazy("warranty", "In doubt")

    complaint = models.OneToOneField(
        Complaint, models.CASCADE, related_name="warranty_decision", verbose_name=_("case")
    )
    reckoned = models.CharField(_("reckoned"), max_length=6, choices=Outcome)
    decided = models.CharField(_("decided"), max_length=6, choices=Outcome)
    reason = models.TextField(_("reason"), blank=True)
    # The rule and the dates that were shown, as `complaints.services.warranting.as_data` writes them.
    basis = models.JSONField(_("rule and dates"), default=dict)
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("by"))
    decided_at = models.DateTimeField(_("at"))

    objects = WarrantyDecisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("decision on a warranty")
        verbose_name_plural = _("decisions on warranties")
        constraints = [
            models.CheckConstraint(
                condition=Q(decided=F("reckoned")) | ~Q(reason=""), name="warranty_override_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.complaint_id} · {self.decided}"
