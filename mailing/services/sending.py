"""The engine: claim what is due (claiming.py), look once more, hand over, write down what became of it.

claimed       a worker has it in its hands; nothing was sent. Its lease is short, for taking it away harms nothing.
handing_over  committed before the conversation; whoever dies here leaves a mail that was perhaps delivered.

Each step is a short transaction of its own and the conversation with the server is in none. Every step is fenced by
the lease, so a worker that was away too long changes nothing any more. All times are the database's.

A step is for as many mails as are there at that moment: with one connection to a slow server for one, with a fast
server or many connections for up to fifty. It costs one commit, which would otherwise be most of what a mail costs.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, islice
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Value
from django.db.models.functions import Now
from django.utils import timezone

from mailing.addresses import known_hashes, normalize_address, unnamed
from mailing.backoff import backoff
from mailing.bounces import Fault, fault_of, wants_quiet
from mailing.lanes import Lanes
from mailing.models import MailEvent, OutgoingMail, Suppression, scopes_against
from mailing.patience import patiently
from mailing.rendering import Message, UnsendableAddress, render
from mailing.selectors import Objection, standing_suppressions, strongest_objection
from mailing.services.claiming import FREED, IS_WANTED, claim_all_due, give_back, in_line_again
from mailing.services.pacing import domain_of, pause_domain
from mailing.services.suppression import suppress
from mailing.transport import Deferred, Lost, Refused, Transport, Unreachable

State, Reason, Guarantee = OutgoingMail.State, OutgoingMail.Reason, OutgoingMail.Guarantee

RUN_SECONDS = 10.0  # how long one run goes on while mail is due; a worker that is to stop waits no longer
# Deliveries of surveys are written down together, at most so many and so late: those that a killed worker could not
# write down any more are uncertain.
LARGEST_GROUP = 50
GROUP_SECONDS = 0.1
UNREACHABLE_PAUSE = timedelta(seconds=30)

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
    def is_no_try(self) -> bool:
        """Nobody has spoken of it to a server: it was not handed over, unless at an earlier try."""
        return self.tries < 0

    @property
    def can_wait(self) -> bool:
        """May it be written down a moment later? Not if a crash before would send it twice, or hide a bounce."""
        return self.state == State.SENT and self.mail.guarantee == Guarantee.AT_MOST_ONCE


def send_due_mail(*, seconds: float = RUN_SECONDS) -> int:
    """Send what is due until nothing is left or the time is over; how many were accepted by the server."""
    owner, deadline, became = uuid4(), time.monotonic() + seconds, Counter[str]()
    try:
        with closing(Lanes[Ready, Outcome](attempt, most=settings.MAIL_CONNECTIONS)) as lanes:
            known = -1
            while became.total() > known:  # until a round finds nothing: meanwhile other mail falls due
                known = became.total()
                ready = prepared(claim_all_due(owner=owner, deadline=deadline), owner=owner)
                for outcome in send_all(ready, owner=owner, lanes=lanes, deadline=deadline):
                    became[outcome.state] += 1
    except Unreachable as error:
        log.error("mail_server_unreachable", error=str(error))
        give_back(owner, reason=Reason.UNREACHABLE, pause=UNREACHABLE_PAUSE)
    finally:
        give_back(owner)
    return became[State.SENT]


def prepared(mails: Iterable[OutgoingMail], *, owner: UUID) -> Iterator[Ready]:
    """Render them, each before it is promised. A faulty template or address is the trouble of its own mail alone."""
    for mail in mails:
        try:
            message = render(mail, now=timezone.now())  # for the Date of a first attempt only
        except UnsendableAddress as error:
            write_down([Outcome(mail, State.FAILED, Reason.ADDRESS, str(error), tries=1)], owner=owner)
        except Exception as error:  # templates may raise anything, and the others' mail must go out
            log.exception("mail_template_fault", mail=mail.pk, template=mail.template)
            # Later, not never: while a new version is rolled out, an older worker does not have its template.
            fault = try_again(mail, Reason.TEMPLATE, f"{type(error).__name__}: {error}", tries=1)
            write_down([fault], owner=owner)
        else:
            yield mail, message


def send_all(
    ready: Iterator[Ready], *, owner: UUID, lanes: Lanes[Ready, Outcome], deadline: float
) -> Iterator[Outcome]:
    """Hand them over, until `deadline` of the monotonic clock, and see all that was begun to its end. Unreachable."""
    first = next(ready, None)  # where nothing is due there is nobody to connect to
    ready = chain([first] if first else [], ready)
    is_over, outcomes, written_at = first is None, list[Outcome](), time.monotonic()
    try:
        while lanes.in_hand or not is_over:
            is_over = is_over or time.monotonic() >= deadline
            if not is_over and (room := lanes.room):
                group = list(islice(ready, room))
                is_over = len(group) < room
                for each in hand_over(group, owner=owner):
                    lanes.start(each)
                if not lanes.in_hand:
                    continue  # none of these could be promised
            ended = lanes.wait(for_room=not is_over)
            if lanes.is_stalled or any(outcome.pause for outcome in ended):
                ended += taken_back(lanes)
            outcomes += ended
            yield from ended
            is_time = len(outcomes) >= LARGEST_GROUP or time.monotonic() - written_at >= GROUP_SECONDS
            if is_time or not all(outcome.can_wait for outcome in ended):
                write_down(outcomes, owner=owner)
                outcomes, written_at = [], time.monotonic()
    finally:
        # Whatever went wrong with one: what became of the others is known, and nobody else can know it.
        write_down([*outcomes, *taken_back(lanes), *lanes.rest()], owner=owner)


def taken_back(lanes: Lanes[Ready, Outcome]) -> list[Outcome]:
    """What was promised, and nobody has spoken of it to the server."""
    mails = [mail for mail, _message in lanes.take_back()]
    if isinstance(lanes.fault, Unreachable):
        return [unreached(mail, lanes.fault) for mail in mails]
    return [Outcome(mail, State.QUEUED, tries=-1) for mail in mails]


_HAND_OVER = """
WITH wanted AS (
    SELECT mail.id
      FROM json_to_recordset(%(mails)s)
           AS known (id bigint, domain text, hashes bytea[], scopes text[], is_asking boolean)
      JOIN mailing_outgoingmail AS mail USING (id)
     WHERE mail.lease_owner = %(owner)s AND mail.lease_until > statement_timestamp()
       -- handing_over: the connection broke before we knew of our own promise. Nothing was begun.
       AND mail.state IN ('claimed', 'handing_over') AND mail.cancel_wanted = ''
       AND (mail.expires_at IS NULL OR mail.expires_at > statement_timestamp())
       AND NOT EXISTS (SELECT FROM mailing_maildomain AS domain
                        WHERE domain.name = known.domain AND domain.paused_until > statement_timestamp())
       AND NOT EXISTS (SELECT FROM mailing_suppression AS objection
                        WHERE objection.brand_id = mail.brand_id AND objection.address_hash = ANY(known.hashes)
                          AND objection.scope = ANY(known.scopes)
                          AND (objection.expires_at IS NULL OR objection.expires_at > statement_timestamp()))
       AND NOT (known.is_asking AND EXISTS (SELECT FROM accounts_brand AS brand
                                             WHERE brand.id = mail.brand_id AND brand.asking_paused_at IS NOT NULL))
     -- Whoever holds one is taking it back: not waited for, so that no two wait for each other.
     ORDER BY mail.id FOR NO KEY UPDATE OF mail SKIP LOCKED
)
UPDATE mailing_outgoingmail AS mail
   SET state = 'handing_over', lease_until = statement_timestamp() + make_interval(secs => %(lease)s),
       attempts = attempts + (state = 'claimed')::int,
       handed_over_at = coalesce(handed_over_at, statement_timestamp()), updated_at = statement_timestamp()
  FROM wanted
 WHERE mail.id = wanted.id
