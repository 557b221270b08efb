"""What has been kept long enough goes, every night, and leaves a report (docs/operating.md)."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import QuerySet

from accounts.append_only import ERASURE, RETENTION, open_door
from accounts.in_turn import sum_in_turn
from accounts.models import AccessLog, AuditEntry, Brand
from affiliates.services.clicks import forget_clicks
from complaints.models import Complaint, ComplaintResponse, IncomingMail
from complaints.services.erasing import forget_cases
from insights.services.erasing import who_keeps
from intake.models import BlockedRecord, InboundEvent, RetentionRun
from mailing.models import OutgoingMail
from surveys.models import Invitation, Response
from surveys.services.erasing import unlink_old

BATCH = 2000
ONE_AT_A_TIME = 0x50_56_03  # of the database's own locks
MOST_A_NIGHT = 200_000  # rows of a kind: what is left goes the next night


def forget_what_is_old(*, now: datetime) -> RetentionRun:
    """Each kind in batches; how many rows of each went or were emptied is the report, whatever becomes of the night.

    Raises ExceptionGroup of the kinds that failed, once all have had their turn.
    """
    run = RetentionRun.objects.create(ran_at=now, counts=dict.fromkeys(KINDS, 0))
    sum_in_turn(KINDS, lambda kind: _in_batches(run, kind, now - timedelta(days=settings.RETENTION_DAYS[kind])))
    return run


def _in_batches(run: RetentionRun, kind: str, before: datetime) -> int:
    while run.counts[kind] < MOST_A_NIGHT:
        with open_door(RETENTION):
            _wait_for_others()
            count = KINDS[kind](before)
            RetentionRun.objects.filter(pk=run.pk).update(counts=run.counts | {kind: run.counts[kind] + count})
        run.counts[kind] += count
        if count < BATCH:
            break
    return run.counts[kind]


def _wait_for_others() -> None:
    """Two beats by mistake: what one batch takes the next does not find, whoever works it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])


def _first(rows: QuerySet[Any]) -> list[Any]:
    return _oldest(rows, "pk")


def _oldest(rows: QuerySet[Any], by: str) -> list[Any]:
    """Of tables that keep their rows: by an index that those which are emptied have left."""
    return list(rows.order_by(by).values_list("pk", flat=True)[:BATCH])


def _delete(rows: QuerySet[Any]) -> int:
    found = _first(rows)
    rows.model._base_manager.filter(pk__in=found).delete()
    return len(found)


def _mails(before: datetime) -> int:
    """That a mail went, and what became of it, stays: not to whom, nor what it said."""
    found = _oldest(OutgoingMail.objects.settled().filter(created_at__lt=before), "created_at")
    emptied: dict[str, Any] = {"to_address": "", "context": {}, "sealed_context": None, "server_reply": ""}
    return OutgoingMail.objects.filter(pk__in=found).update(**emptied)


def _samples(before: datetime) -> int:
    return _delete(OutgoingMail.objects.filter(scopes__contains=[OutgoingMail.SAMPLE], created_at__lt=before))


def _answers(before: datetime) -> int:
    """As when their customer is erased: the scores stay, in their month, without words and without anybody."""
    old = _oldest(Response.objects.filter(is_unlinked=False, answered_at__lt=before), "answered_at")
    found = list(Response.objects.filter(pk__in=old).values_list("invitation", flat=True))
    for brand in Brand.objects.filter(invitations__in=found).distinct():
        _unlink(brand, found)
    return len(found)


def _unlink(brand: Brand, invitations: Collection[int]) -> None:
    own = Invitation.objects.filter(brand=brand, pk__in=invitations)
    people = _by_customer(own)
    ComplaintResponse.objects.filter(response__invitation__in=own).delete()
    kept_for = {response: keeper for one in people for response, keeper in who_keeps(brand, one).items()}
    with open_door(ERASURE):
        unlink_old(own, kept_for=kept_for)


def _by_customer(invitations: QuerySet[Invitation]) -> list[list[int]]:
    """Their responses: whoever goes together with others goes among them, not alone."""
    found = invitations.order_by("purchase__customer", "pk").values_list("purchase__customer", "response")
    return [[response for _customer, response in own] for _who, own in groupby(found, key=itemgetter(0))]


def _incoming(before: datetime) -> int:
    """In no case, and nobody waits to decide on it: letters of strangers, robots and what was thrown away."""
    waiting = (IncomingMail.State.RECEIVED, IncomingMail.State.QUARANTINED)
    return _delete(IncomingMail.objects.filter(complaint=None, received_at__lt=before).exclude(state__in=waiting))


def _cases(before: datetime) -> int:
    """Closed, and touched no more since: with thread, notes and files, and out of the counts."""
    found = _oldest(
        Complaint.objects.exclude(state__in=Complaint.OPEN_STATES).filter(updated_at__lt=before), "updated_at"
    )
    with open_door(ERASURE):
        forget_cases(found)
    return len(found)


KINDS: dict[str, Callable[[datetime], int]] = {
    "hooks": lambda before: _delete(InboundEvent.objects.filter(received_at__lt=before, processed_at__isnull=False)),
    "mails": _mails,
    "sample_mails": _samples,
    "clicks": forget_clicks,
    "answers": _answers,
    "incoming": _incoming,
    "cases": _cases,
    "blocked": lambda before: _delete(BlockedRecord.objects.filter(since__lt=before)),
    "sessions": lambda before: _delete(Session.objects.filter(expire_date__lt=before)),
    "history": lambda before: _delete(LogEntry.objects.filter(action_time__lt=before)),
    "access_log": lambda before: _delete(AccessLog.objects.filter(at__lt=before)),
    "audit_log": lambda before: _delete(AuditEntry.objects.filter(at__lt=before)),
}
