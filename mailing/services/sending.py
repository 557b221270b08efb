"""The engine: claim what is due, look once more, hand over, write down what became of it.

claimed       a worker has it in its hands; nothing was sent. Its lease is short, for taking it away harms nothing.
handing_over  committed before the conversation; whoever dies here leaves a mail that was perhaps delivered.

Each step is a short transaction of its own and the conversation with the server is in none. Every step is fenced by
the lease, so a worker that was away too long changes nothing any more. All times are the database's.
"""

import re
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from mailing.addresses import known_hashes
from mailing.backoff import backoff
from mailing.models import MailEvent, OutgoingMail, Suppression
from mailing.rendering import Message, UnsendableAddress, render
from mailing.selectors import STRONGEST_FIRST
from mailing.services.suppression import suppress
from mailing.transport import Deferred, Lost, Refused, Transport, Unreachable, open_transport

State, Reason, Guarantee = OutgoingMail.State, OutgoingMail.Reason, OutgoingMail.Guarantee

RUN_SECONDS = 10.0  # how long one run goes on while mail is due; a worker that is to stop waits no longer
# Mails handed over in one commit. Few if the server is slow: as many are uncertain when the worker is killed.
LARGEST_GROUP = 50
GROUP_SECONDS = 0.25
UNREACHABLE_PAUSE = timedelta(seconds=30)
FREED: dict[str, Any] = {"lease_owner": None, "lease_until": None, "updated_at": Now()}
# RFC 3463: no such mailbox, no such host, mailbox moved, host takes no mail (null MX); mailbox disabled.
_HARD_BOUNCE = re.compile(r"^5\d\d (?:5\.1\.(?:1|2|6|10)|5\.2\.1)\b")

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
    event: str = ""  # a MailEvent.Kind for the timeline


