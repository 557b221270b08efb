"""Whom we ask, when, by which mails, or why not."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet, CustomersQuerySet, User
from affiliates.models import Purchase
from mailing.models import OutgoingMail
from mailing.tokens import hash_token
from surveys.models.questionnaires import Survey, Wave


class Reason(models.TextChoices):
    """Why somebody is not asked, or not yet. The contract's codes."""

    NO_DELIVERY = "no_delivery", _("Not delivered or activated yet")
    FATIGUE = "fatigue", _("Asked too recently")
    OPEN_COMPLAINT = "open_complaint", _("Has an open complaint")
    SUPPRESSED = "suppressed", _("Must not be written to")
    OPTED_OUT = "opted_out", _("Asked for no more surveys")
    BOUNCED = "bounced", _("The address does not exist")
    NO_NOTICE = "no_notice", _("Was not told of the survey")
    NO_EMAIL = "no_email", _("No e-mail address")
    TOO_OLD = "too_old", _("Delivered too long ago")
    SAMPLED_OUT = "sampled_out", _("Not in the sample")
    REFUNDED = "refunded", _("Refunded")
    CANCELLED = "cancelled", _("Cancelled")
    PAUSED = "paused", _("Asking is paused")
    FAILED = "failed", _("The mail could not be sent")
    UNCERTAIN = "uncertain", _("Perhaps sent")


class Asking(Brand):
    """A brand as the one that asks: the page on which asking is paused and resumed."""

    class Meta:
        proxy = True
        verbose_name = _("asking")
        verbose_name_plural = _("asking")


class InvitationQuerySet(BrandOwnedQuerySet["Invitation"]):
    def due(self, now: datetime) -> "InvitationQuerySet":
        """Planned invitations whose time has come, and held ones whose cause may be over."""
        return self.filter(
            state__in=[Invitation.State.PLANNED, Invitation.State.HELD], scheduled_for__lte=now
        ).order_by("scheduled_for", "id")

    def to_remind(self, now: datetime) -> "InvitationQuerySet":
        return self.filter(remind_at__lte=now).order_by("remind_at", "id")


