"""Invitations to work for a brand. Here, since the ledger carries them; people and roles are in accounts."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet, Role, User
from mailing.models import OutgoingMail


class StaffInvitationQuerySet(BrandOwnedQuerySet["StaffInvitation"]):
    def pending(self) -> "StaffInvitationQuerySet":
        return self.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)


class StaffInvitation(models.Model):
    """Somebody may work for a brand once they follow the link in their mail. The link works once."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=10, choices=Role)
    mail = models.OneToOneField(OutgoingMail, models.PROTECT, related_name="+", verbose_name=_("mail"))
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("invited by"))
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("valid until"))
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    objects = StaffInvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation to work here")
        verbose_name_plural = _("invitations to work here")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "email"],
                condition=Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="staffinvitation_one_pending",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="staffinvitation_role_is_known"),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_pending(self) -> bool:
        return self.accepted_at is None and self.withdrawn_at is None

    def is_usable(self, now: datetime) -> bool:
        return self.is_pending and now < self.expires_at
