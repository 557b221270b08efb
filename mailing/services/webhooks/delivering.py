"""The engine: claim what is due, one endpoint's by one worker at a time; post it; write down what became of it.

The conversation is in no transaction. A claim is a lease: of a worker that dies in between, another brings it again
when the lease has run out, with the same id, since perhaps it had arrived. So everything arrives at least once, in no
promised order. An endpoint that does not answer is left in peace for a while, and costs the others nothing.
"""

import json
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils import timezone

from accounts.clock import database_now
from accounts.sealing import SealBroken, unseal
from mailing.models import Delivery, DeliveryAttempt, Endpoint
from mailing.patience import patiently
from mailing.posting import Problem, Reply, post
from mailing.services.webhooks.keeping import HEALTHY, pause_endpoint
from mailing.signing import signed_headers

State, PauseReason = Delivery.State, Endpoint.PauseReason

RUN_SECONDS = 10.0  # how long one run goes on while something is due
CLAIM_EVERY = 0.5  # seconds between two looks for more while requests are under way
AT_ONCE = 20  # deliveries of one endpoint claimed together
LANES = 4  # requests at once to one endpoint
MOST_ENDPOINTS = 50  # worked by one claim
# From one try to the next: about three days in all. What is tried after it has failed this often is given up.
SCHEDULE = [
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
]
JITTER = 0.2  # up to this part longer, so that a backlog does not come back all at once
# An endpoint that answers nothing at all rests, longer each time.
FIRST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(minutes=10)

FREED: dict[str, Any] = {"lease_owner": None, "lease_until": None}

log = structlog.get_logger(__name__)


@dataclass
class Queue:
    """What one endpoint has to get in this run."""

    endpoint: Endpoint
    waiting: deque[Delivery] = field(default_factory=deque)
    under_way: int = 0
    is_resting: bool = False


@dataclass(frozen=True)
class Outcome:
    delivery: Delivery
    reply: Reply


def deliver_webhooks(*, seconds: float = RUN_SECONDS) -> int:
    """Bring what is due until nothing is left or the time is over; how many were taken by the other side."""
    run = Run(deadline=time.monotonic() + seconds)
    try:
        with ThreadPoolExecutor(settings.WEBHOOK_CONNECTIONS) as pool:
            while run.goes_on():
                run.start(pool)
                run.finish()
    finally:
        give_back(run.owner)
    return run.became[State.DELIVERED]


@dataclass
class Run:
    """One worker's round. The database is spoken to here; the threads of the pool do nothing but post."""

    deadline: float
    owner: UUID = field(default_factory=uuid4)
    queues: dict[int, Queue] = field(default_factory=dict)
    futures: dict[Future[Reply], Delivery] = field(default_factory=dict)
    became: Counter[str] = field(default_factory=Counter)
    looked_at: float = -CLAIM_EVERY

    def goes_on(self) -> bool:
        """Look for more, unless a look was taken just now; is there anything to do?"""
        now = time.monotonic()
        if now < self.deadline and (now - self.looked_at >= CLAIM_EVERY or not self.futures):
            self.looked_at = now
            for delivery in patiently(partial(claim_due, owner=self.owner), seconds=settings.WEBHOOK_TIMEOUT):
                queue = self.queues.setdefault(delivery.endpoint_id, Queue(delivery.endpoint))
                queue.endpoint = delivery.endpoint
                queue.is_resting = False
                queue.waiting.append(delivery)
        is_waiting = now < self.deadline and any(q.waiting and not q.is_resting for q in self.queues.values())
        return bool(self.futures) or is_waiting

    def start(self, pool: ThreadPoolExecutor) -> None:
        """As many as there are connections, and a few an endpoint: a slow one must not take what the others need."""
        if time.monotonic() >= self.deadline:
            return
        while len(self.futures) < settings.WEBHOOK_CONNECTIONS:
            free = [q for q in self.queues.values() if q.waiting and not q.is_resting and q.under_way < LANES]
            if not free:
                return
            self._begin(min(free, key=lambda queue: queue.under_way), pool)

    def _begin(self, queue: Queue, pool: ThreadPoolExecutor) -> None:
        delivery = queue.waiting.popleft()
        self.futures[pool.submit(prepared(delivery, queue.endpoint))] = delivery
        queue.under_way += 1

    def finish(self) -> None:
        """Write down what has ended meanwhile."""
        ended, _others = wait(self.futures, timeout=CLAIM_EVERY, return_when=FIRST_COMPLETED)
        outcomes = [Outcome(self.futures.pop(future), future.result()) for future in ended]
        for outcome in outcomes:
            queue = self.queues[outcome.delivery.endpoint_id]
            queue.under_way -= 1
            queue.is_resting = queue.is_resting or outcome.reply.concerns_endpoint or outcome.reply.is_gone
        if outcomes:
            states = patiently(partial(write_down, outcomes, owner=self.owner), seconds=settings.WEBHOOK_TIMEOUT)
            self.became.update(states)


