"""Mail that came in for customers' cases: what it says, what became of it, and its bytes as they were."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, CustomersQuerySet, User
from affiliates.models import Customer
from complaints.models.cases import Complaint
from mailing.models import OutgoingMail

if TYPE_CHECKING:
    from accounts.models import Viewer


class IncomingMailQuerySet(CustomersQuerySet["IncomingMail"]):
    def visible_to(self, user: "Viewer") -> "IncomingMailQuerySet":
        """What is addressed to no brand that we know is for whoever runs the installation."""
        return self if user.is_authenticated and user.is_active and user.is_superuser else super().visible_to(user)

    def due(self, now: datetime) -> "IncomingMailQuerySet":
        return self.filter(state=IncomingMail.State.RECEIVED, try_at__lte=now)

    def quarantined(self) -> "IncomingMailQuerySet":
        return self.filter(state=IncomingMail.State.QUARANTINED)


class IncomingMail(models.Model):
    """One mail, stored before anything is read in it.

    received → filed in a case, quarantined until staff decide, or set aside since nobody waits for an answer to it;
    from quarantine filed or discarded, and from aside too: robots are told by signs, and signs may be wrong.
    """

    class State(models.TextChoices):
        RECEIVED = "received", _("Received")
        FILED = "filed", _("In a case")
        QUARANTINED = "quarantined", _("To be decided")
        SET_ASIDE = "set_aside", _("Set aside")
        DISCARDED = "discarded", _("Discarded")

    class Reason(models.TextChoices):
        """Why it is not in a case by itself."""

        UNREADABLE = "unreadable", _("It cannot be read")
        TOO_LARGE = "too_large", _("It is too large; only its beginning is here")
        REPEATED_ID = "repeated_id", _("It has the Message-ID of another mail and says something else")
        UNKNOWN_BRAND = "unknown_brand", _("No brand has the address it came to")
        UNKNOWN_SENDER = "unknown_sender", _("Nobody is known by the sender's address")
        OTHER_SENDER = "other_sender", _("It answers our mail to somebody else")
        WHICH_CASE = "which_case", _("Its sender has open cases: is it about one of them?")
        NO_CASE = "no_case", _("It answers a mail of ours that is about no purchase and no case")
        FORGED = "forged", _("The receiving server says that the sender is forged")
        TOO_MANY = "too_many", _("Too many mails of one sender within an hour")
        EMPTY = "empty", _("There is nothing in it")
        AUTOMATIC = "automatic", _("A program wrote it")
        REPORT = "report", _("It tells what became of a mail of ours")
        OWN = "own", _("It is our own mail")

    class Evidence(models.TextChoices):
        """By what its case was found."""

        ADDRESS = "address", _("the reply address of our mail")
        THREAD = "thread", _("the mail of ours that it answers")
        SENDER = "sender", _("its sender")
        STAFF = "staff", _("a colleague")

    brand = models.ForeignKey(
        Brand, models.CASCADE, null=True, blank=True, related_name="+", db_index=False, verbose_name=_("brand")
    )
    # Its Message-ID, or one made of its bytes where it has none.
    message_id = models.CharField(_("Message-ID"), max_length=255, unique=True)
    sender = models.CharField(_("sender"), max_length=320, blank=True)
    sender_name = models.CharField(_("name of the sender"), max_length=200, blank=True)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    text = models.TextField(_("text"), blank=True)
    quoted = models.TextField(_("what it quotes"), blank=True)
    state = models.CharField(_("state"), max_length=11, choices=State, default=State.RECEIVED)
    reason = models.CharField(_("why"), max_length=14, choices=Reason, blank=True)
    evidence = models.CharField(_("known by"), max_length=7, choices=Evidence, blank=True)
    answers = models.ForeignKey(
        OutgoingMail, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("answers our mail")
    )
    complaint = models.ForeignKey(
        Complaint, models.SET_NULL, null=True, blank=True, related_name="mails", verbose_name=_("case")
    )
    customer = models.ForeignKey(
        Customer, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("customer")
    )
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    received_at = models.DateTimeField(_("received at"))
    try_at = models.DateTimeField(_("next try at"))
    handled_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    handled_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )

    objects = IncomingMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("incoming mail")
        verbose_name_plural = _("incoming mail")
        ordering = ["-received_at", "-id"]
        indexes = [
            models.Index(fields=["try_at", "id"], name="incoming_unsorted", condition=Q(state="received")),
            models.Index(fields=["brand", "state", "-received_at", "-id"], name="incoming_by_state"),
            models.Index(fields=["state", "-received_at", "-id"], name="incoming_of_all_brands"),
            models.Index(fields=["sender", "-received_at"], name="incoming_of_sender"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["received", "filed", "quarantined", "set_aside", "discarded"]),
                name="incoming_state_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["quarantined", "set_aside"]) | ~Q(reason=""), name="incoming_says_why_it_waits"
            ),
        ]

    def __str__(self) -> str:
        return self.subject or self.sender or str(self.pk)

    @property
    def is_decided(self) -> bool:
        return self.state in (self.State.FILED, self.State.DISCARDED)


class IncomingMailContentQuerySet(CustomersQuerySet["IncomingMailContent"]):
    brand_path = "mail__brand"

    def visible_to(self, user: "Viewer") -> "IncomingMailContentQuerySet":
        return self.filter(mail__in=IncomingMail.objects.visible_to(user))


class IncomingMailContent(models.Model):
    """The bytes as they came, apart so that lists do not read them; kept as long as somebody may have to look again."""

    mail = models.OneToOneField(IncomingMail, models.CASCADE, primary_key=True, related_name="content")
    data = models.BinaryField()
    is_cut = models.BooleanField(default=False)

    objects = IncomingMailContentQuerySet.as_manager()

    class Meta:
        verbose_name = _("content of an incoming mail")
        verbose_name_plural = _("contents of incoming mail")

    def __str__(self) -> str:
        return str(self.mail_id)
