"""What opinions are about: facts that a seller should tell, and aspects of what was bought."""

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet


def label_of(labels: dict[str, str]) -> str:
    """In the reader's language, else in the first there is."""
    return labels.get((get_language() or "")[:2]) or next(filter(None, labels.values()), "")


class Fact(models.Model):
    """Something a seller should say before the sale: the brand's catalogue, and the chips of «what was missing»."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="facts", verbose_name=_("brand"))
    code = models.SlugField(_("code"), max_length=40)
    labels = models.JSONField(_("labels by language"), default=dict)
    # What an affiliate should do about it, for «your next sale»: {"es": "Di el precio total…", …}
    advice = models.JSONField(_("advice by language"), default=dict, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_active = models.BooleanField(_("active"), default=True)

    objects = BrandOwnedQuerySet["Fact"].as_manager()

    class Meta:
        verbose_name = _("fact to tell")
        verbose_name_plural = _("facts to tell")
        ordering = ["position", "code"]
        constraints = [models.UniqueConstraint(fields=["brand", "code"], name="fact_code_once")]

    def __str__(self) -> str:
        return label_of(self.labels) or self.code


class Aspect(models.Model):
    """What an opinion is about; the chips of «keep» and «improve»."""

    class Stage(models.TextChoices):
        BEFORE = "before", _("Before buying")
        BUYING = "buying", _("Buying")
        DELIVERY = "delivery", _("Delivery")
        USE = "use", _("Use")
        AFTER = "after", _("After the sale")
        ANY = "any", _("All along")

    class Owner(models.TextChoices):
        BRAND = "brand", _("Brand")
        AFFILIATE = "affiliate", _("Affiliate")
        BOTH = "both", _("Both")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="aspects", verbose_name=_("brand"))
    code = models.SlugField(_("code"), max_length=40)
    labels = models.JSONField(_("labels by language"), default=dict)
    stage = models.CharField(_("stage"), max_length=10, choices=Stage, default=Stage.ANY)
    owner = models.CharField(_("owner"), max_length=10, choices=Owner, default=Owner.BRAND)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_active = models.BooleanField(_("active"), default=True)

    objects = BrandOwnedQuerySet["Aspect"].as_manager()

    class Meta:
        verbose_name = _("aspect")
        verbose_name_plural = _("aspects")
        ordering = ["position", "code"]
        constraints = [models.UniqueConstraint(fields=["brand", "code"], name="aspect_code_once")]

    def __str__(self) -> str:
        return label_of(self.labels) or self.code
