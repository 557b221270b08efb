"""What has been kept long enough goes, every night, and leaves a report (docs/operating.md)."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet

from accounts.append_only import ERASURE, RETENTION, open_door
from accounts.models import AccessLog, AuditEntry, Brand
from affiliates.models import Click
from complaints.models import ComplaintResponse
from insights.services.erasing import who_keeps
from intake.models import InboundEvent, RetentionRun
from mailing.models import OutgoingMail
from surveys.models import Invitation
from surveys.services.erasing import unlink

BATCH = 2000
MOST_A_NIGHT = 200_000  # rows of a kind: what is left goes the next night
FINAL_MAIL = (
    OutgoingMail.State.SENT,
    OutgoingMail.State.FAILED,
    OutgoingMail.State.CANCELLED,
    OutgoingMail.State.EXPIRED,
    OutgoingMail.State.UNCERTAIN,
)


def forget_what_is_old(*, now: datetime) -> RetentionRun:
    """Each kind in batches, each batch a transaction; how many rows of each went or were emptied is the report."""
    days = settings.RETENTION_DAYS
    counts = {kind: _in_batches(work, now - timedelta(days=days[kind])) for kind, work in KINDS.items()}
    return RetentionRun.objects.create(ran_at=now, counts=counts)


def _in_batches(work: Callable[[datetime], int], before: datetime) -> int:
    done = 0
    while done < MOST_A_NIGHT:
        with open_door(RETENTION):
            count = work(before)
        done += count
        if count < BATCH:
            break
    return done


def _first(rows: QuerySet[Any]) -> list[Any]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])


def _delete(rows: QuerySet[Any]) -> int:
    found = _first(rows)
    rows.model._base_manager.filter(pk__in=found).delete()
    return len(found)


def _clicks(before: datetime) -> int:
    """The visit is counted on; by which browser it came is not known any more."""
    found = _first(Click.objects.filter(occurred_at__lt=before).exclude(visitor=""))
    return Click.objects.filter(pk__in=found).update(visitor="")


def _mails(before: datetime) -> int:
    """That a mail went, and what became of it, stays: not to whom, nor what it said."""
    old = OutgoingMail.objects.filter(state__in=FINAL_MAIL, created_at__lt=before).exclude(to_address="")
    found = _first(old)
    emptied: dict[str, Any] = {"to_address": "", "context": {}, "sealed_context": None, "server_reply": ""}
    return OutgoingMail.objects.filter(pk__in=found).update(**emptied)


def _samples(before: datetime) -> int:
    return _delete(OutgoingMail.objects.filter(scopes__contains=[OutgoingMail.SAMPLE], created_at__lt=before))


def _answers(before: datetime) -> int:
    """As when their customer is erased: the scores stay, in their month, without words and without anybody."""
    old = Invitation.objects.filter(response__answered_at__lt=before).filter(
        Q(purchase__isnull=False) | Q(occasion__startswith="case:")
    )
    found = _first(old)
    for brand in Brand.objects.filter(invitations__in=found).distinct():
        _unlink(brand, found)
    return len(found)


def _unlink(brand: Brand, invitations: Collection[int]) -> None:
    own = Invitation.objects.filter(brand=brand, pk__in=invitations)
    people = _by_customer(own)
    ComplaintResponse.objects.filter(response__invitation__in=own).delete()
    kept_for = {response: keeper for one in people for response, keeper in who_keeps(brand, one).items()}
    with open_door(ERASURE):
        unlink(own, kept_for=kept_for)


def _by_customer(invitations: QuerySet[Invitation]) -> list[list[int]]:
    """Their responses: whoever goes together with others goes among them, not alone."""
    found = invitations.order_by("purchase__customer", "pk").values_list("purchase__customer", "response")
    return [[response for _customer, response in own] for _who, own in groupby(found, key=itemgetter(0))]


KINDS: dict[str, Callable[[datetime], int]] = {
    "hooks": lambda before: _delete(InboundEvent.objects.filter(received_at__lt=before, processed_at__isnull=False)),
    "mails": _mails,
    "sample_mails": _samples,
    "clicks": _clicks,
    "answers": _answers,
    "sessions": lambda before: _delete(Session.objects.filter(expire_date__lt=before)),
    "history": lambda before: _delete(LogEntry.objects.filter(action_time__lt=before)),
    "access_log": lambda before: _delete(AccessLog.objects.filter(at__lt=before)),
    "audit_log": lambda before: _delete(AuditEntry.objects.filter(at__lt=before)),
}
