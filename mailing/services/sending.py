"""The engine: claim what is due, look once more, hand over, write down what became of it.

claimed       a worker has it in its hands; nothing was sent. Its lease is short, for taking it away harms nothing.
handing_over  committed before the conversation; whoever dies here leaves a mail that was perhaps delivered.

Each step is a short transaction of its own and the conversation with the server is in none. Every step is fenced by
the lease, so a worker that was away too long changes nothing any more. All times are the database's.
"""

import math
import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.clock import database_now
from mailing.addresses import known_hashes, normalize_address
from mailing.backoff import backoff
from mailing.bounces import Fault, fault_of, wants_quiet
from mailing.lanes import Lanes
from mailing.models import MailEvent, OutgoingMail, Suppression, scopes_against
from mailing.patience import patiently
from mailing.rendering import Message, UnsendableAddress, render
from mailing.selectors import Objection, standing_suppressions, strongest_objection
from mailing.services.pacing import allowance, domain_of, give_times, pause_domain, spend
from mailing.services.suppression import suppress
from mailing.transport import Deferred, Lost, Refused, Transport, Unreachable

State, Reason, Guarantee = OutgoingMail.State, OutgoingMail.Reason, OutgoingMail.Guarantee

RUN_SECONDS = 10.0  # how long one run goes on while mail is due; a worker that is to stop waits no longer
# Deliveries of surveys are written down together, at most so many and so late: those that a killed worker could not
# write down any more are uncertain.
LARGEST_GROUP = 50
GROUP_SECONDS = 0.1
UNREACHABLE_PAUSE = timedelta(seconds=30)
FREED: dict[str, Any] = {"lease_owner": None, "lease_until": None, "updated_at": Now()}

log = structlog.get_logger(__name__)

Ready = tuple[OutgoingMail, Message]


@dataclass(frozen=True)
class Outcome:
    """What became of a mail: its next state, and if that is to be tried again, when."""

    mail: OutgoingMail
    state: str
    reason: str = ""
    reply: str = ""
    delay: timedelta | None = None  # from now until the next try
    tries: int = 0  # what it adds to `attempts`, which hand_over() has already counted up
    pause: timedelta | None = None  # for which its domain wants no mail of ours
    event: str = ""  # a MailEvent.Kind for the timeline

    @property
    def can_wait(self) -> bool:
        """May it be written down a moment later? Not if a crash before would send it twice, or hide a bounce."""
        return self.state == State.SENT and self.mail.guarantee == Guarantee.AT_MOST_ONCE


def send_due_mail(*, seconds: float = RUN_SECONDS) -> int:
    """Send what is due until nothing is left or the time is over; how many were accepted by the server."""
    owner, deadline, sent = uuid4(), time.monotonic() + seconds, 0
    try:
        with closing(Lanes[Outcome](most=settings.MAIL_CONNECTIONS)) as lanes:
            while mails := claim_due(owner=owner, limit=settings.MAIL_BATCH_SIZE, deadline=deadline):
                ready = prepare(mails, owner=owner)
                for outcome in send_batch(ready, owner=owner, lanes=lanes, deadline=deadline):
                    sent += outcome.state == State.SENT
    except Unreachable as error:
        log.error("mail_server_unreachable", error=str(error))
        give_back(owner, reason=Reason.UNREACHABLE, pause=UNREACHABLE_PAUSE)
    finally:
        give_back(owner)
    return sent


def claim_due(*, owner: UUID, limit: int, deadline: float = math.inf) -> list[OutgoingMail]:
    """Take up to `limit` mails that nobody else holds and that may go now; none: nothing does, or time is over."""
    while time.monotonic() < deadline:
        due, claimed = claim_batch(owner=owner, limit=limit)
        # Where all of a batch has to wait for its domain there may be others behind it.
        if claimed or not due:
            return claimed
    return []


@transaction.atomic
def claim_batch(*, owner: UUID, limit: int) -> tuple[int, list[OutgoingMail]]:
    """How many were due, and which of them are ours now. What is too late to be sent is put aside for good."""
    now = database_now()
    limit = allowance(limit=limit, now=now)
    due = OutgoingMail.objects.due(Now()).order_by("not_before", "id")
    # A list, not a subquery: the planner may run LIMIT … SKIP LOCKED several times in one UPDATE and take more.
    pks = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
    rows = OutgoingMail.objects.filter(pk__in=pks, state=State.QUEUED)
    rows.filter(expires_at__lte=Now()).update(state=State.EXPIRED, reason=Reason.TOO_LATE, updated_at=Now())
    lease = timedelta(seconds=settings.MAIL_CLAIM_SECONDS)
    rows.update(state=State.CLAIMED, lease_owner=owner, lease_until=Now() + lease, updated_at=Now())
    mails = list(
        OutgoingMail.objects.filter(pk__in=pks, state=State.CLAIMED)
        .order_by("not_before", "id")
        .prefetch_related("brand")  # once a brand, not once a mail
    )
    waiting = {mail.pk: mail for mail in give_times(mails, now=now)}
    postpone(waiting.values())
    claimed = [mail for mail in mails if mail.pk not in waiting]
    spend(len(claimed), now=now)
    return len(pks), claimed


