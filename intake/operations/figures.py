"""What the database knows of the installation at one moment: each by an index or a small table, counted up to a bound.

No figure says anything of a person, a brand or an affiliate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from accounts.models import Brand
from complaints.models import Complaint
from mailing.alarms import Pulse
from mailing.models import OutgoingMail, TaskRun
from mailing.selectors.ledger import count_up_to
from mailing.selectors.pulse import take_pulse

MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Queue:
    """Work that is due. `age`: seconds for which the oldest of it has waited. `size`: up to MOST_COUNTED."""

    age: float
    size: int


@dataclass(frozen=True)
class Connections:
    """`oldest_transaction`: seconds. `frozen_age`: transactions until which PostgreSQL must have frozen old rows."""

    by_state: Mapping[str, int]
    most: int
    oldest_transaction: float
    frozen_age: int

    @property
    def open(self) -> int:
        return sum(self.by_state.values())


@dataclass(frozen=True)
class Figures:
    pulse: Pulse
    queues: Mapping[str, Queue]
    alive: Mapping[str, int]  # processes by kind
    endpoints: Mapping[str, int]  # outgoing webhooks: active, failing, paused
    standing_mails: Mapping[str, int]  # failed and uncertain, for staff to decide
    late_cases: int
    tasks: tuple[TaskRun, ...]
    connections: Connections
    database_bytes: int

    @property
    def now(self) -> datetime:
        return self.pulse.now


# Rows of a queue, for how long its oldest work has been due, and how much is; by the indexes by which workers look.
_QUEUES = """
SELECT name, greatest(0, extract(epoch FROM statement_timestamp() - oldest)), least(size, %(most)s) FROM (
    SELECT 'mail' AS name, min(not_before) AS oldest, count(*) AS size FROM (
        SELECT not_before FROM mailing_outgoingmail
         WHERE state = 'queued' AND not_before <= statement_timestamp() ORDER BY not_before LIMIT %(most)s) AS due
    UNION ALL
    SELECT 'invitations', min(scheduled_for), count(*) FROM (
        SELECT scheduled_for FROM surveys_invitation
         WHERE state IN ('planned', 'held') AND scheduled_for <= statement_timestamp()
         ORDER BY scheduled_for LIMIT %(most)s) AS due
    UNION ALL
    SELECT 'webhooks_out', min(due.not_before), count(*) FROM mailing_endpoint AS endpoint
     CROSS JOIN LATERAL (
        SELECT not_before FROM mailing_delivery AS delivery
         WHERE delivery.endpoint_id = endpoint.id AND delivery.state = 'pending'
           AND delivery.not_before <= statement_timestamp()
         ORDER BY not_before LIMIT %(most)s) AS due
     WHERE endpoint.state = 'active'
       AND (endpoint.rests_until IS NULL OR endpoint.rests_until <= statement_timestamp())
    UNION ALL
    SELECT 'webhooks_in', min(try_at), count(*) FROM (
        SELECT try_at FROM intake_inboundevent
         WHERE processed_at IS NULL AND try_at <= statement_timestamp() ORDER BY try_at LIMIT %(most)s) AS due
    UNION ALL
    SELECT 'incoming_mail', min(try_at), count(*) FROM (
        SELECT try_at FROM complaints_incomingmail
         WHERE state = 'received' AND try_at <= statement_timestamp() ORDER BY try_at LIMIT %(most)s) AS due
    UNION ALL
    SELECT 'counting', min(created_at), count(*) FROM (
        (SELECT created_at FROM affiliates_purchasechange ORDER BY id LIMIT %(most)s) UNION ALL
        (SELECT created_at FROM surveys_responsechange ORDER BY id LIMIT %(most)s) UNION ALL
        (SELECT created_at FROM complaints_complaintchange ORDER BY id LIMIT %(most)s)) AS due
    UNION ALL
    SELECT 'erasures', min(requested_at), count(*) FROM (
        SELECT requested_at FROM intake_erasure WHERE finished_at IS NULL ORDER BY id LIMIT %(most)s) AS due
) AS queue
"""
_ALIVE = """
SELECT kind, count(*) FROM mailing_heartbeat
 WHERE stopped_at IS NULL AND seen_at > statement_timestamp() - make_interval(secs => %(patience)s) GROUP BY kind
"""
_ENDPOINTS = """
SELECT CASE WHEN state = 'active' AND failing_since IS NOT NULL THEN 'failing' ELSE state END, count(*)
  FROM mailing_endpoint WHERE state <> 'ended' GROUP BY 1
"""
_CONNECTIONS = """
SELECT coalesce(nullif(state, ''), 'other'), count(*),
       coalesce(max(extract(epoch FROM statement_timestamp() - xact_start)), 0)
  FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' GROUP BY 1
"""
_SERVER = """
SELECT current_setting('max_connections')::int, age(datfrozenxid), pg_database_size(oid)
  FROM pg_database WHERE datname = current_database()
"""


def take_figures() -> Figures:
    """A constant number of statements."""
    pulse, brands = take_pulse(), list(Brand.objects.values_list("pk", flat=True))  # with which the indexes begin
    mails = OutgoingMail.objects.filter(brand__in=brands)
    cases = Complaint.objects.filter(brand__in=brands).open().due_by(pulse.now)
    [(most, frozen_age, size)] = _rows(_SERVER)
    states = {state.replace(" ", "_"): (count, float(oldest)) for state, count, oldest in _rows(_CONNECTIONS)}
    oldest = max((seconds for _count, seconds in states.values()), default=0.0)
    return Figures(
        pulse=pulse,
        queues={name: Queue(float(age or 0), size) for name, age, size in _rows(_QUEUES, {"most": MOST_COUNTED})},
        alive={"beat": 0, "worker": 0} | dict(_rows(_ALIVE, {"patience": settings.ALARM_SILENT_SECONDS})),
        endpoints={"active": 0, "failing": 0, "paused": 0} | dict(_rows(_ENDPOINTS)),
        standing_mails={
            state: count_up_to(mails.filter(state=state), MOST_COUNTED).number for state in ("failed", "uncertain")
        },
        late_cases=count_up_to(cases, MOST_COUNTED).number,
        tasks=tuple(TaskRun.objects.order_by("name")),
        connections=Connections({state: count for state, (count, _oldest) in states.items()}, most, oldest, frozen_age),
        database_bytes=size,
    )


def _rows(statement: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or {})
        return list(cursor.fetchall())