RETURNING mail.id, mail.attempts
"""


def hand_over(ready: Sequence[Ready], *, owner: UUID) -> list[Ready]:
    """The last look: those that are still ours, wanted and in time are promised to the server from here on.

    As many at once as will be begun in a moment, for their promise costs one commit: a worker that is killed leaves
    these, of which nobody knows whether they were begun.
    """
    mails = [mail for mail, _message in ready]
    if not mails:
        return []
    attempts = patiently(partial(promise, mails, owner=owner), seconds=settings.MAIL_CLAIM_SECONDS)
    for mail in mails:
        if mail.pk in attempts:
            mail.attempts = attempts[mail.pk]
        else:
            put_aside(mail, owner=owner)
    return [each for each in ready if each[0].pk in attempts]


def promise(mails: Sequence[OutgoingMail], *, owner: UUID) -> dict[int, int]:
    """Which may be handed over, and the number of this attempt."""
    known = [
        {
            "id": mail.pk,
            "domain": domain_of(mail),
            "hashes": [f"\\x{address_hash.hex()}" for address_hash in known_hashes(mail.to_address)],
            "scopes": scopes_against(mail.scopes),
            "is_asking": mail.waits_while_paused,
        }
        for mail in mails
    ]
    with connection.cursor() as cursor:
        told: dict[str, Any] = {"mails": json.dumps(known), "owner": owner, "lease": settings.MAIL_LEASE_SECONDS}
        cursor.execute(_HAND_OVER, told)
        return dict(cursor.fetchall())


@transaction.atomic
def put_aside(mail: OutgoingMail, *, owner: UUID) -> None:
    """It was not handed over: say why, unless it is somebody else's by now. For nothing lasting: it is due again."""
    ours = OutgoingMail.objects.filter(pk=mail.pk, state__in=[State.CLAIMED, State.HANDING_OVER], lease_owner=owner)
    # As before the promise, where that was kept and we did not hear of it.
    promised = ours.filter(state=State.HANDING_OVER)
    promised.update(handed_over_at=mail.handed_over_at, attempts=mail.attempts)
    ours.exclude(IS_WANTED).update(**in_line_again())  # whatever else stands against it: some of that will pass
    match objection_to(mail):
        case Objection(reason, None):
            ours.update(state=State.CANCELLED, reason=reason, **FREED)
        case Objection(_, datetime() as until) if mail.expires_at is None or until < mail.expires_at:
            ours.update(**in_line_again(reason=Value(Reason.RESTS), not_before=until))
        case Objection():
            ours.update(state=State.CANCELLED, reason=Reason.RESTS, **FREED)
    if mail.waits_while_paused:
        ours.filter(brand__asking_paused_at__isnull=False).update(state=State.CANCELLED, reason=Reason.PAUSED, **FREED)
    ours.filter(expires_at__lte=Now()).update(state=State.EXPIRED, reason=Reason.TOO_LATE, **FREED)
    ours.update(**in_line_again())  # its domain rests, or somebody else had hold of it


