"""One message to one address, from the wish to send it to what became of it."""

import uuid
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Q, Value
from django.db.models.functions import Now
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Brand, CustomersQuerySet
from mailing.tokens import current_key_version, hash_token, make_token

# Nothing more is to become of it, and it is still known to whom it went.
SETTLED = ~Q(to_address="") & Q(state__in=["sent", "failed", "cancelled", "expired", "uncertain"])


class OutgoingMailQuerySet(CustomersQuerySet["OutgoingMail"]):
    """Mail carries names and addresses: staff of its brand only."""

    def settled(self) -> "OutgoingMailQuerySet":
        return self.filter(SETTLED)

    def due(self, now: datetime | Now) -> "OutgoingMailQuerySet":
        return self.filter(state=OutgoingMail.State.QUEUED, not_before__lte=now)

    def unfinished(self) -> "OutgoingMailQuerySet":
        return self.filter(state__in=[OutgoingMail.State.QUEUED, OutgoingMail.State.CLAIMED])

    def put_aside(self) -> "OutgoingMailQuerySet":
        """Not sent for a cause that will pass. Whoever asked for it decides whether to ask for another."""
        return self.filter(state=OutgoingMail.State.CANCELLED, reason__in=OutgoingMail.PASSING)

    def called_back(self) -> "OutgoingMailQuerySet":
        """Cancelled as soon as they came back from a server, by a wish that came while they were with it."""
        return self.filter(~Q(cancel_wanted=""), state=OutgoingMail.State.CANCELLED)

    def with_token(self, token: str) -> "OutgoingMailQuerySet":
        """The one mail whose links carry this token, or none. Unknown and malformed tokens cost the same."""
        return self.filter(token_hash=hash_token(token))


