"""What comes in, before and while it becomes purchases and answers."""

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, Brand, BrandOwnedQuerySet, CustomersQuerySet, User
from affiliates.models import Customer

if TYPE_CHECKING:
    from accounts.models import Viewer


class IdempotencyKey(models.Model):
    """The first answer to a request that names a key, given again for 30 days."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"), db_index=False)
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+", verbose_name=_("API key"))
    key = models.CharField(_("key"), max_length=255)
    request_hash = models.BinaryField(_("request (hash)"), max_length=32)
    status = models.PositiveSmallIntegerField(_("status"))
    body = models.JSONField(_("answer"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = BrandOwnedQuerySet["IdempotencyKey"].as_manager()

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        indexes = [models.Index(fields=["created_at"], name="idempotencykey_age")]
        constraints = [models.UniqueConstraint(fields=["brand", "key"], name="idempotencykey_once")]

    def __str__(self) -> str:
        return self.key


class Source(models.TextChoices):
    """Which system calls us."""

    SHOPIFY = "shopify", "Shopify"
    WOOCOMMERCE = "woocommerce", "WooCommerce"
    STRIPE = "stripe", "Stripe"
    POSTBACK = "postback", _("Postback")
    MAIL = "mail", _("Mail provider")


class HookQuerySet(models.QuerySet["Hook"]):
    def visible_to(self, user: "Viewer") -> "HookQuerySet":
        """Who holds a hook's secret can make up purchases: the brand's administrators, nobody else."""
        return self.filter(brand__in=Brand.objects.administered_by(user))


class Hook(models.Model):
    """A shop's way in: the secret that signs what it sends. While it is being changed, the one before holds too."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="hooks", verbose_name=_("brand"))
    source = models.CharField(_("source"), max_length=15, choices=[c for c in Source.choices if c[0] != Source.MAIL])
    sealed_secret = models.BinaryField(_("secret (sealed)"), max_length=2000)
    sealed_previous = models.BinaryField(_("secret before (sealed)"), max_length=2000, null=True, blank=True)
    changed_at = models.DateTimeField(_("secret changed at"), null=True, blank=True)
    expected_every = models.DurationField(
        _("something comes at least every"),
        default=timedelta(days=1),
        null=True,
        blank=True,
        help_text=_("Longer without anything is shown as silence. Empty: never."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = HookQuerySet.as_manager()

    class Meta:
        verbose_name = _("incoming hook")
        verbose_name_plural = _("incoming hooks")
        ordering = ["brand", "source"]
        constraints = [
            models.UniqueConstraint(fields=["brand", "source"], name="hook_once"),
            models.CheckConstraint(
                condition=Q(source__in=["shopify", "woocommerce", "stripe", "postback"]), name="hook_source_is_known"
            ),
            models.CheckConstraint(
                condition=Q(expected_every__isnull=True) | Q(expected_every__gt=timedelta(0)),
                name="hook_expects_some_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand} · {self.get_source_display()}"

    @property
    def sealed_secrets(self) -> list[bytes]:
        """The secrets that hold now, the newest first."""
        return [bytes(sealed) for sealed in (self.sealed_secret, self.sealed_previous) if sealed]

    def is_silent(self, last_received_at: datetime | None, *, now: datetime) -> bool:
        """Has it been quiet for longer than its brand expects, counting from its beginning?"""
        return self.expected_every is not None and now - (last_received_at or self.created_at) > self.expected_every


class InboundEventQuerySet(CustomersQuerySet["InboundEvent"]):
    def visible_to(self, user: "Viewer") -> "InboundEventQuerySet":
        """What speaks of several brands' mail, or of nobody's, is for whoever runs the installation."""
        return self if user.is_authenticated and user.is_superuser else super().visible_to(user)

    def due(self, now: datetime) -> "InboundEventQuerySet":
        return self.filter(processed_at__isnull=True, try_at__lte=now)


class InboundEvent(models.Model):
    """What another system sent, raw, stored before anything is done with it.

    received → done, ignored or failed; or waiting for the purchase it is about. The row is the work still to be done:
    whoever processes it holds its lock.
    """

    class State(models.TextChoices):
        RECEIVED = "received", _("Received")
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        IGNORED = "ignored", _("Ignored")
        FAILED = "failed", _("Failed")

    class Reason(models.TextChoices):
        WAITING_FOR_PURCHASE = "waiting_for_purchase", _("Its purchase has not come yet")
        UNKNOWN_TOPIC = "unknown_topic", _("About something we have no use for")
        NOT_PAID = "not_paid", _("Not paid yet")
        NOTHING_NEW = "nothing_new", _("Says nothing we could use")
        SAMPLE = "sample", _("A sample that the shop sends to try the hook")
        DIFFERS = "differs", _("Differs from what is stored, which stands")
        INCOMPLETE = "incomplete", _("Taken without what could not be read")
        INVALID = "invalid", _("Cannot be recorded as it is")
        UNKNOWN_MAIL = "unknown_mail", _("About mail that is not ours")
        FAULT = "fault", _("A fault of ours")

    # A mail provider's message may speak of several brands' mail.
    brand = models.ForeignKey(
        Brand, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("brand"), db_index=False
    )
    source = models.CharField(_("source"), max_length=15, choices=Source)
    event_id = models.CharField(_("event"), max_length=200)
    kind = models.CharField(_("kind"), max_length=80, blank=True)
    body = models.BinaryField(_("body"))
    order_id = models.CharField(_("order"), max_length=120, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.RECEIVED)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason, blank=True)
    error = models.TextField(_("details"), blank=True)
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    received_at = models.DateTimeField(_("received at"), auto_now_add=True)
    try_at = models.DateTimeField(_("next try at"), default=timezone.now)
    processed_at = models.DateTimeField(_("processed at"), null=True, blank=True)

    objects = InboundEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("inbound event")
        verbose_name_plural = _("inbound events")
        indexes = [
            models.Index(fields=["try_at", "id"], name="inbound_unprocessed", condition=Q(processed_at__isnull=True)),
            models.Index(fields=["brand", "order_id"], name="inbound_order", condition=~Q(order_id="")),
            models.Index(fields=["brand", "source", "-received_at"], name="inbound_newest"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["brand", "source", "event_id"], name="inbound_once"),
            models.UniqueConstraint(
                fields=["source", "event_id"], condition=Q(brand__isnull=True), name="inbound_once_without_brand"
            ),
            models.CheckConstraint(
                condition=Q(source="mail") | Q(brand__isnull=False), name="inbound_of_a_shop_has_its_brand"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["received", "waiting"], processed_at__isnull=True)
                | Q(state__in=["done", "ignored", "failed"], processed_at__isnull=False),
                name="inbound_state_says_whether_processed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} · {self.event_id}"


class ImportRun(models.Model):
    """One run of an import: what came of it, and where to go on after an interruption."""

    class Kind(models.TextChoices):
        PURCHASES = "purchases", _("Purchases")
        FEEDBACK = "feedback", _("Answers")
        COMPLAINTS = "complaints", _("Cases")
        AFFILIATES = "affiliates", _("Affiliates")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="imports", verbose_name=_("brand"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    file_name = models.CharField(_("file"), max_length=250)
    file_hash = models.CharField(_("file (hash)"), max_length=64)
    rows_done = models.PositiveIntegerField(_("rows done"), default=0)
    imported = models.PositiveIntegerField(_("imported"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    duplicate = models.PositiveIntegerField(_("duplicate"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    started_at = models.DateTimeField(_("started at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    objects = BrandOwnedQuerySet["ImportRun"].as_manager()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.file_name}"


class ErasureQuerySet(BrandOwnedQuerySet["Erasure"]):
    def unfinished(self) -> "ErasureQuerySet":
        return self.filter(finished_at=None)


class Erasure(models.Model):
    """A customer's erasure: asked for, worked step by step, and what remains of it as a proof. Holds ids alone.

    Each step is one transaction with the note that it is done: whatever stops a worker, the next goes on from there.
    """

    class Step(models.TextChoices):
        MESSAGES = "messages", _("Messages of other systems, and the history of the admin")
        MAILS = "mails", _("Mails")
        ANSWERS = "answers", _("Answers")
        CASES = "cases", _("Cases")
        PERSON = "person", _("Purchases and person")
        SHOWN_WORDS = "shown_words", _("Words that affiliates were shown")
        DONE = "done", _("Done")

    class Door(models.TextChoices):
        STAFF = "staff", _("Staff")
        API = "api", _("API")
        COMMAND = "command", _("Command")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="erasures", verbose_name=_("brand"))
    # Empty of all that they were, once it is done.
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="erasures", verbose_name=_("customer"))
    door = models.CharField(_("asked for by"), max_length=7, choices=Door)
    requested_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("person")
    )
    requested_at = models.DateTimeField(_("asked for at"))
    step = models.CharField(_("step"), max_length=11, choices=Step, default=Step.MESSAGES)
    # {"surveys.Answer": 3, …}: rows that went or were overwritten
    counts = models.JSONField(_("rows"), default=dict)
    # Whose words may still be shown; emptied at the end.
    responses = ArrayField(models.BigIntegerField(), default=list, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    objects = ErasureQuerySet.as_manager()

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ["-requested_at", "-pk"]
        indexes = [models.Index(fields=["id"], name="erasure_unfinished", condition=Q(finished_at=None))]
        constraints = [
            models.UniqueConstraint(fields=["customer"], condition=Q(finished_at=None), name="erasure_one_at_a_time"),
            models.CheckConstraint(
                condition=Q(step="done", finished_at__isnull=False) | (~Q(step="done") & Q(finished_at=None)),
                name="erasure_done_says_when",
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def is_done(self) -> bool:
        return self.finished_at is not None


class BlockedRecordQuerySet(models.QuerySet["BlockedRecord"]):
    def visible_to(self, user: "Viewer") -> "BlockedRecordQuerySet":
        """That there is one, for whoever runs the installation; what it says is shown by no page."""
        return self if user.is_authenticated and user.is_active and user.is_superuser else self.none()


class BlockedRecord(models.Model):
    """What a claim of an erased customer may need, sealed: for a court or an authority, until none can come any more.

    Spain, LOPDGDD 32. Opened by `manage.py open_blocked` alone, which is put on record.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+", verbose_name=_("brand"))
    erasure = models.ForeignKey(Erasure, models.CASCADE, related_name="blocked", verbose_name=_("erasure"))
    # A ZIP as the customer would have got it, of their cases and the purchases they were about.
    sealed = models.BinaryField(editable=False)
    since = models.DateTimeField(_("last case closed at"))

    objects = BlockedRecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("blocked record")
        verbose_name_plural = _("blocked records")
        indexes = [models.Index(fields=["since"], name="blockedrecord_by_age")]

    def __str__(self) -> str:
        return str(self.erasure_id)


class RetentionRunQuerySet(models.QuerySet["RetentionRun"]):
    def visible_to(self, user: "Viewer") -> "RetentionRunQuerySet":
        """It counts the rows of all brands together: for whoever runs the installation."""
        return self if user.is_authenticated and user.is_active and user.is_superuser else self.none()


class RetentionRun(models.Model):
    """The report of one night: how many rows of each kind were old enough to go."""

    ran_at = models.DateTimeField(_("at"))
    counts = models.JSONField(_("rows"), default=dict)

    objects = RetentionRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("run of retention")
        verbose_name_plural = _("runs of retention")
        ordering = ["-ran_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.ran_at:%Y-%m-%d %H:%M}"

    @property
    def total(self) -> int:
        return sum(self.counts.values())


class Reading(models.Model):
    """How the installation did in one minute (intake/operations): of nobody in particular, and kept for a few days."""

    at = models.DateTimeField(_("minute"), unique=True)
    until = models.DateTimeField(_("counted until"))
    # {"mail": [12.5, 3], …}: seconds for which the oldest that was due had waited, and how much was due
    waits = models.JSONField(_("waiting"), default=dict)
    # {"mails_sent": 1200, …}: since the first reading
    totals = models.JSONField(_("totals"), default=dict)
    # {"mailing_mailevent": 77, …}: the last row counted
    seen = models.JSONField(default=dict, editable=False)

    class Meta:
        verbose_name = _("reading")
        verbose_name_plural = _("readings")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"
