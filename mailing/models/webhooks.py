"""What other systems are told: where to, what happened, and what became of telling it.

An event is written in the transaction of what it tells, with a delivery for every endpoint that listens. It holds
ids, amounts and states, never a name, an address or words: nothing here has to be erased with a customer.
"""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Self, TypeVar

from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand

if TYPE_CHECKING:
    from accounts.models import Viewer

Row = TypeVar("Row", bound=models.Model)

# Whom an endpoint belongs to besides its brand; opaque here. The brand itself:
OF_BRAND = ""


class AdministratedQuerySet(models.QuerySet[Row]):
    """Who sets where events go sends the brand's data there: its administrators, nobody else."""

    brand_path = "brand"

    def visible_to(self, user: "Viewer") -> Self:
        return self.filter(**{f"{self.brand_path}__in": Brand.objects.administered_by(user)})


class EndpointQuerySet(AdministratedQuerySet["Endpoint"]):
    def standing(self) -> "EndpointQuerySet":
        return self.exclude(state=Endpoint.State.ENDED)

    def listening(self, brand: Brand, kind: str) -> "EndpointQuerySet":
        """One that is paused listens too: it is told when it goes on."""
        return self.standing().filter(brand=brand, events__contains=[kind])


class Endpoint(models.Model):
    """An address of another system, and what it is told there. While its secret changes, two hold."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused")
        ENDED = "ended", _("Ended")

    class PauseReason(models.TextChoices):
        BY_HAND = "by_hand", _("Paused by hand")
        FAILING = "failing", _("Nothing has arrived for days")
        GONE = "gone", _("The address says that it is gone (410)")

    uuid = models.UUIDField(_("id"), default=uuid.uuid4, unique=True, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="endpoints", verbose_name=_("brand"))
    audience = models.CharField(_("belongs to"), max_length=40, blank=True, editable=False)
    url = models.URLField(_("address"), max_length=500)
    description = models.CharField(_("what it is for"), max_length=100, blank=True)
    events = ArrayField(models.CharField(max_length=40), verbose_name=_("events"))
    sealed_secret = models.BinaryField(_("secret (sealed)"), max_length=2000)
    sealed_previous = models.BinaryField(_("secret before (sealed)"), max_length=2000, null=True, blank=True)
    previous_until = models.DateTimeField(_("secret before holds until"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=6, choices=State, default=State.ACTIVE)
    pause_reason = models.CharField(_("why it is paused"), max_length=7, choices=PauseReason, blank=True)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    # Since when nothing has arrived, and how often in a row; until when it is left in peace.
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    rests_until = models.DateTimeField(_("rests until"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("last delivery"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("outgoing webhook")
        verbose_name_plural = _("outgoing webhooks")
        ordering = ["brand", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["active", "paused", "ended"]), name="endpoint_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state="paused", paused_at__isnull=False) | ~Q(state="paused"),
                name="endpoint_paused_says_since_when",
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.url

    @property
    def is_active(self) -> bool:
        return self.state == self.State.ACTIVE

    def sealed_secrets(self, now: datetime) -> list[bytes]:
        """Those that hold, the newest first."""
        is_rotating = self.sealed_previous and self.previous_until and self.previous_until > now
        held = (self.sealed_secret, self.sealed_previous if is_rotating else None)
        return [bytes(sealed) for sealed in held if sealed]


class WebhookEvent(models.Model):
    """Something that happened and that somebody listens for. Never changed: every try says the same."""

    class Kind(models.TextChoices):
        PURCHASE_ATTRIBUTED = "purchase.attributed", _("A sale is credited to an affiliate")
        PURCHASE_REFUNDED = "purchase.refunded", _("Money goes back")
        ATTRIBUTION_CHANGED = "attribution.changed", _("A sale is credited to somebody else")
        FEEDBACK_RECEIVED = "feedback.received", _("A customer answers, or changes an answer")
        BLOCK_PUBLISHED = "feedback.block_published", _("New opinions are published")
        COMPLAINT_OPENED = "complaint.opened", _("A case is opened, or opened again")
        COMPLAINT_RESOLVED = "complaint.resolved", _("A case is resolved")
        QUALITY = "affiliate.quality", _("An affiliate’s verdict of quality changes")
        TEST = "webhook.test", _("Test")

    uuid = models.UUIDField(_("id"), default=uuid.uuid4, unique=True, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"), db_index=False)
    kind = models.CharField(_("event"), max_length=40, choices=Kind)
    data = models.JSONField(_("content"), encoder=DjangoJSONEncoder)
    occurred_at = models.DateTimeField(_("at"), db_default=Now())

    objects = AdministratedQuerySet["WebhookEvent"].as_manager()

    class Meta:
        verbose_name = _("event told to other systems")
        verbose_name_plural = _("events told to other systems")
        indexes = [models.Index(fields=["brand", "occurred_at"], name="webhookevent_of_brand")]

    def __str__(self) -> str:
        return f"{self.kind} · {self.public_id}"

    @property
    def public_id(self) -> str:
        """What the receiver knows it by; the same at every try."""
        return f"evt_{self.uuid.hex}"


class DeliveryQuerySet(AdministratedQuerySet["Delivery"]):
    brand_path = "endpoint__brand"

    def pending(self) -> "DeliveryQuerySet":
        return self.filter(state=Delivery.State.PENDING)


class Delivery(models.Model):
    """One event for one endpoint: pending until it has arrived or is given up. The row is the work still to be done."""

    class State(models.TextChoices):
        PENDING = "pending", _("To be delivered")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Given up")

    endpoint = models.ForeignKey(
        Endpoint, models.CASCADE, related_name="deliveries", verbose_name=_("outgoing webhook"), db_index=False
    )
    event = models.ForeignKey(WebhookEvent, models.CASCADE, related_name="deliveries", verbose_name=_("event"))
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.PENDING)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    not_before = models.DateTimeField(_("next try at"), db_default=Now())
    lease_owner = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = [
            models.Index(fields=["endpoint", "not_before"], name="delivery_pending", condition=Q(state="pending")),
            models.Index(fields=["lease_owner"], name="delivery_in_hand", condition=Q(lease_owner__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="delivery_once_an_endpoint"),
            models.CheckConstraint(
                condition=Q(state="pending", finished_at__isnull=True)
                | Q(state__in=["delivered", "failed"], finished_at__isnull=False),
                name="delivery_finished_says_when",
            ),
        ]

    def __str__(self) -> str:
        return str(self.event)


class DeliveryAttemptQuerySet(AdministratedQuerySet["DeliveryAttempt"]):
    brand_path = "delivery__endpoint__brand"


class DeliveryAttempt(models.Model):
    """One try: what the other side answered, or why there was no answer. Append-only."""

    class Problem(models.TextChoices):
        STATUS = "status", _("It answered with another status than 2xx")
        REDIRECT = "redirect", _("It answered with a redirect, which is not followed")
        TIMEOUT = "timeout", _("No whole answer in time")
        CONNECTION = "connection", _("No connection, or it broke")
        TLS = "tls", _("Its certificate is not valid, or not for this host")
        NAME = "name", _("Its host name is unknown")
        TARGET = "target", _("The host leads to an address that is not public")
        SECRET = "secret", _("Its secret cannot be read any more: renew it")

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts", verbose_name=_("delivery"))
    at = models.DateTimeField(_("at"), db_default=Now())
    milliseconds = models.PositiveIntegerField(_("milliseconds"))
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    problem = models.CharField(_("problem"), max_length=10, choices=Problem, blank=True)
    reply = models.CharField(_("beginning of the answer"), max_length=500, blank=True)

    objects = DeliveryAttemptQuerySet.as_manager()

    class Meta:
        verbose_name = _("try of a delivery")
        verbose_name_plural = _("tries of deliveries")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.at} · {self.status or self.problem}"