def send_due_mail(*, seconds: float = RUN_SECONDS) -> int:
    """Send what is due until nothing is left or the time is over; how many were accepted by the server."""
    owner, deadline = uuid4(), time.monotonic() + seconds
    waiting: deque[Ready] = deque()
    sent, size = 0, 1
    try:
        with open_transport() as transport:
            while time.monotonic() < deadline:
                if not waiting:
                    claimed = claim_due(owner=owner, limit=settings.MAIL_BATCH_SIZE)
                    if not claimed:
                        break
                    waiting.extend(prepare(claimed, owner=owner))
                    continue
                transport.open()
                began = time.monotonic()
                group = [waiting.popleft() for _ in range(min(size, len(waiting)))]
                sent += send_group(group, owner=owner, transport=transport)
                is_quick = time.monotonic() - began < GROUP_SECONDS / 2
                size = min(size * 2, LARGEST_GROUP) if is_quick else max(size // 2, 1)
    except Unreachable as error:
        log.error("mail_server_unreachable", error=str(error))
        give_back(owner, reason=Reason.UNREACHABLE, pause=UNREACHABLE_PAUSE)
    finally:
        give_back(owner)
    return sent


@transaction.atomic
def claim_due(*, owner: UUID, limit: int) -> list[OutgoingMail]:
    """Take up to `limit` mails that nobody else holds. What is too late to be sent is put aside for good."""
    due = OutgoingMail.objects.due(Now()).order_by("not_before", "id")
    # A list, not a subquery: the planner may run LIMIT … SKIP LOCKED several times in one UPDATE and take more.
    pks = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
    rows = OutgoingMail.objects.filter(pk__in=pks, state=State.QUEUED)
    rows.filter(expires_at__lte=Now()).update(state=State.EXPIRED, reason=Reason.TOO_LATE, updated_at=Now())
    lease = timedelta(seconds=settings.MAIL_CLAIM_SECONDS)
    rows.update(state=State.CLAIMED, lease_owner=owner, lease_until=Now() + lease, updated_at=Now())
    return list(
        OutgoingMail.objects.filter(pk__in=pks, state=State.CLAIMED)
        .order_by("not_before", "id")
        .prefetch_related("brand")  # once a brand, not once a mail
    )


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


def send_group(group: Sequence[Ready], *, owner: UUID, transport: Transport) -> int:
    """Hand over, deliver and write down a few mails; how many were accepted."""
    handed_over = {mail.pk for mail in hand_over([mail for mail, _message in group], owner=owner)}
    outcomes = deliver([(mail, message) for mail, message in group if mail.pk in handed_over], transport=transport)
    record(outcomes, owner=owner)
    if any(outcome.reason == Reason.UNREACHABLE for outcome in outcomes):
        raise Unreachable(outcomes[-1].reply)
    return sum(outcome.state == State.SENT for outcome in outcomes)


@transaction.atomic
def hand_over(mails: Sequence[OutgoingMail], *, owner: UUID) -> list[OutgoingMail]:
    """The last look: those that are still ours, wanted and in time are promised to the server from here on."""
    held = list(
        OutgoingMail.objects.filter(
            pk__in=[mail.pk for mail in mails], state=State.CLAIMED, lease_owner=owner, lease_until__gt=Now()
        )
        .annotate(is_late=Q(expires_at__isnull=False) & Q(expires_at__lte=Now()))
        .select_for_update()
        .order_by("pk")
    )
    unwanted = reasons_not_to_send(held)
    rows = OutgoingMail.objects.filter(lease_owner=owner)
    for reason in set(unwanted.values()):
        refused = [pk for pk, its_reason in unwanted.items() if its_reason == reason]
        rows.filter(pk__in=refused).update(state=State.CANCELLED, reason=reason, **FREED)
    late = [mail.pk for mail in held if mail.is_late and mail.pk not in unwanted]
    if late:
        rows.filter(pk__in=late).update(state=State.EXPIRED, reason=Reason.TOO_LATE, **FREED)
    wanted = {mail.pk for mail in held} - set(unwanted) - set(late)
    rows.filter(pk__in=wanted).update(
        state=State.HANDING_OVER,
        lease_until=Now() + timedelta(seconds=settings.MAIL_LEASE_SECONDS),
        attempts=F("attempts") + 1,
        handed_over_at=Coalesce("handed_over_at", Now()),
        updated_at=Now(),
    )
    promised = [mail for mail in mails if mail.pk in wanted]
    for mail in promised:
        mail.attempts += 1
    return promised


def reasons_not_to_send(mails: Sequence[OutgoingMail]) -> dict[int, str]:
    """Which of these go to somebody who must not be written to about it, and why: pk → Suppression.Reason."""
    hashes = {mail.pk: known_hashes(mail.to_address) for mail in mails}
    standing = Suppression.objects.filter(
        brand__in={mail.brand_id for mail in mails}, address_hash__in={h for known in hashes.values() for h in known}
    ).values_list("brand", "address_hash", "scope", "reason")
    reasons = {(brand, bytes(address_hash), scope): reason for brand, address_hash, scope, reason in standing}
    found: dict[int, str] = {}
    for mail in mails:
        scopes = [*mail.scopes, Suppression.EVERYTHING]
        keys = [(mail.brand_id, address_hash, scope) for address_hash in hashes[mail.pk] for scope in scopes]
        if against := {reasons[key] for key in keys if key in reasons}:
            found[mail.pk] = next(reason.value for reason in STRONGEST_FIRST if reason in against)
    return found


def deliver(group: Sequence[Ready], *, transport: Transport) -> list[Outcome]:
    """Talk to the server, outside any transaction. What it does not come to is put back, as if never promised."""
    outcomes: list[Outcome] = []
    began, trouble = time.monotonic(), ""
    for mail, message in group:
        if trouble:
            outcomes.append(put_back(mail, Reason.UNREACHABLE, trouble, delay=UNREACHABLE_PAUSE))
        elif outcomes and time.monotonic() - began > GROUP_SECONDS:
            # Its lease was reckoned from the promise, and must last for the longest conversation from now.
            outcomes.append(put_back(mail))
        else:
            try:
                outcomes.append(attempt(mail, message, transport=transport))
            except Unreachable as error:
                trouble = str(error)
                outcomes.append(put_back(mail, Reason.UNREACHABLE, trouble, delay=UNREACHABLE_PAUSE))
    return outcomes


def attempt(mail: OutgoingMail, message: Message, *, transport: Transport) -> Outcome:
    """One try, and what it means for this mail. Unreachable passes through."""
    try:
        return Outcome(mail, State.SENT, reply=transport.deliver(message))
    except Refused as error:
        reason = Reason.BOUNCED if _HARD_BOUNCE.match(str(error)) else Reason.REFUSED
        return Outcome(mail, State.FAILED, reason, str(error), event=MailEvent.Kind.REJECTED)
    except Deferred as error:
        return try_again(mail, Reason.DEFERRED, str(error))
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


def put_back(mail: OutgoingMail, reason: str = "", reply: str = "", *, delay: timedelta | None = None) -> Outcome:
    """It was promised and never begun: that was no try."""
    return Outcome(mail, State.QUEUED, reason, reply, delay, tries=-1)


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
