"""What customers agreed to, in the very words that they were shown."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from surveys.models.responses import Response


class ConsentWording(models.Model):
    """One version of the sentence beside the box. Never changed: other words are another row."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False, verbose_name=_("brand"))
    digest = models.BinaryField(max_length=32, editable=False)
    language = models.CharField(_("language"), max_length=10)
    text = models.TextField(_("words"))
    first_agreed_at = models.DateTimeField(_("first agreed to at"))

    objects = BrandOwnedQuerySet["ConsentWording"].as_manager()

    class Meta:
        verbose_name = _("wording of a consent")
        verbose_name_plural = _("wordings of consents")
        constraints = [models.UniqueConstraint(fields=["brand", "digest"], name="consentwording_once")]

    def __str__(self) -> str:
        return self.text


class GivenConsentQuerySet(BrandOwnedQuerySet["GivenConsent"]):
    brand_path = "response__brand"

    def standing(self) -> "GivenConsentQuerySet":
        return self.filter(withdrawn_at=None)


class GivenConsent(models.Model):
    """Somebody agreed that their words be published, and perhaps took it back."""

    response = models.ForeignKey(
        Response, models.CASCADE, related_name="consents", db_index=False, verbose_name=_("response")
    )
    wording = models.ForeignKey(ConsentWording, models.PROTECT, related_name="+", verbose_name=_("in these words"))
    agreed_at = models.DateTimeField(_("agreed at"))
    withdrawn_at = models.DateTimeField(_("taken back at"), null=True, blank=True)

    objects = GivenConsentQuerySet.as_manager()

    class Meta:
        verbose_name = _("consent to publication")
        verbose_name_plural = _("consents to publication")
        ordering = ["agreed_at", "pk"]
        indexes = [models.Index(fields=["response"], name="givenconsent_of_response")]
        constraints = [
            models.UniqueConstraint(fields=["response"], condition=Q(withdrawn_at=None), name="givenconsent_one_stands")
        ]

    def __str__(self) -> str:
        return f"{self.response_id} · {self.agreed_at:%Y-%m-%d}"
