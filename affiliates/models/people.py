"""Who recommends the brand: affiliates, the people who sign in for them, what happened to them."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Brand, BrandOwnedQuerySet, User
from mailing.models import OutgoingMail

if TYPE_CHECKING:
    from accounts.models import Viewer


class AffiliateQuerySet(models.QuerySet["Affiliate"]):
    def visible_to(self, user: "Viewer") -> "AffiliateQuerySet":
        """Staff see their brand's affiliates; members see their own, never a rival's, and not while suspended."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        own = AffiliateMember.objects.filter(user=user).exclude(affiliate__status=Affiliate.Status.SUSPENDED)
        return self.filter(Q(brand__in=Brand.objects.visible_to(user)) | Q(pk__in=own.values("affiliate")))

    def active(self) -> "AffiliateQuerySet":
        return self.filter(status=Affiliate.Status.ACTIVE)


class Affiliate(models.Model):
    class Status(models.TextChoices):
        APPLIED = "applied", _("Applied")
        INVITED = "invited", _("Invited")
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="affiliates", verbose_name=_("brand"))
    code = models.CharField(_("code"), max_length=60)
    name = models.CharField(_("name"), max_length=120)
    public_name = models.CharField(
        _("public name"), max_length=120, blank=True, help_text=_("How customers know them; else “whoever…”.")
    )
    email = models.EmailField(_("e-mail"), blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.ACTIVE)
    joined_at = models.DateTimeField(_("joined at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = AffiliateQuerySet.as_manager()

    class Meta:
        verbose_name = _("affiliate")
        verbose_name_plural = _("affiliates")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["brand", "code"], name="affiliate_code_once_a_brand"),
            models.CheckConstraint(
                condition=Q(status__in=["applied", "invited", "active", "suspended"]), name="affiliate_status_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE


class AffiliateMemberQuerySet(models.QuerySet["AffiliateMember"]):
    def visible_to(self, user: "Viewer") -> "AffiliateMemberQuerySet":
        return self.filter(affiliate__in=Affiliate.objects.visible_to(user))


class AffiliateMember(models.Model):
    """A person who signs in for an affiliate."""

    class Role(models.TextChoices):
        OWNER = "owner", pgettext_lazy("member", "Owner")
        MEMBER = "member", _("Member")

    affiliate = models.ForeignKey(Affiliate, models.CASCADE, related_name="members", verbose_name=_("affiliate"))
    user = models.ForeignKey(User, models.CASCADE, related_name="affiliate_members", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=6, choices=Role, default=Role.OWNER)
    accepted_terms_at = models.DateTimeField(_("accepted the terms at"), null=True, blank=True)
    last_seen_at = models.DateTimeField(_("last seen at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = AffiliateMemberQuerySet.as_manager()

    class Meta:
        verbose_name = _("member of an affiliate")
        verbose_name_plural = _("members of affiliates")
        constraints = [
            models.UniqueConstraint(fields=["affiliate", "user"], name="affiliatemember_once"),
            models.CheckConstraint(condition=Q(role__in=["owner", "member"]), name="affiliatemember_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.affiliate}"


class OwnedByAffiliateQuerySet(models.QuerySet):
    """Rows of an affiliate that its members and the brand's staff may see."""

    def visible_to(self, user: "Viewer") -> "OwnedByAffiliateQuerySet":
        return self.filter(affiliate__in=Affiliate.objects.visible_to(user))


class AffiliateEventQuerySet(BrandOwnedQuerySet["AffiliateEvent"]):
    brand_path = "affiliate__brand"


class AffiliateEvent(models.Model):
    """What happened to an affiliate in the programme: who did it, when and why. Append-only; for staff."""

    class Kind(models.TextChoices):
        APPLIED = "applied", _("Applied")
        INVITED = "invited", _("Invited")
        IMPORTED = "imported", _("Imported")
        APPROVED = "approved", _("Approved")
        DECLINED = "declined", _("Declined")
        SUSPENDED = "suspended", _("Suspended")
        REACTIVATED = "reactivated", _("Reactivated")
        MEMBER_INVITED = "member_invited", _("Person invited")
        MEMBER_UNINVITED = "uninvited", _("Invitation withdrawn")
        MEMBER_JOINED = "member_joined", _("Person joined")
        MEMBER_REMOVED = "member_removed", _("Person removed")
        ROLE_CHANGED = "role_changed", _("Role changed")

    affiliate = models.ForeignKey(Affiliate, models.PROTECT, related_name="events", verbose_name=_("affiliate"))
    kind = models.CharField(_("event"), max_length=14, choices=Kind)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("at"))
    note = models.CharField(_("note"), max_length=1000, blank=True)

    objects = AffiliateEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event of an affiliate")
        verbose_name_plural = _("events of affiliates")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.get_kind_display()


class MemberInvitationQuerySet(BrandOwnedQuerySet["MemberInvitation"]):
    """Addresses of people who may never join: for staff."""

    brand_path = "affiliate__brand"

    def pending(self) -> "MemberInvitationQuerySet":
        return self.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)


class MemberInvitation(models.Model):
    """Somebody may sign in for an affiliate once they follow the link in their mail. The link works once."""

    affiliate = models.ForeignKey(Affiliate, models.PROTECT, related_name="invitations", verbose_name=_("affiliate"))
    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=6, choices=AffiliateMember.Role)
    mail = models.OneToOneField(OutgoingMail, models.PROTECT, related_name="+", verbose_name=_("mail"))
    invited_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("invited by")
    )
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("valid until"))
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)

    objects = MemberInvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation of a person")
        verbose_name_plural = _("invitations of people")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["affiliate", "email"],
                condition=Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="memberinvitation_one_pending",
            ),
            models.CheckConstraint(
                condition=Q(email=models.functions.Lower("email")), name="memberinvitation_email_is_lower_case"
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(withdrawn_at__isnull=True),
                name="memberinvitation_ends_one_way",
            ),
            models.CheckConstraint(condition=Q(role__in=["owner", "member"]), name="memberinvitation_role_is_known"),
        ]

    def __str__(self) -> str:
        return self.email

    def is_usable(self, now: datetime) -> bool:
        return self.accepted_at is None and self.withdrawn_at is None and self.expires_at > now
