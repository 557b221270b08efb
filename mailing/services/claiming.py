"""Taking mail into a worker's hands, and out of them again.

A claim harms nobody: nothing was sent. Any number of workers claim at once, and what one has locked the others skip.
"""

import math
import time
from collections.abc import Collection, Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Case, Exists, F, Q, Value, When
from django.db.models.functions import Now

from accounts.clock import database_now
from mailing.models import Alarm, OutgoingMail
from mailing.patience import patiently
from mailing.services.pacing import allowance, give_times, spend

State, Reason, Guarantee = OutgoingMail.State, OutgoingMail.Reason, OutgoingMail.Guarantee

FREED: dict[str, Any] = {"lease_owner": None, "lease_until": None, "updated_at": Now()}
IS_WANTED = Q(cancel_wanted="")

log = structlog.get_logger(__name__)


def claim_all_due(*, owner: UUID, deadline: float) -> Iterator[OutgoingMail]:
    """A batch whenever it is come to: what is claimed and not sent nobody else can send."""
    limit = settings.MAIL_BATCH_SIZE
    while mails := claim_due(owner=owner, limit=limit, deadline=deadline):
        yield from mails


def claim_due(*, owner: UUID, limit: int, deadline: float = math.inf) -> list[OutgoingMail]:
    """Take up to `limit` mails that nobody else holds and that may go now; none: nothing does, or time is over."""
    while time.monotonic() < deadline:
        # What was committed before we could know is given back at the end of the run.
        due, claimed = patiently(partial(claim_batch, owner=owner, limit=limit), seconds=settings.MAIL_CLAIM_SECONDS)
        # Where all of a batch has to wait for its domain there may be others behind it.
        if claimed or not due:
            return claimed
    return []


@transaction.atomic
def claim_batch(*, owner: UUID, limit: int) -> tuple[int, list[OutgoingMail]]:
    """How many were due, and which of them are ours now. What is too late to be sent is put aside for good."""
    now = database_now()
    limit = allowance(limit=limit, now=now)
    is_held = Exists(Alarm.objects.holding())
    due = OutgoingMail.objects.due(Now()).filter(~is_held).order_by("not_before", "id")
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


def in_line_again(**fields: Any) -> dict[str, Any]:
    """What makes a mail that was with a server wait again, or be cancelled where somebody wanted that meanwhile.

    Both in one statement: between a look and a word the wish could come, and be lost.
    """
    return {
        "state": Case(When(IS_WANTED, then=Value(State.QUEUED)), default=Value(State.CANCELLED)),
        "reason": Case(When(IS_WANTED, then=fields.pop("reason", F("reason"))), default=F("cancel_wanted")),
        **fields,
        **FREED,
    }


@transaction.atomic
def give_back(owner: UUID, *, reason: str = "", pause: timedelta = timedelta(0)) -> int:
    """What this worker claimed and did not come to is free again; how many."""
    ours = OutgoingMail.objects.filter(state=State.CLAIMED, lease_owner=owner)
    # Whoever has hold of one takes it back, and may wait for another of these.
    free = list(ours.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True))
    return OutgoingMail.objects.filter(pk__in=free).update(
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
    promised.update(**in_line_again(reason=Value(Reason.WORKER_LOST)))
    if uncertain:
        log.warning("mail_uncertain", count=uncertain, reason=Reason.WORKER_LOST.value)
    return len(pks)
