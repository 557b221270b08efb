"""Endpoints: set up, changed, paused and ended; and what they have missed or want again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.models import ApiKey, AuditEntry, Brand, User
from accounts.sealing import seal
from accounts.services import record_change
from mailing.models import OF_BRAND, Delivery, DeliveryQuerySet, Endpoint, WebhookEvent
from mailing.signing import new_secret
from mailing.targets import parse_target

State, Kind = Endpoint.State, WebhookEvent.Kind
# What a brand's own endpoints may listen for; those of others are told one thing or another by the app that knows them.
EVENTS_OF_BRAND = (
    Kind.PURCHASE_ATTRIBUTED,
    Kind.PURCHASE_REFUNDED,
    Kind.ATTRIBUTION_CHANGED,
    Kind.FEEDBACK_RECEIVED,
    Kind.COMPLAINT_OPENED,
    Kind.COMPLAINT_RESOLVED,
    Kind.QUALITY,
)
MOST_ENDPOINTS = 20  # of one audience: an event is brought to each of them
TESTS_A_MINUTE = 6  # of one endpoint: whoever owns its address must not be called by us as often as somebody likes
FORGOTTEN_AT_ONCE = 5000  # events, each with all its tries
AGAIN: dict[str, Any] = {"state": Delivery.State.PENDING, "tries": 0, "finished_at": None}
HEALTHY: dict[str, Any] = {"failing_since": None, "failures": 0, "rests_until": None}


@transaction.atomic
def new_endpoint(
    brand: Brand,
    *,
    url: str,
    events: Sequence[str],
    audience: str = OF_BRAND,
    offered: Sequence[str] = EVENTS_OF_BRAND,
    description: str = "",
) -> tuple[Endpoint, str]:
    """The endpoint and its secret, which is shown this once and kept sealed.

    ValidationError: no public https address, no event of those offered, or too many endpoints.
    """
    Brand.objects.select_for_update(no_key=True).get(pk=brand.pk)  # two at once must not make one too many
    if Endpoint.objects.standing().filter(brand=brand, audience=audience).count() >= MOST_ENDPOINTS:
        message = _("There are %(count)d endpoints already: end one of them first.")
        raise ValidationError(message, "too_many", {"count": MOST_ENDPOINTS})
    secret = new_secret()
    endpoint = Endpoint(
        brand=brand,
        audience=audience,
        url=checked_url(url),
        events=checked_events(events, offered),
        description=description.strip(),
        sealed_secret=seal(secret),
    )
    endpoint.full_clean(exclude=["sealed_secret"])
    endpoint.save()
    return endpoint, secret


@transaction.atomic
def change_endpoint(
    endpoint: Endpoint, *, url: str, events: Sequence[str], description: str, offered: Sequence[str] = EVENTS_OF_BRAND
) -> Endpoint:
    """What waits goes to the new address. ValidationError: as for a new one, or it is ended."""
    locked = _locked(endpoint)
    if url != locked.url:
        locked.url, locked.failing_since, locked.failures, locked.rests_until = checked_url(url), None, 0, None
    locked.events, locked.description = checked_events(events, offered), description.strip()
    locked.full_clean(exclude=["sealed_secret"])
    locked.save(update_fields=["url", "events", "description", *HEALTHY, "updated_at"])
    return locked


@transaction.atomic
def renew_secret(endpoint: Endpoint, *, now: datetime) -> str:
    """A new secret, shown this once. The one of now signs beside it for WEBHOOK_SECRET_HOURS; one before it no more."""
    locked, secret = _locked(endpoint), new_secret()
    locked.sealed_previous, locked.sealed_secret = locked.sealed_secret, seal(secret)
    locked.previous_until = now + timedelta(hours=settings.WEBHOOK_SECRET_HOURS)
    locked.save(update_fields=["sealed_previous", "sealed_secret", "previous_until", "updated_at"])
    return secret


def forget_previous_secret(endpoint: Endpoint) -> bool:
    """From now on only the newest signs; whether there was an older one. For where that one has leaked."""
    older = Endpoint.objects.filter(pk=endpoint.pk, sealed_previous__isnull=False)
    return bool(older.update(sealed_previous=None, previous_until=None))


@transaction.atomic
def pause_endpoint(endpoint: Endpoint, *, reason: str = Endpoint.PauseReason.BY_HAND, now: datetime) -> bool:
    """What happens meanwhile waits for it. False: it was not active."""
    active = Endpoint.objects.filter(pk=endpoint.pk, state=State.ACTIVE)
    return bool(active.update(state=State.PAUSED, pause_reason=reason, paused_at=now))


@transaction.atomic
def resume_endpoint(endpoint: Endpoint) -> bool:
    """It gets what waited, all of it due now. False: it was not paused."""
    paused = Endpoint.objects.filter(pk=endpoint.pk, state=State.PAUSED)
    is_changed = paused.update(state=State.ACTIVE, pause_reason="", paused_at=None, **HEALTHY)
    if is_changed:
        Delivery.objects.pending().filter(endpoint=endpoint).update(not_before=Now(), tries=0)
    return bool(is_changed)


@transaction.atomic
def end_endpoint(endpoint: Endpoint) -> None:
    """For good: it listens no more, what waited is dropped, its secret forgotten. The record stays."""
    locked = _locked(endpoint)
    locked.state, locked.pause_reason, locked.paused_at = State.ENDED, "", None
    locked.sealed_secret, locked.sealed_previous, locked.previous_until = b"", None, None
    locked.save(
        update_fields=[
            *("state", "pause_reason", "paused_at", "sealed_secret", "sealed_previous", "previous_until", "updated_at"),
        ]
    )
    Delivery.objects.pending().filter(endpoint=locked).delete()


class TooManyTests(ValidationError):
    """There were enough within the last minute."""


@transaction.atomic
def send_test(endpoint: Endpoint) -> Delivery:
    """An event that says nothing, brought like any other. ValidationError: the endpoint is paused or ended.

    TooManyTests: more than TESTS_A_MINUTE.
    """
    locked = _locked(endpoint)
    if not locked.is_active:
        raise ValidationError(_("It is paused: resume it first."), "paused")
    data = {"endpoint": str(locked.uuid)}
    lately = WebhookEvent.objects.filter(brand=locked.brand, occurred_at__gt=Now() - timedelta(minutes=1))
    if lately.filter(kind=Kind.TEST, data=data).count() >= TESTS_A_MINUTE:
        raise TooManyTests(_("There were enough tests for now: wait a minute."), "too_many_tests")
    event = WebhookEvent.objects.create(brand=locked.brand, kind=Kind.TEST, data=data)
    return Delivery.objects.create(endpoint=locked, event=event)


def replay(deliveries: DeliveryQuerySet) -> int:
    """Bring them again, with the ids they had, whatever became of them; how many. Those of ended endpoints rest."""
    finished = deliveries.filter(~Q(state=Delivery.State.PENDING)).exclude(endpoint__state=State.ENDED)
    return finished.order_by().update(**AGAIN, not_before=Now())


def replay_since(endpoint: Endpoint, since: datetime, *, only_failed: bool = False) -> int:
    """All that happened from that moment on and that it listened for then; how many. Older than the log is gone."""
    deliveries: DeliveryQuerySet = Delivery.objects.filter(endpoint=endpoint, event__occurred_at__gte=since)
    return replay(deliveries.filter(state=Delivery.State.FAILED) if only_failed else deliveries)


def note(endpoint: Endpoint, did: str, *, by: User | ApiKey) -> None:
    """Who set it up (`did` is empty) or did what with it, for the audit log; in the transaction of doing it."""
    action = AuditEntry.Action.CHANGED if did else AuditEntry.Action.ADDED
    said: dict[str, Any] = {"did": did} if did else {}
    if isinstance(by, ApiKey):
        record_change(None, endpoint.brand_id, action, endpoint, **said, api_key=by.pk)
    else:
        record_change(by, endpoint.brand_id, action, endpoint, **said)


def forget_old_webhooks(*, now: datetime) -> int:
    """Events older than WEBHOOK_LOG_DAYS go, with their deliveries, also what could not be brought; how many.

    An endpoint that was ended goes when nothing of it is left.
    """
    before = now - timedelta(days=settings.WEBHOOK_LOG_DAYS)
    old, forgotten = WebhookEvent.objects.filter(occurred_at__lt=before).order_by("pk"), 0
    while pks := list(old.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        WebhookEvent.objects.filter(pk__in=pks).delete()
        forgotten += len(pks)
    deliveries = Delivery.objects.filter(endpoint=OuterRef("pk"))
    Endpoint.objects.filter(~Exists(deliveries), state=State.ENDED, updated_at__lt=before).delete()
    return forgotten


def checked_url(url: str) -> str:
    parse_target(url.strip())
    return url.strip()


def checked_events(events: Sequence[str], offered: Sequence[str]) -> list[str]:
    """ValidationError: none, or one that there is not."""
    chosen = list(dict.fromkeys(map(str, events)))
    unknown = [each for each in chosen if each not in set(offered)]
    if unknown or not chosen:
        message = _("Choose from these events: %(known)s.") % {"known": ", ".join(map(str, offered))}
        raise ValidationError({"events": ValidationError(message, "unknown_event")})
    return chosen


def _locked(endpoint: Endpoint) -> Endpoint:
    locked = Endpoint.objects.select_related("brand").select_for_update(no_key=True, of=("self",)).get(pk=endpoint.pk)
    if locked.state == State.ENDED:
        raise ValidationError(_("This endpoint is ended: make a new one."), "ended")
    return locked