def objection_to(mail: OutgoingMail) -> Objection | None:
    """Why this recipient must not be written to about this."""
    standing = standing_suppressions(mail.brand, [mail.to_address])
    return strongest_objection(standing.get(normalize_address(mail.to_address), {}), mail.scopes)


def attempt(ready: Ready, transport: Transport) -> Outcome:
    """One try, outside any transaction, and what it means for this mail."""
    mail, message = ready
    try:
        return Outcome(mail, State.SENT, reply=transport.deliver(message))
    except Unreachable as error:
        return unreached(mail, error)
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


def unreached(mail: OutgoingMail, error: Unreachable) -> Outcome:
    """It was no try."""
    return Outcome(mail, State.QUEUED, Reason.UNREACHABLE, str(error), UNREACHABLE_PAUSE, tries=-1)


def try_again(mail: OutgoingMail, reason: str, reply: str, *, tries: int = 0) -> Outcome:
    """Later, until there were MAIL_MAX_ATTEMPTS."""
    if mail.attempts + tries < settings.MAIL_MAX_ATTEMPTS:
        delay = backoff(mail.attempts + tries)
        return Outcome(mail, State.QUEUED, reason, reply, delay, tries, event=MailEvent.Kind.DEFERRED)
    # What was perhaps delivered did not fail.
    state = State.UNCERTAIN if reason == Reason.LOST else State.FAILED
    return Outcome(mail, state, Reason.GIVEN_UP, reply, tries=tries, event=MailEvent.Kind.DEFERRED)