def postpone(mails: Collection[OutgoingMail]) -> None:
    """Until their domain can take them."""
    for mail in mails:
        mail.state, mail.reason, mail.lease_owner, mail.lease_until = State.QUEUED, Reason.PACED, None, None
        mail.not_before = mail.slot_at or mail.not_before
    OutgoingMail.objects.bulk_update(mails, ["state", "reason", "lease_owner", "lease_until", "not_before", "slot_at"])


def prepare(mails: Sequence[OutgoingMail], *, owner: UUID) -> list[Ready]:
    """Render them, before anything is promised. A faulty template or address is the trouble of its own mail alone."""
    ready, faults = [], []
    now = timezone.now()  # for the Date of a first attempt only
    for mail in mails:
        try:
            ready.append((mail, render(mail, now=now)))
        except UnsendableAddress as error:
            faults.append(Outcome(mail, State.FAILED, Reason.ADDRESS, str(error), tries=1))
        except Exception as error:  # templates may raise anything, and the others' mail must go out
            log.exception("mail_template_fault", mail=mail.pk, template=mail.template)
            # Later, not never: while a new version is rolled out, an older worker does not have its template.
            faults.append(try_again(mail, Reason.TEMPLATE, f"{type(error).__name__}: {error}", tries=1))
    record(faults, owner=owner)
    return ready


def send_batch(ready: Sequence[Ready], *, owner: UUID, lanes: Lanes[Outcome], deadline: float) -> Iterator[Outcome]:
    """Hand them over one by one, until `deadline` of the monotonic clock, and see all that was begun to its end.

    Unreachable.
    """
    waiting, outcomes, began = deque(ready), list[Outcome](), time.monotonic()
    try:
        while lanes.in_flight or (waiting and time.monotonic() < deadline):
            may_begin = bool(waiting) and time.monotonic() < deadline
            if may_begin and lanes.free:
                mail, message = waiting.popleft()
                if hand_over(mail, owner=owner):
                    lanes.start(partial(attempt, mail, message))
                continue
            outcome = lanes.wait(for_lane=may_begin)
            if outcome is None:
                continue
            outcomes.append(outcome)
            yield outcome
            is_full = len(outcomes) >= LARGEST_GROUP or time.monotonic() - began >= GROUP_SECONDS
            if is_full or not outcome.can_wait:
                write_down(outcomes, owner=owner)
                outcomes, began = [], time.monotonic()
    finally:
        # Whatever went wrong with one: what became of the others is known, and nobody else can know it.
        write_down([*outcomes, *lanes.rest()], owner=owner)


_HAND_OVER = """
UPDATE mailing_outgoingmail AS mail
   SET state = 'handing_over', lease_until = statement_timestamp() + make_interval(secs => %s),
       attempts = attempts + (state = 'claimed')::int,
       handed_over_at = coalesce(handed_over_at, statement_timestamp()), updated_at = statement_timestamp()
 WHERE id = %s AND lease_owner = %s AND lease_until > statement_timestamp()
   -- handing_over: the connection broke before we knew of our own promise. Nothing was begun.
   AND state IN ('claimed', 'handing_over')
   AND (expires_at IS NULL OR expires_at > statement_timestamp())
   AND NOT EXISTS (SELECT FROM mailing_maildomain AS domain
                    WHERE domain.name = %s AND domain.paused_until > statement_timestamp())
   AND NOT EXISTS (SELECT FROM mailing_suppression AS objection
                    WHERE objection.brand_id = mail.brand_id AND objection.address_hash = ANY(%s)
                      AND objection.scope = ANY(%s)
                      AND (objection.expires_at IS NULL OR objection.expires_at > statement_timestamp()))
   AND NOT (%s AND EXISTS (SELECT FROM accounts_brand AS brand
                            WHERE brand.id = mail.brand_id AND brand.asking_paused_at IS NOT NULL))
RETURNING attempts
"""