class OutgoingMail(models.Model):
    """One message to one address. The row is the truth; a broker only hints that it is time.

    queued → claimed → handing_over → sent, or failed, uncertain, cancelled, expired. `handing_over` is committed
    before the SMTP conversation: what is found there after a crash was perhaps delivered.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        CLAIMED = "claimed", _("Claimed by a worker")
        HANDING_OVER = "handing_over", _("Being handed over")
        SENT = "sent", pgettext_lazy("mail state", "Sent")
        FAILED = "failed", _("Failed")
        UNCERTAIN = "uncertain", _("Uncertain")
        CANCELLED = "cancelled", pgettext_lazy("mail state", "Cancelled")
        EXPIRED = "expired", _("Expired")

    class Reason(models.TextChoices):
        """Why the engine left a mail where it is. Whoever cancels one may give a reason of their own."""

        REFUSED = "refused", _("The server refused it for good")
        BOUNCED = "bounced", _("The address does not exist")
        DEFERRED = "deferred", _("The server asked to try later")
        PACED = "paced", _("Its domain takes no more for now")
        UNREACHABLE = "unreachable", _("The mail server cannot be reached")
        LOST = "lost", _("The connection broke before the server's answer")
        WORKER_LOST = "worker_lost", _("The worker stopped in the middle")
        RESTORED = "restored", _("A backup was restored that knew it unsent")
        GIVEN_UP = "given_up", _("Given up after too many tries")
        TOO_LATE = "too_late", _("Its time was over")
        TEMPLATE = "template", _("Its template has a fault")
        ADDRESS = "address", _("The address cannot be written to")
        OPTED_OUT = "opted_out", _("Asked not to be written to")
        COMPLAINED = "complained", _("Marked our mail as spam")
        RESTS = "rests", _("The address rests after failing again and again")
        PAUSED = "paused", _("Its brand asks nobody for now")
        NOT_ARRIVED = "not_arrived", _("It did not arrive")
        MANUAL = "manual", _("Set by staff")
        TAKEN_BACK = "taken_back", _("Taken back before it was sent")
        ANSWERED = "answered", _("Its recipient had answered")

    class Guarantee(models.TextChoices):
        """What to do with a mail that was perhaps delivered."""

        AT_MOST_ONCE = "at_most_once", _("At most once")
        AT_LEAST_ONCE = "at_least_once", _("At least once")

    PASSING = (Reason.RESTS, Reason.PAUSED)
    # The streams one can unsubscribe from: what customers are asked, from a sender of its own, and what people who sign
    # in are told at a rhythm of theirs. Mail of neither answers somebody.
    SURVEYS = "surveys"
    DIGEST = "digest"
    # Sent by staff to themselves to see one: what holds the stream back does not hold it.
    SAMPLE = "sample"

    # Without an index of its own: those that begin with the brand serve.
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="mails", db_index=False, verbose_name=_("brand"))
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    dedupe_key = models.CharField(_("dedupe key"), max_length=120, unique=True)
    template = models.CharField(_("template"), max_length=60)
    context = models.JSONField(_("context"), default=dict, blank=True)
    # More context, which nobody may read in the table: a link that resets a password.
    sealed_context = models.BinaryField(null=True, blank=True, editable=False)
    language = models.CharField(_("language"), max_length=10)
    to_address = models.EmailField(_("to"), max_length=320)
    scopes = ArrayField(models.CharField(max_length=60), verbose_name=_("suppression scopes"), default=list, blank=True)
    guarantee = models.CharField(_("guarantee"), max_length=15, choices=Guarantee)
    key_version = models.PositiveSmallIntegerField(_("key version"), default=current_key_version)
    token_hash = models.BinaryField(_("token hash"), max_length=32, unique=True, editable=False)
    message_id = models.CharField(_("Message-ID"), max_length=250, unique=True)

    state = models.CharField(_("state"), max_length=12, choices=State, default=State.QUEUED)
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    # Why it is not to be sent any more, said when it could not be stopped: it was with a server, or its end is unknown.
    cancel_wanted = models.CharField(_("to be cancelled for"), max_length=40, blank=True, default="", db_default="")
    server_reply = models.TextField(_("what the server said"), blank=True)
    not_before = models.DateTimeField(_("not before"))
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    # When the recipient's domain can take it; empty: never had to wait for that.
    slot_at = models.DateTimeField(_("its turn at"), null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    lease_owner = models.UUIDField(_("held by"), null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(_("held until"), null=True, blank=True, editable=False)
    handed_over_at = models.DateTimeField(_("handed over at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        indexes = [
            models.Index(fields=["not_before", "id"], name="mail_due", condition=Q(state="queued")),
            models.Index(
                fields=["lease_until"], name="mail_leased", condition=Q(state__in=["claimed", "handing_over"])
            ),
            models.Index(fields=["to_address"], name="mail_address"),
            # What staff leaf through: all by number, a state by when it was reached, which counts the last minutes too.
            models.Index(fields=["brand", "-id"], name="mail_of_brand"),
            models.Index(fields=["brand", "state", "-updated_at", "-id"], name="mail_by_state"),
            models.Index(fields=["id"], name="mail_unreachable", condition=Q(state="queued", reason="unreachable")),
            # What waits, of one brand, and for a domain that rests or is slow.
            models.Index(fields=["brand", "not_before", "id"], name="mail_waiting", condition=Q(state="queued")),
            models.Index(
                "brand",
                Func("to_address", Value("@"), Value(-1), function="split_part"),
                name="mail_waiting_at_domain",
                condition=Q(state="queued"),
            ),
            models.Index(
                fields=["id"], name="mail_put_aside", condition=Q(state="cancelled", reason__in=["rests", "paused"])
            ),
            # Whose time comes next, however many are emptied by now.
            models.Index(
                fields=["created_at"],
                name="mail_by_age",
                condition=SETTLED,
            ),
            models.Index(fields=["id"], name="mail_called_back", condition=~Q(cancel_wanted="") & Q(state="cancelled")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "queued",
                        "claimed",
                        "handing_over",
                        "sent",
                        "failed",
                        "uncertain",
                        "cancelled",
                        "expired",
                    ]
                ),
                name="mail_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(guarantee__in=["at_most_once", "at_least_once"]), name="mail_guarantee_is_known"
            ),
            # Who holds a mail, and until when, is said together and only while it is held.
            models.CheckConstraint(
                condition=Q(state__in=["claimed", "handing_over"], lease_owner__isnull=False, lease_until__isnull=False)
                | (~Q(state__in=["claimed", "handing_over"]) & Q(lease_owner__isnull=True, lease_until__isnull=True)),
                name="mail_lease_while_held",
            ),
            models.CheckConstraint(condition=~Q(state="sent") | Q(sent_at__isnull=False), name="mail_sent_says_when"),
        ]

    def __str__(self) -> str:
        return f"{self.to_address} · {self.get_state_display()}"

    @property
    def stream(self) -> str:
        """The one of the two it belongs to, or none."""
        return next((stream for stream in (self.SURVEYS, self.DIGEST) if stream in self.scopes), "")

    @property
    def is_survey_mail(self) -> bool:
        return self.SURVEYS in self.scopes

    @property
    def is_sample(self) -> bool:
        """A test that staff sent to themselves: it asks nobody, and trying its links changes nothing."""
        return self.SAMPLE in self.scopes

    @property
    def waits_while_paused(self) -> bool:
        return self.is_survey_mail and not self.is_sample

    @property
    def purchase_scope(self) -> str:
        """The scope of the one purchase it is about, or none."""
        return next((scope for scope in self.scopes if scope.startswith("purchase:")), "")

    @property
    def sender(self) -> str:
        """The bare address it comes from. Streams have senders of their own, as mailbox providers ask."""
        own = self.brand.survey_sender if self.is_survey_mail else self.brand.service_sender
        return own or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]

    @property
    def may_be_retried(self) -> bool:
        """By staff, who are asked nothing else: whoever asked for it still wants it sent."""
        return self.state in (self.State.FAILED, self.State.UNCERTAIN) and not self.cancel_wanted

    @property
    def may_be_cancelled(self) -> bool:
        """By staff: it waits, or, being with a server, might come back."""
        waits = (self.State.QUEUED, self.State.CLAIMED, self.State.HANDING_OVER)
        return self.state in waits and not self.cancel_wanted

    @property
    def reason_label(self) -> str:
        return str(dict(self.Reason.choices).get(self.reason, self.reason))

    @cached_property
    def token(self) -> str:
        """The secret of this message's links; the same at every retry."""
        return make_token("mail", self.uuid, key_version=self.key_version)