def prepared(delivery: Delivery, endpoint: Endpoint) -> Callable[[], Reply]:
    """The request, all of it, for a thread that asks the database nothing. The time signed is that of the try."""
    now = timezone.now()
    try:
        secrets = [unseal(sealed) for sealed in endpoint.sealed_secrets(now)]
    except SealBroken:
        return lambda: Reply(Problem.SECRET)
    body = body_of(delivery)
    headers = signed_headers(secrets, event_id=delivery.event.public_id, timestamp=int(now.timestamp()), body=body) | {
        "Content-Type": "application/json"
    }
    return partial(post, endpoint.url, body, headers, timeout=settings.WEBHOOK_TIMEOUT)


def body_of(delivery: Delivery) -> bytes:
    """The same bytes at every try."""
    event = delivery.event
    told = {
        "id": event.public_id,
        "type": event.kind,
        "timestamp": event.occurred_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "brand": event.brand.slug,
        "data": event.data,
    }
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


# Endpoints that have something due and that no other worker has in hand, found by one row each (OFFSET 0 keeps the
# planner from joining all that waits) and by the few rows in hand. Locked while their rows are leased; what was leased
# after this look began, the second one sees.
_FREE = """
SELECT endpoint.id FROM mailing_endpoint AS endpoint
 WHERE endpoint.state = 'active'
   AND (endpoint.rests_until IS NULL OR endpoint.rests_until <= statement_timestamp())
   AND NOT EXISTS (SELECT FROM mailing_alarm WHERE kind = 'restored' AND ended_at IS NULL)
   AND EXISTS (SELECT FROM mailing_delivery AS delivery
                WHERE delivery.endpoint_id = endpoint.id AND delivery.state = 'pending'
                  AND delivery.not_before <= statement_timestamp()
                  AND (delivery.lease_until IS NULL OR delivery.lease_until <= statement_timestamp())
               OFFSET 0)
   AND NOT EXISTS (SELECT FROM mailing_delivery AS delivery
                    WHERE delivery.endpoint_id = endpoint.id AND delivery.state = 'pending'
                      AND delivery.lease_owner IS NOT NULL AND delivery.lease_until > statement_timestamp())
 ORDER BY endpoint.id LIMIT %(endpoints)s
   FOR NO KEY UPDATE SKIP LOCKED
"""
_DUE = """
SELECT due.id FROM unnest(%(endpoints)s::bigint[]) AS endpoint (id) CROSS JOIN LATERAL (
    SELECT delivery.id FROM mailing_delivery AS delivery
     WHERE delivery.endpoint_id = endpoint.id AND delivery.state = 'pending'
       AND delivery.not_before <= statement_timestamp()
       AND (delivery.lease_until IS NULL OR delivery.lease_until <= statement_timestamp())
     ORDER BY delivery.not_before, delivery.id LIMIT %(each)s
       FOR UPDATE SKIP LOCKED
) AS due
"""


@transaction.atomic
def claim_due(*, owner: UUID) -> list[Delivery]:
    """Take what is due into this worker's hands, a few of each endpoint that nobody else is at work on."""
    with connection.cursor() as cursor:
        cursor.execute(_FREE, {"endpoints": MOST_ENDPOINTS})
        endpoints = [pk for (pk,) in cursor.fetchall()]
        if not endpoints:
            return []
        cursor.execute(_DUE, {"endpoints": endpoints, "each": AT_ONCE})
        pks = [pk for (pk,) in cursor.fetchall()]
    rows = Delivery.objects.filter(pk__in=pks)
    for lost in rows.filter(lease_owner__isnull=False).order_by("pk"):
        _write_lost(lost)
    rows = rows.pending().filter(not_before__lte=Now())
    rows.update(lease_owner=owner, lease_until=Now() + lease_time())
    return list(rows.select_related("endpoint", "event__brand").order_by("not_before", "pk"))


def _write_lost(delivery: Delivery) -> None:
    """Its lease ran out in somebody's hands: a try that failed when it was claimed, for all that anybody can tell.

    So it parts, sooner or later, from what kills whoever brings it, and workers that die of something else use up its
    days no faster than an endpoint that fails.
    """
    assert delivery.lease_until
    _put_off(delivery, Reply(), at=delivery.lease_until - lease_time())


def lease_time() -> timedelta:
    """All of one endpoint's may have to wait for each other, a few at a time."""
    return timedelta(seconds=RUN_SECONDS + 3 * settings.WEBHOOK_TIMEOUT)


