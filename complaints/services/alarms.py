"""Deadlines that come near or have passed: told once each, to whoever can still do something."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.urls import reverse
from django.utils.translation import override

from accounts.in_turn import sum_in_turn
from accounts.models import Brand, Membership, User
from complaints.models import Alarm, Complaint, ComplaintEvent
from complaints.wording import clock
from mailing.models import OutgoingMail
from mailing.services import MailRequest, queue_mails

Clock, Level = Alarm.Clock, Alarm.Level
AT_ONCE = 500  # alarms of a brand in one run
MOST_TOLD = 20  # cases named in one mail; of more only how many

RAISE = """
INSERT INTO complaints_alarm (complaint_id, clock, level, due_at, at)
SELECT complaint_id, clock, level, due_at, %(now)s FROM (
    SELECT complaint.id AS complaint_id, clock.name AS clock, clock.due_at,
        CASE WHEN clock.due_at <= %(now)s THEN 'escalation' ELSE 'warning' END AS level
    FROM complaints_complaint AS complaint
    CROSS JOIN LATERAL (VALUES
        ('answer', CASE WHEN complaint.waits_since IS NOT NULL THEN complaint.service_due_at END, %(service_soon)s),
        ('solution', complaint.solution_due_at, %(service_soon)s),
        ('law', complaint.legal_due_at, %(legal_soon)s)
    ) AS clock (name, due_at, soon)
    WHERE complaint.id IN ({near}) AND clock.due_at <= clock.soon
) AS due
WHERE NOT EXISTS (
    SELECT FROM complaints_alarm AS known
    WHERE known.complaint_id = due.complaint_id AND known.clock = due.clock AND known.level = due.level
        AND known.due_at = due.due_at
)
ORDER BY due_at, complaint_id
LIMIT %(at_once)s
ON CONFLICT DO NOTHING
RETURNING complaint_id, clock, level, due_at
"""


@dataclass(frozen=True)
class Raised:
    complaint_id: int
    clock: str
    level: str
    due_at: datetime


def raise_alarms(*, now: datetime) -> int:
    """Warn the owner of a case before it is due; once it is late tell the brand's administrators too. How many alarms.

    Each deadline once a level, however many workers look: the table holds each pair once. Several are told in one mail.
    """
    return sum_in_turn(Brand.objects.order_by("pk"), lambda brand: _raise_of(brand, now=now))


@transaction.atomic
def _raise_of(brand: Brand, *, now: datetime) -> int:
    raised = _write(brand, now=now)
    if not raised:
        return 0
    ComplaintEvent.objects.bulk_create(
        ComplaintEvent(
            complaint_id=each.complaint_id,
            kind=ComplaintEvent.Kind.WARNED if each.level == Level.WARNING else ComplaintEvent.Kind.ESCALATED,
            data={"clock": each.clock, "due_at": each.due_at.isoformat()},
            at=now,
        )
        for each in raised
    )
    cases = Complaint.objects.select_related("assignee").in_bulk({each.complaint_id for each in raised})
    queue_mails(list(_mails(brand, raised, cases, now=now)))
    return len(raised)


def _write(brand: Brand, *, now: datetime) -> list[Raised]:
    service_soon = now + timedelta(hours=brand.warning_hours)
    legal_soon = now + timedelta(days=brand.legal_warning_days)
    near = Complaint.objects.filter(brand=brand).open().due_by(max(service_soon, legal_soon))
    sql, params = near.order_by().values("pk").query.sql_with_params()
    named = {f"near{place}": value for place, value in enumerate(params)}
    told: dict[str, Any] = {"now": now, "service_soon": service_soon, "legal_soon": legal_soon, "at_once": AT_ONCE}
    with connection.cursor() as cursor:
        cursor.execute(RAISE.format(near=sql % tuple(f"%({name})s" for name in named)), {**told, **named})
        return [Raised(*row) for row in cursor.fetchall()]


def _mails(
    brand: Brand, raised: Sequence[Raised], cases: Mapping[int, Complaint], *, now: datetime
) -> Iterable[MailRequest]:
    """One to each person who is told of any, about all of theirs."""
    administrators = _staff(brand, Membership.Role.ADMIN)
    workers = {user.pk for user in [*administrators, *_staff(brand, Membership.Role.AGENT)]}
    told: dict[User, list[Raised]] = {}
    for each in raised:
        owner = cases[each.complaint_id].assignee
        to = {owner} if owner and owner.pk in workers else set()
        if each.level == Level.ESCALATION or not to:
            to = to.union(administrators)
        for user in to:
            told.setdefault(user, []).append(each)
    for user, theirs in told.items():
        yield _mail(brand, user, theirs, cases, now=now)


def _mail(
    brand: Brand, user: User, raised: Sequence[Raised], cases: Mapping[int, Complaint], *, now: datetime
) -> MailRequest:
    language = brand.language_for(user.language)
    zone = user.zone_for(brand)
    with override(language):
        lines = [_line(each, cases[each.complaint_id], now=now, zone=zone) for each in raised[:MOST_TOLD]]
    first = raised[0]
    return MailRequest(
        brand=brand,
        template="complaints/alarms",
        to=user.email,
        language=language,
        dedupe_key=f"alarms:{user.pk}:{first.complaint_id}:{first.clock}:{first.level}:{first.due_at:%Y%m%dT%H%M%S}",
        guarantee=OutgoingMail.Guarantee.AT_LEAST_ONCE,
        not_before=now,
        context={
            "cases": lines,
            "count": len(raised),
            "late": sum(each.level == Level.ESCALATION for each in raised),
            "more": max(len(raised) - MOST_TOLD, 0),
            "path": reverse("admin:complaints_complaint_changelist"),
        },
    )


def _line(raised: Raised, case: Complaint, *, now: datetime, zone: ZoneInfo) -> dict[str, str]:
    """No name and no words of the customer: staff's mailboxes are not the desk."""
    return {
        "number": case.number,
        "kind": case.get_kind_display(),
        "clock": str(Clock(raised.clock).label),
        "due": clock(raised.due_at, now=now, zone=zone).text,
        "path": reverse("admin:complaints_complaint_change", args=[case.pk]),
    }


def _staff(brand: Brand, role: str) -> list[User]:
    return list(User.objects.filter(is_active=True, memberships__brand=brand, memberships__role=role).order_by("pk"))