class MailEvent(models.Model):
    """What a provider or a customer reported of a mail later. Append-only; any order, each once."""

    class Kind(models.TextChoices):
        DELIVERED = "delivered", _("Delivered")
        DEFERRED = "deferred", _("Deferred")
        BOUNCED = "bounced", _("Bounced")
        COMPLAINED = "complained", _("Marked as spam")
        UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
        REJECTED = "rejected", _("Rejected")
        RETRIED = "retried", _("Retried by staff")
        ARRIVED = "arrived", _("Found to have arrived")
        NOT_ARRIVED = "not_arrived", _("Found not to have arrived")
        CANCELLED = "cancelled", _("Cancelled by staff")
        CALLED_BACK = "called_back", _("Called back by staff")

    brand = models.ForeignKey(Brand, models.CASCADE, db_index=False, verbose_name=_("brand"))
    mail = models.ForeignKey(
        OutgoingMail, models.CASCADE, null=True, blank=True, related_name="events", verbose_name=_("mail")
    )
    kind = models.CharField(_("event"), max_length=12, choices=Kind)
    source = models.CharField(_("source"), max_length=30)
    event_id = models.CharField(_("event id"), max_length=200)
    detail = models.CharField(_("detail"), max_length=200, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = CustomersQuerySet["MailEvent"].as_manager()

    class Meta:
        verbose_name = _("mail event")
        verbose_name_plural = _("mail events")
        indexes = [models.Index(fields=["brand", "kind", "-occurred_at"], name="mailevent_of_brand")]
        constraints = [models.UniqueConstraint(fields=["source", "event_id"], name="mailevent_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.occurred_at:%Y-%m-%d %H:%M}"