def give_back(owner: UUID) -> int:
    """What this worker claimed and did not come to is free again; how many."""
    return Delivery.objects.pending().filter(lease_owner=owner).update(**FREED)


@transaction.atomic
def write_down(outcomes: Sequence[Outcome], *, owner: UUID) -> list[str]:
    """What became of each: its state now. Of what another worker has taken over meanwhile nothing is written."""
    now = database_now()
    # First the endpoint, then what waits for it: as whoever claims, resumes or ends one locks them.
    endpoints = Endpoint.objects.filter(pk__in={outcome.delivery.endpoint_id for outcome in outcomes}).order_by("pk")
    list(endpoints.select_for_update(no_key=True).values_list("pk", flat=True))
    ours = _still_held(outcomes, owner=owner)
    DeliveryAttempt.objects.bulk_create(_attempt(outcome) for outcome in ours)
    failed = [outcome for outcome in ours if not outcome.reply.is_taken]
    taken = [outcome.delivery for outcome in ours if outcome.reply.is_taken]
    if taken:
        rows = Delivery.objects.filter(pk__in=[delivery.pk for delivery in taken])
        rows.update(state=State.DELIVERED, tries=F("tries") + 1, finished_at=now, **FREED)
        Endpoint.objects.filter(pk__in={d.endpoint_id for d in taken}).update(delivered_at=now, **HEALTHY)
    return [State.DELIVERED] * len(taken) + [_write_failed(outcome, now=now) for outcome in failed]


def _still_held(outcomes: Sequence[Outcome], *, owner: UUID) -> list[Outcome]:
    by_pk = {outcome.delivery.pk: outcome for outcome in outcomes}
    held = Delivery.objects.pending().filter(pk__in=by_pk, lease_owner=owner).order_by("pk").select_for_update()
    return [by_pk[pk] for pk in held.values_list("pk", flat=True)]


def _attempt(outcome: Outcome) -> DeliveryAttempt:
    reply = outcome.reply
    return DeliveryAttempt(
        delivery=outcome.delivery,
        milliseconds=reply.milliseconds,
        status=reply.status,
        problem=reply.problem,
        reply=reply.text,
    )


def _write_failed(outcome: Outcome, *, now: datetime) -> str:
    _judge_endpoint(outcome.delivery.endpoint, outcome.reply, now=now)
    return _put_off(outcome.delivery, outcome.reply, at=now)


def _put_off(delivery: Delivery, reply: Reply, *, at: datetime) -> str:
    """A try has failed, at that moment: it waits for the next one, or was the last."""
    tries = delivery.tries + 1
    row = Delivery.objects.filter(pk=delivery.pk)
    if tries > len(SCHEDULE):
        row.update(state=State.FAILED, tries=tries, finished_at=at, **FREED)
        return State.FAILED
    row.update(tries=tries, not_before=at + delay_after(tries, reply), **FREED)
    return State.PENDING


def delay_after(tries: int, reply: Reply, *, draw: Callable[[], float] = random.random) -> timedelta:
    """How long to wait after so many tries (1 or more) before the next one; `draw` gives a number from 0 to 1."""
    planned = SCHEDULE[min(tries, len(SCHEDULE)) - 1]
    return max(planned, timedelta(seconds=reply.retry_after)) * (1 + JITTER * draw())


def rest_after(failures: int, reply: Reply) -> timedelta:
    """How long an endpoint that failed so often in a row is left in peace."""
    rest = min(LONGEST_REST, FIRST_REST * 2 ** min(max(failures - 1, 0), 10))
    return max(rest, timedelta(seconds=reply.retry_after))


def _judge_endpoint(endpoint: Endpoint, reply: Reply, *, now: datetime) -> None:
    """Something has failed there. After days in which nothing arrived, or where it says 410 Gone, it is paused."""
    rows = Endpoint.objects.filter(pk=endpoint.pk)
    rows.update(failures=F("failures") + 1, failing_since=Coalesce("failing_since", now))
    endpoint.failures += 1
    if reply.concerns_endpoint:
        until = now + rest_after(endpoint.failures, reply)
        rows.update(rests_until=Greatest(Coalesce("rests_until", until), until))
    long_ago = now - timedelta(days=settings.WEBHOOK_PAUSE_DAYS)
    if reply.is_gone or rows.filter(failing_since__lte=long_ago).exists():
        reason = PauseReason.GONE if reply.is_gone else PauseReason.FAILING
        if pause_endpoint(endpoint, reason=reason, now=now):
            log.warning("webhook_paused", endpoint=endpoint.pk, reason=reason.value)
