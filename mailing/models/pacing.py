"""How fast mail goes to one recipient domain."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class MailDomain(models.Model):
    """How mail to one recipient domain is paced, for all brands together; the empty name stands for all mail."""

    EVERYTHING = ""

    name = models.CharField(_("domain"), max_length=255, primary_key=True)
    free_at = models.DateTimeField(_("next mail from"))
    # It asked for less, or refuses us for what we are: nothing is handed over before.
    paused_until = models.DateTimeField(_("rests until"), null=True, blank=True)
    said = models.TextField(_("what its server said"), blank=True)

    class Meta:
        verbose_name = _("mail domain")
        verbose_name_plural = _("mail domains")
        indexes = [
            models.Index(fields=["free_at"], name="maildomain_busy"),
            models.Index(fields=["paused_until"], name="maildomain_resting", condition=Q(paused_until__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name or "*"