class Invitation(models.Model):
    """The decision to ask somebody once about one occasion, and why not if not.

    Stored is only what surveys itself decides. Whether the mail was sent is read from the mailing ledger, whether it
    was answered from Response: `surveys.selectors` joins them into the contract's state.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for delivery")
        PLANNED = "planned", _("Planned")
        HELD = "held", _("Held")
        QUEUED = "queued", _("Handed to the mail ledger")
        CANCELLED = "cancelled", _("Cancelled")

    # Proved to exist by the survey, which has one: see Purchase.brand.
    brand = models.ForeignKey(
        Brand, models.PROTECT, related_name="invitations", verbose_name=_("brand"), db_constraint=False
    )
    survey = models.ForeignKey(Survey, models.PROTECT, related_name="invitations", verbose_name=_("survey"))
    wave = models.CharField(_("asked"), max_length=10, choices=Wave, default=Wave.FIRST)
    # What it is about: "purchase:17", or "case:5" for a closed case that may have no purchase.
    occasion = models.CharField(_("occasion"), max_length=40)
    # Indexed by name below; so are other keys here of which an index begins with them.
    purchase = models.ForeignKey(
        Purchase,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="invitations",
        verbose_name=_("purchase"),
        db_index=False,
    )
    state = models.CharField(_("state"), max_length=10, choices=State)
    reason = models.CharField(_("reason"), max_length=15, choices=Reason, blank=True)
    scheduled_for = models.DateTimeField(_("scheduled for"), null=True, blank=True)
    # When whoever was asked and has not answered is reminded, once; empty: not, or no more.
    remind_at = models.DateTimeField(_("remind at"), null=True, blank=True)
    # Asked by another tool before Postventa came: its history, without a mail of ours.
    sent_elsewhere_at = models.DateTimeField(_("sent by another tool at"), null=True, blank=True)
    # Answered so long ago that the answer is nobody's any more: it counts on without this row, and never a second time.
    was_answered = models.BooleanField(_("was answered"), default=False, db_default=False, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        indexes = [
            models.Index(
                fields=["scheduled_for", "id"], name="invitation_due", condition=Q(state__in=["planned", "held"])
            ),
            models.Index(fields=["id"], name="invitation_resting", condition=Q(state="held", reason="bounced")),
            models.Index(fields=["remind_at", "id"], name="invitation_remind", condition=Q(remind_at__isnull=False)),
            models.Index(fields=["purchase"], name="invitation_of_purchase"),
        ]
        constraints = [
            # Stronger than "once a survey": publishing a new version must not ask anybody again.
            models.UniqueConstraint(fields=["occasion", "wave"], name="invitation_once"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "planned", "held", "queued", "cancelled"]),
                name="invitation_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="planned") | Q(scheduled_for__isnull=False), name="invitation_planned_says_when"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["waiting", "held", "cancelled"]) | ~Q(reason=""),
                name="invitation_not_asked_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purchase or self.occasion} · {self.get_wave_display()}"


class InvitationMailQuerySet(BrandOwnedQuerySet["InvitationMail"]):
    brand_path = "invitation__brand"

    def with_token(self, token: str) -> "InvitationMailQuerySet":
        """The one survey mail whose links carry this token, or none; unknown and malformed tokens cost the same."""
        return self.filter(mail__token_hash=hash_token(token))


class InvitationMail(models.Model):
    """The mails of an invitation: the first and its one reminder, each with a token of its own."""

    class Kind(models.TextChoices):
        FIRST = "first", _("First mail")
        REMINDER = "reminder", _("Reminder")

    invitation = models.ForeignKey(
        Invitation, models.CASCADE, related_name="mails", verbose_name=_("invitation"), db_index=False
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    mail = models.OneToOneField(OutgoingMail, models.CASCADE, related_name="+", verbose_name=_("mail"))

    objects = InvitationMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail of an invitation")
        verbose_name_plural = _("mails of invitations")
        constraints = [models.UniqueConstraint(fields=["invitation", "kind"], name="invitationmail_once_a_kind")]

    def __str__(self) -> str:
        return str(self.get_kind_display())


class SampleMailQuerySet(CustomersQuerySet["SampleMail"]):
    brand_path = "survey__brand"

    def with_token(self, token: str) -> "SampleMailQuerySet":
        return self.filter(mail__token_hash=hash_token(token))


class SampleMail(models.Model):
    """A survey's mail that staff sent to themselves, as the customer of a purchase would get it.

    It asks nobody: its links lead to a preview, and what is answered there is not recorded.
    """

    survey = models.ForeignKey(Survey, models.CASCADE, related_name="samples", verbose_name=_("survey"))
    purchase = models.ForeignKey(Purchase, models.CASCADE, related_name="+", verbose_name=_("as for the purchase"))
    mail = models.OneToOneField(OutgoingMail, models.CASCADE, related_name="+", verbose_name=_("mail"))
    kind = models.CharField(_("kind"), max_length=8, choices=InvitationMail.Kind)
    sent_by = models.ForeignKey(User, models.CASCADE, related_name="+", verbose_name=_("sent by"))
    created_at = models.DateTimeField(_("created at"))

    objects = SampleMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("test mail")
        verbose_name_plural = _("test mails")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["sent_by", "-created_at"], name="samplemail_of_person")]

    def __str__(self) -> str:
        return f"{self.survey} · {self.get_kind_display()}"


class HoldQuerySet(BrandOwnedQuerySet["Hold"]):
    brand_path = "purchase__brand"

    def standing(self) -> "HoldQuerySet":
        return self.filter(lifted_at__isnull=True)


class Hold(models.Model):
    """A reason from above surveys not to ask about a purchase now: an open complaint."""

    purchase = models.ForeignKey(Purchase, models.CASCADE, related_name="holds", verbose_name=_("purchase"))
    cause = models.CharField(_("cause"), max_length=60)  # "complaint:5"
    created_at = models.DateTimeField(_("since"), auto_now_add=True)
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True)

    objects = HoldQuerySet.as_manager()

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.UniqueConstraint(
                fields=["purchase", "cause"], condition=Q(lifted_at__isnull=True), name="hold_once_a_cause"
            )
        ]

    def __str__(self) -> str:
        """What holds it in words; the app above that wrote it knows more."""
        return str(Reason.OPEN_COMPLAINT.label) if self.cause.startswith("complaint:") else self.cause
