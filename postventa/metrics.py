"""What Prometheus is told (docs/metrics.md).

Requests are counted by the web processes of one host, each for itself, in files that they share (gunicorn.conf.py): the
one that is asked adds them up. All else is asked of the database, where every host is told the same, at most once in
CACHED_FOR by each process; totals are those of the last reading, a minute old at most.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock

from django.conf import settings
from django.db import Error as DatabaseError
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from accounts import replica
from intake.models import Reading
from intake.operations.figures import Figures, take_figures

CACHED_FOR = 5.0  # seconds
MULTIPLE = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client keeps what several processes count


def exposition() -> bytes:
    """All of it, in Prometheus' own words."""
    own = CollectorRegistry()
    own.register(Installation())
    if MULTIPLE in os.environ:
        requests = CollectorRegistry()
        MultiProcessCollector(requests)
        return generate_latest(requests) + generate_latest(own)
    return generate_latest(REGISTRY) + generate_latest(own)


@dataclass
class Kept:
    """The last figures, for whoever asks again at once. Several who ask together cause one question."""

    lock: Lock = field(default_factory=Lock)
    figures: tuple[Figures, dict[str, int]] | None = None
    taken_at: float = 0.0

    def get(self) -> tuple[Figures, dict[str, int]]:
        with self.lock:
            if self.figures is None or time.monotonic() - self.taken_at > CACHED_FOR:
                last = Reading.objects.order_by("-at").first()
                self.figures = take_figures(), last.totals if last else {}
                self.taken_at = time.monotonic()
            return self.figures


KEPT = Kept()


class Installation(Collector):
    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("postventa_build", "The version at work.", {"version": settings.VERSION})
        try:
            figures, totals = KEPT.get()
        except DatabaseError:
            yield GaugeMetricFamily("postventa_database_up", "Whether the database answers.", 0)
            return
        yield GaugeMetricFamily("postventa_database_up", "Whether the database answers.", 1)
        for told in (queues, processes, tasks, outcomes, others, database):
            yield from told(figures, totals)
        yield from of_replica()


def queues(figures: Figures, totals: dict[str, int]) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "postventa_queue_age_seconds", "How long the oldest work that is due has waited.", labels=["queue"]
    )
    size = GaugeMetricFamily("postventa_queue_size", "Work that is due, counted up to 10,000.", labels=["queue"])
    for name, queue in sorted(figures.queues.items()):
        age.add_metric([name], queue.age)
        size.add_metric([name], queue.size)
    yield age
    yield size


def processes(figures: Figures, totals: dict[str, int]) -> Iterator[Metric]:
    alive = GaugeMetricFamily("postventa_processes_alive", "Processes that have given a sign lately.", labels=["kind"])
    for kind, count in sorted(figures.alive.items()):
        alive.add_metric([kind], count)
    yield alive
    alarms = GaugeMetricFamily("postventa_alarm", "1: this alarm of the mail stands.", labels=["kind"])
    for kind in sorted(figures.pulse.standing):
        alarms.add_metric([kind], 1)
    yield alarms


def tasks(figures: Figures, totals: dict[str, int]) -> Iterator[Metric]:
    runs = SummaryMetricFamily("postventa_task_duration_seconds", "How long tasks take.", labels=["task"])
    failures = CounterMetricFamily("postventa_task_failures", "Runs of a task that ended in an error.", labels=["task"])
    last = GaugeMetricFamily(
        "postventa_task_last_success_timestamp_seconds", "When a task last ended well.", labels=["task"]
    )
    for task in figures.tasks:
        runs.add_metric([task.name], task.runs, task.seconds)
        failures.add_metric([task.name], task.failures)
        if task.ended_well_at:
            last.add_metric([task.name], task.ended_well_at.timestamp())
    yield from (runs, failures, last)


MAIL_OUTCOMES = ("sent", "failed", "uncertain", "expired", "cancelled")
MAIL_REPORTS = ("delivered", "bounced", "complained")


def outcomes(figures: Figures, totals: dict[str, int]) -> Iterator[Metric]:
    """What has happened since the first reading."""
    mails = CounterMetricFamily("postventa_mails", "Mails by how they ended.", labels=["outcome"])
    for outcome in MAIL_OUTCOMES:
        mails.add_metric([outcome], totals.get(f"mails_{outcome}", 0))
    reports = CounterMetricFamily("postventa_mail_reports", "What was reported of sent mails later.", labels=["kind"])
    for kind in MAIL_REPORTS:
        reports.add_metric([kind], totals.get(f"mails_{kind}", 0))
    tries = CounterMetricFamily("postventa_webhook_tries", "Tries to tell another system.", labels=["outcome"])
    tries.add_metric(["delivered"], totals.get("webhooks_delivered", 0))
    tries.add_metric(["failed"], totals.get("webhook_tries_failed", 0))
    yield from (mails, reports, tries)
    for name, text, key, unit in (
        ("postventa_webhook_try_seconds", "What those tries took.", "webhook_milliseconds", 1000),
        ("postventa_webhooks_received", "Messages of other systems that were taken in.", "webhooks_received", 1),
        ("postventa_surveys_sent", "Mails that ask a customer.", "surveys_sent", 1),
        ("postventa_answers", "Customers who have answered.", "answers", 1),
        ("postventa_purchases", "Purchases recorded.", "purchases", 1),
    ):
        yield CounterMetricFamily(name, text, totals.get(key, 0) / unit)


def others(figures: Figures, totals: dict[str, int]) -> Iterator[Metric]:
    yield GaugeMetricFamily("postventa_cases_late", "Open cases past a deadline, up to 10,000.", figures.late_cases)
    mails = GaugeMetricFamily("postventa_mails_undecided", "Mails left to staff, up to 10,000.", labels=["state"])
    for state, count in sorted(figures.standing_mails.items()):
        mails.add_metric([state], count)
    endpoints = GaugeMetricFamily("postventa_webhook_endpoints", "Outgoing webhooks by how they do.", labels=["state"])
    for state, count in sorted(figures.endpoints.items()):
        endpoints.add_metric([state], count)
    yield from (mails, endpoints)


def database(figures: Figures, totals: dict[str, int]) -> Iterator[Metric]:
    held = figures.connections
    used = GaugeMetricFamily("postventa_database_connections", "Connections to our database.", labels=["state"])
    for state, count in sorted(held.by_state.items()):
        used.add_metric([state], count)
    yield used
    yield GaugeMetricFamily("postventa_database_connections_max", "Connections that the server allows.", held.most)
    yield GaugeMetricFamily(
        "postventa_database_oldest_transaction_seconds",
        "How long the oldest transaction has lasted.",
        held.oldest_transaction,
    )
    yield GaugeMetricFamily(
        "postventa_database_transaction_id_age",
        "Transactions since the oldest unfrozen row.",
        held.frozen_age,
    )
    yield GaugeMetricFamily("postventa_database_size_bytes", "Size of our database.", figures.database_bytes)


def of_replica() -> Iterator[Metric]:
    """As the process that is asked has measured it. Of none nothing is told."""
    up = GaugeMetricFamily("postventa_replica_up", "Whether the replica can be read from.")
    behind = GaugeMetricFamily("postventa_replica_lag_seconds", "How far the replica is behind.")
    if replica.exists():
        seconds = replica.WATCH.behind()
        up.add_metric([], seconds is not None)
        if seconds is not None:
            behind.add_metric([], seconds)
    yield from (up, behind)