def hand_over(mail: OutgoingMail, *, owner: UUID) -> bool:
    """The last look: if it is still ours, wanted and in time, it is promised to the server from here on.

    One by one and each in a statement of its own, right before its conversation, so that a worker that is killed
    leaves one mail of which nobody knows whether it was begun.
    """
    attempts = patiently(partial(promise, mail, owner=owner), seconds=settings.MAIL_CLAIM_SECONDS)
    if attempts is None:
        put_aside(mail, owner=owner)
        return False
    mail.attempts = attempts
    return True


def promise(mail: OutgoingMail, *, owner: UUID) -> int | None:
    """The number of this attempt; None: it must not be handed over."""
    with connection.cursor() as cursor:
        objections: list[Any] = [known_hashes(mail.to_address), scopes_against(mail.scopes), mail.waits_while_paused]
        cursor.execute(_HAND_OVER, [settings.MAIL_LEASE_SECONDS, mail.pk, owner, domain_of(mail), *objections])
        promised = cursor.fetchone()
    return promised[0] if promised else None


@transaction.atomic
def put_aside(mail: OutgoingMail, *, owner: UUID) -> None:
    """It was not handed over: say why, unless it is somebody else's by now."""
    ours = OutgoingMail.objects.filter(pk=mail.pk, state__in=[State.CLAIMED, State.HANDING_OVER], lease_owner=owner)
    match objection_to(mail):
        case Objection(reason, None):
            ours.update(state=State.CANCELLED, reason=reason, **FREED)
        case Objection(_, datetime() as until) if mail.expires_at is None or until < mail.expires_at:
            ours.update(state=State.QUEUED, reason=Reason.RESTS, not_before=until, **FREED)
        case Objection():
            ours.update(state=State.CANCELLED, reason=Reason.RESTS, **FREED)
    if mail.waits_while_paused:
        ours.filter(brand__asking_paused_at__isnull=False).update(state=State.CANCELLED, reason=Reason.PAUSED, **FREED)
    ours.filter(expires_at__lte=Now()).update(state=State.EXPIRED, reason=Reason.TOO_LATE, **FREED)


def objection_to(mail: OutgoingMail) -> Objection | None:
    """Why this recipient must not be written to about this."""
    standing = standing_suppressions(mail.brand, [mail.to_address])
    return strongest_objection(standing.get(normalize_address(mail.to_address), {}), mail.scopes)


def attempt(mail: OutgoingMail, message: Message, transport: Transport) -> Outcome:
    """One try, outside any transaction, and what it means for this mail."""
    try:
        return Outcome(mail, State.SENT, reply=transport.deliver(message))
    except Unreachable as error:
        return Outcome(mail, State.QUEUED, Reason.UNREACHABLE, str(error), UNREACHABLE_PAUSE, tries=-1)  # it was none
    except Refused as error:
        fault = fault_of(str(error))
        reason = Reason.BOUNCED if fault == Fault.ADDRESS else Reason.REFUSED
        # Policy speaks of us: the next mail would be refused alike, and each makes our name worse.
        pause = timedelta(seconds=settings.MAIL_POLICY_PAUSE_SECONDS) if fault == Fault.SENDER else None
        return Outcome(mail, State.FAILED, reason, str(error), event=MailEvent.Kind.REJECTED, pause=pause)
    except Deferred as error:
        pause = timedelta(seconds=settings.MAIL_DOMAIN_PAUSE_SECONDS) if wants_quiet(str(error)) else None
        return replace(try_again(mail, Reason.DEFERRED, str(error)), pause=pause)
    except Lost as error:
        log.warning("mail_uncertain", mail=mail.pk, guarantee=mail.guarantee)
        if mail.guarantee == Guarantee.AT_MOST_ONCE:
            return Outcome(mail, State.UNCERTAIN, Reason.LOST, str(error))
        return try_again(mail, Reason.LOST, str(error))


def try_again(mail: OutgoingMail, reason: str, reply: str, *, tries: int = 0) -> Outcome:
    """Later, until there were MAIL_MAX_ATTEMPTS."""
    if mail.attempts + tries < settings.MAIL_MAX_ATTEMPTS:
        delay = backoff(mail.attempts + tries)
        return Outcome(mail, State.QUEUED, reason, reply, delay, tries, event=MailEvent.Kind.DEFERRED)
    # What was perhaps delivered did not fail.
    state = State.UNCERTAIN if reason == Reason.LOST else State.FAILED
    return Outcome(mail, state, Reason.GIVEN_UP, reply, tries=tries, event=MailEvent.Kind.DEFERRED)