_RECORD = """
WITH news AS (
    SELECT *
      FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::interval[], %s::int[], %s::int[], %s::bool[])
           AS news (id, state, reason, reply, delay, tries, attempt, is_unspoken)
), free AS (
    SELECT mail.id FROM mailing_outgoingmail AS mail JOIN news USING (id) ORDER BY mail.id
       FOR NO KEY UPDATE OF mail {hurry}
)
UPDATE mailing_outgoingmail AS mail
   SET state = CASE WHEN news.state = 'queued' AND mail.cancel_wanted <> '' THEN 'cancelled' ELSE news.state END,
       reason = CASE WHEN news.state = 'queued' AND mail.cancel_wanted <> '' THEN mail.cancel_wanted
                     ELSE news.reason END,
       server_reply = news.reply,
       attempts = mail.attempts + news.tries,
       handed_over_at = CASE WHEN news.is_unspoken THEN NULL ELSE mail.handed_over_at END,
       not_before = CASE WHEN news.delay IS NULL THEN mail.not_before ELSE statement_timestamp() + news.delay END,
       sent_at = CASE WHEN news.state = 'sent' THEN statement_timestamp() ELSE mail.sent_at END,
       lease_owner = NULL, lease_until = NULL, updated_at = statement_timestamp()
  FROM news JOIN free USING (id)
 WHERE mail.id = news.id
   AND (mail.lease_owner = %s
        -- We were taken for lost in this very attempt. Nobody has touched it since, and we know what became of it.
        OR (mail.state = 'uncertain' AND mail.reason = 'worker_lost' AND mail.attempts = news.attempt)
        OR (mail.state = 'cancelled' AND mail.cancel_wanted <> '' AND mail.attempts = news.attempt
            AND news.state = 'sent'))
RETURNING mail.id, mail.updated_at
"""


def write_down(outcomes: Sequence[Outcome], *, owner: UUID) -> None:
    """Record them, also through a restart of the database. Longer than their leases last there is no use in trying.

    Whoever has hold of one, to call it back, may wait for another of these. So none is held while one is waited for.
    """
    left = patiently(partial(record, outcomes, owner=owner), seconds=settings.MAIL_LEASE_SECONDS)
    for outcome in left if len(outcomes) > 1 else []:
        patiently(partial(record, [outcome], owner=owner), seconds=settings.MAIL_LEASE_SECONDS)


@transaction.atomic
def record(outcomes: Sequence[Outcome], *, owner: UUID) -> list[Outcome]:
    """Write down what became of them, in one statement; those that it left alone.

    A mail that is no longer ours, and of several also those that somebody has hold of: one alone is waited for.
    """
    if not outcomes:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD.format(hurry="SKIP LOCKED" if len(outcomes) > 1 else ""),
            [
                [outcome.mail.pk for outcome in outcomes],
                [str(outcome.state) for outcome in outcomes],
                [str(outcome.reason) for outcome in outcomes],
                [outcome.reply.replace("\0", "") for outcome in outcomes],
                [outcome.delay for outcome in outcomes],
                [outcome.tries for outcome in outcomes],
                [outcome.mail.attempts for outcome in outcomes],
                # In `mail` stands what was known when it was claimed, before it was promised.
                [outcome.is_no_try and outcome.mail.handed_over_at is None for outcome in outcomes],
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
    return [outcome for outcome in outcomes if outcome.mail.pk not in recorded]


def _event_of(outcome: Outcome, *, at: datetime) -> MailEvent:
    mail = outcome.mail
    return MailEvent(
        brand_id=mail.brand_id,
        mail=mail,
        kind=outcome.event,
        source="server",
        event_id=f"{mail.uuid}:{at.isoformat()}",
        detail=unnamed(outcome.reply)[:200],
        occurred_at=at,
    )


def _suppress_bounced(mail: OutgoingMail, *, now: datetime) -> None:
    suppress(mail.brand, mail.to_address, scope=Suppression.EVERYTHING, reason=Suppression.Reason.BOUNCED, now=now)
