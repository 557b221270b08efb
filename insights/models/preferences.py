"""What somebody who reads an affiliate's pages wants of them."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from affiliates.models import Affiliate, AffiliateMember

if TYPE_CHECKING:
    from accounts.models import Viewer


class PreferenceQuerySet(models.QuerySet["Preference"]):
    def visible_to(self, user: "Viewer") -> "PreferenceQuerySet":
        """One's own, and for staff those of their brands."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        own = Q(member__user=user, member__affiliate__in=Affiliate.objects.visible_to(user))
        return self.filter(own | Q(member__affiliate__brand__in=Brand.objects.visible_to(user)))


class Preference(models.Model):
    """One person's, of one affiliate. Without a row: a summary a week, and the tour not taken yet.

    Whoever left the summaries by their link has a Suppression besides, which stands above the rhythm.
    """

    class Rhythm(models.TextChoices):
        WEEKLY = "weekly", _("Once a week")
        MONTHLY = "monthly", _("Once a month")
        NEVER = "never", _("Never")

    member = models.OneToOneField(
        AffiliateMember, models.CASCADE, related_name="preference", verbose_name=_("member of an affiliate")
    )
    rhythm = models.CharField(_("summary by e-mail"), max_length=7, choices=Rhythm, default=Rhythm.WEEKLY)
    # The Monday, where they are, of the last week for which it was decided whether there is something to tell.
    decided_for = models.DateField(_("week last looked at"), null=True, blank=True)
    told_at = models.DateTimeField(_("last summary at"), null=True, blank=True)
    toured_at = models.DateTimeField(_("tour taken at"), null=True, blank=True)

    objects = PreferenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        constraints = [
            models.CheckConstraint(
                condition=Q(rhythm__in=["weekly", "monthly", "never"]), name="preference_rhythm_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} · {self.get_rhythm_display()}"

    @property
    def affiliate(self) -> Affiliate:
        return self.member.affiliate