_RECORD = """
UPDATE mailing_outgoingmail AS mail
   SET state = news.state, reason = news.reason, server_reply = news.reply,
       attempts = mail.attempts + news.tries,
       not_before = CASE WHEN news.delay IS NULL THEN mail.not_before ELSE statement_timestamp() + news.delay END,
       sent_at = CASE WHEN news.state = 'sent' THEN statement_timestamp() ELSE mail.sent_at END,
       lease_owner = NULL, lease_until = NULL, updated_at = statement_timestamp()
  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::interval[], %s::int[], %s::int[])
       AS news (id, state, reason, reply, delay, tries, attempt)
 WHERE mail.id = news.id
   AND (mail.lease_owner = %s
        -- We were taken for lost in this very attempt. Nobody has touched it since, and we know what became of it.
        OR (mail.state = 'uncertain' AND mail.reason = 'worker_lost' AND mail.attempts = news.attempt))
RETURNING mail.id, mail.updated_at
"""


def write_down(outcomes: Sequence[Outcome], *, owner: UUID) -> None:
    """Record them, also through a restart of the database. Longer than their leases last there is no use in trying."""
    patiently(partial(record, outcomes, owner=owner), seconds=settings.MAIL_LEASE_SECONDS)


@transaction.atomic
def record(outcomes: Sequence[Outcome], *, owner: UUID) -> None:
    """Write down what became of them, in one statement. A mail that is no longer ours is left alone."""
    if not outcomes:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            [
                [outcome.mail.pk for outcome in outcomes],
                [str(outcome.state) for outcome in outcomes],
                [str(outcome.reason) for outcome in outcomes],
                [outcome.reply.replace("\0", "") for outcome in outcomes],
                [outcome.delay for outcome in outcomes],
                [outcome.tries for outcome in outcomes],
                [outcome.mail.attempts for outcome in outcomes],
                owner,
            ],
        )
        recorded: dict[int, datetime] = dict(cursor.fetchall())
    ours = [outcome for outcome in outcomes if outcome.mail.pk in recorded]
    MailEvent.objects.bulk_create(
        [_event_of(outcome, at=recorded[outcome.mail.pk]) for outcome in ours if outcome.event], ignore_conflicts=True
    )
    for outcome in ours:
        if outcome.reason == Reason.BOUNCED:
            _suppress_bounced(outcome.mail, now=recorded[outcome.mail.pk])
        if outcome.pause:
            pause_domain(domain_of(outcome.mail), pause=outcome.pause, said=outcome.reply)


def _event_of(outcome: Outcome, *, at: datetime) -> MailEvent:
    mail = outcome.mail
    return MailEvent(
        brand_id=mail.brand_id,
        mail=mail,
        kind=outcome.event,
        source="server",
        event_id=f"{mail.uuid}:{at.isoformat()}",
        detail=outcome.reply[:200],
        occurred_at=at,
    )


def _suppress_bounced(mail: OutgoingMail, *, now: datetime) -> None:
    suppress(mail.brand, mail.to_address, scope=Suppression.EVERYTHING, reason=Suppression.Reason.BOUNCED, now=now)


def give_back(owner: UUID, *, reason: str = "", pause: timedelta = timedelta(0)) -> int:
    """What this worker claimed and did not come to is free again; how many."""
    return OutgoingMail.objects.filter(state=State.CLAIMED, lease_owner=owner).update(
        state=State.QUEUED,
        reason=reason,
        not_before=Now() + pause if pause else F("not_before"),
        **FREED,
    )


@transaction.atomic
def recover_expired_leases() -> int:
    """Clear up after workers that died; how many mails they had held."""
    held = OutgoingMail.objects.filter(state__in=[State.CLAIMED, State.HANDING_OVER], lease_until__lte=Now())
    pks = list(held.select_for_update(skip_locked=True).values_list("pk", flat=True))
    rows = OutgoingMail.objects.filter(pk__in=pks)
    rows.filter(state=State.CLAIMED).update(state=State.QUEUED, **FREED)
    # Perhaps delivered. Whether to risk a second copy was decided when it was queued.
    is_final = Q(guarantee=Guarantee.AT_MOST_ONCE) | Q(attempts__gte=settings.MAIL_MAX_ATTEMPTS)
    promised = rows.filter(state=State.HANDING_OVER)
    uncertain = promised.filter(is_final).update(state=State.UNCERTAIN, reason=Reason.WORKER_LOST, **FREED)
    promised.update(state=State.QUEUED, reason=Reason.WORKER_LOST, **FREED)
    if uncertain:
        log.warning("mail_uncertain", count=uncertain, reason=Reason.WORKER_LOST.value)
    return len(pks)
