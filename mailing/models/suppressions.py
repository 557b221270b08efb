"""Who must not be written to."""

from collections.abc import Iterable

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, CustomersQuerySet


def scopes_against(scopes: Iterable[str]) -> list[str]:
    """The scopes of suppressions that stop a mail about `scopes`."""
    about = list(scopes)
    return [*about, *([Suppression.UNASKED] if about else []), Suppression.EVERYTHING]


class SuppressionQuerySet(CustomersQuerySet["Suppression"]):
    """Whoever types an address learns what its owner asked of the brand."""

    def standing(self) -> "SuppressionQuerySet":
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=Now()))


class Suppression(models.Model):
    """Who must not be written to, and about what. Keyed hashes: it outlives the customer's erasure."""

    EVERYTHING = "all"
    # All that answers nobody: every mail that has a scope. Whoever marked a survey as spam and then asks us something
    # still gets the answer.
    UNASKED = "unasked"
    # About no mail at all: what was said before this moment is not taken in again from an old file.
    HISTORY = "history"

    class Reason(models.TextChoices):
        OPTED_OUT = "opted_out", _("Asked not to be written to")
        BOUNCED = "bounced", _("The address does not exist")
        COMPLAINED = "complained", _("Marked our mail as spam")
        MANUAL = "manual", _("Set by staff")
        ERASED = "erased", _("Was erased")

    brand = models.ForeignKey(
        Brand, models.CASCADE, related_name="suppressions", verbose_name=_("brand"), db_index=False
    )
    address_hash = models.BinaryField(_("address (hash)"), max_length=33, editable=False)
    scope = models.CharField(_("scope"), max_length=60, default=EVERYTHING)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    # An address that only failed for a while rests for a while. Empty: for good.
    expires_at = models.DateTimeField(_("until"), null=True, blank=True)

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        constraints = [
            models.UniqueConstraint(fields=["brand", "address_hash", "scope"], name="suppression_once"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} · {self.get_reason_display()}"
