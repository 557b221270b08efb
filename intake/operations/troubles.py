"""What of the figures is trouble, since when one should mind, and the one next step of each.

The limits are those of docker/prometheus/postventa.rules.yml, in words for whoever opens the page.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import replica
from intake.operations.figures import Figures
from mailing.alarms import ADVICE
from mailing.models import TaskRun
from mailing.selectors.pulse import troubles_now

QUEUE_NAMES = {
    "mail": gettext_lazy("Mail to be sent"),
    "invitations": gettext_lazy("Customers to be asked"),
    "webhooks_out": gettext_lazy("Webhooks to other systems"),
    "webhooks_in": gettext_lazy("Webhooks of other systems"),
    "incoming_mail": gettext_lazy("Mail of customers"),
    "counting": gettext_lazy("Changes to be counted"),
    "erasures": gettext_lazy("Erasures"),
}
# Seconds that the oldest of it may wait. Of mail: ALARM_LATE_SECONDS, an alarm of its own.
PATIENCE = dict.fromkeys(("invitations", "webhooks_out", "webhooks_in", "incoming_mail", "counting"), 900)
PATIENCE |= {"erasures": 86_400}
# Who works each of them, as the timetable calls it.
WORKED_BY = {
    "invitations": "send-invitations",
    "webhooks_out": "deliver-webhooks",
    "webhooks_in": "process-inbound",
    "incoming_mail": "sort-incoming-mail",
    "counting": "fold-answers",
    "erasures": "work-erasures",
}
MOST_CONNECTIONS = 0.8  # of those that the server allows
LONGEST_TRANSACTION = 3600  # seconds
OLDEST_ROW = 1_000_000_000  # transactions: half of those that there are
# A task may be late by so much and twice its interval before it is missed.
LATE_BY = timedelta(minutes=10)


@dataclass(frozen=True)
class Trouble:
    label: str
    advice: str


@dataclass(frozen=True)
class Job:
    """An entry of the timetable, and how it fares. `run`: None where it has not run yet."""

    name: str
    task: str
    every: timedelta
    run: TaskRun | None
    is_missed: bool

    @property
    def is_failing(self) -> bool:
        return self.run is not None and self.run.is_failing


def timetable(figures: Figures) -> list[Job]:
    runs = {run.name: run for run in figures.tasks}
    entries: Mapping[str, Mapping[str, object]] = settings.CELERY_BEAT_SCHEDULE
    jobs = []
    for name, entry in entries.items():
        run, every = runs.get(str(entry["task"])), entry["schedule"]
        assert isinstance(every, timedelta)
        jobs.append(Job(name, str(entry["task"]), every, run, _is_missed(run, every, now=figures.now)))
    return sorted(jobs, key=lambda job: (-job.every, job.name))


def _is_missed(run: TaskRun | None, every: timedelta, *, now: datetime) -> bool:
    """What has never run may be new, or beat's first turn with it still to come."""
    last = max(filter(None, (run.ended_well_at, run.failed_at)), default=None) if run else None
    return last is not None and now - last > 3 * every + LATE_BY


def troubles(figures: Figures, *, is_migrated: bool, silent: Collection[str] = ()) -> list[Trouble]:
    """`silent`: processes that gave no sign lately and were not asked to end."""
    return [
        *of_mail(figures),
        *_of_processes(figures, silent),
        *_of_queues(figures),
        *_of_tasks(figures),
        *_of_database(figures, is_migrated),
        *of_replica(),
    ]


def of_mail(figures: Figures) -> Iterator[Trouble]:
    for kind in troubles_now(figures.pulse):
        yield Trouble(str(kind.label), str(ADVICE[kind]))


def _of_processes(figures: Figures, silent: Collection[str]) -> Iterator[Trouble]:
    """One of several; where none is left the mail's own alarm says so."""
    if figures.alive["beat"] and figures.alive["worker"]:
        for name in silent:
            advice = _("The others go on without it. See whether its host lives, and its log; forgotten after a week.")
            yield Trouble(_("%(process)s gives no sign") % {"process": name}, advice)


def _of_queues(figures: Figures) -> Iterator[Trouble]:
    for name, patience in PATIENCE.items():
        if figures.queues[name].age > patience:
            late = _("%(queue)s: the oldest has waited for %(minutes)d minutes")
            said = late % {"queue": QUEUE_NAMES[name], "minutes": figures.queues[name].age // 60}
            advice = _("See below whether %(task)s fails or takes long; if it does neither, add workers.")
            yield Trouble(said, advice % {"task": WORKED_BY[name]})


def _of_tasks(figures: Figures) -> Iterator[Trouble]:
    for job in timetable(figures):
        if job.is_failing and job.run:
            said = _("%(task)s fails (%(problem)s)") % {"task": job.name, "problem": job.run.problem}
            yield Trouble(said, _("Look for %(task)s in the log of the workers.") % {"task": job.task})
        elif job.is_missed and figures.alive["worker"] and figures.alive["beat"]:
            advice = _("Beat hands it out and workers run it: see both logs for %(task)s.") % {"task": job.task}
            yield Trouble(_("%(task)s does not run any more") % {"task": job.name}, advice)


def _of_database(figures: Figures, is_migrated: bool) -> Iterator[Trouble]:
    held = figures.connections
    if not is_migrated:
        yield Trouble(_("There are migrations to be applied"), _("Run manage.py migrate."))
    if held.open > MOST_CONNECTIONS * held.most:
        said = _("%(open)d of %(most)d connections of PostgreSQL are taken") % {"open": held.open, "most": held.most}
        yield Trouble(said, _("Fewer processes or threads, a pooler that keeps sessions, or a higher max_connections."))
    if held.oldest_transaction > LONGEST_TRANSACTION:
        said = _("A transaction has lasted for %(minutes)d minutes") % {"minutes": held.oldest_transaction // 60}
        yield Trouble(said, _("Look for it in pg_stat_activity, and end it with pg_terminate_backend."))
    if held.frozen_age > OLDEST_ROW:
        advice = _("See why autovacuum does not come through, and run VACUUM FREEZE.")
        yield Trouble(_("Half of PostgreSQL’s transaction ids are used up"), advice)


def of_replica() -> Iterator[Trouble]:
    if not replica.exists():
        return
    behind = replica.WATCH.behind()
    advice = _("Pages are read from the primary meanwhile. See its log, and pg_stat_replication on the primary.")
    if behind is None:
        yield Trouble(_("The replica cannot be read from"), advice)
    elif behind > settings.REPLICA_MAX_LAG_SECONDS:
        yield Trouble(_("The replica is %(seconds)d s behind") % {"seconds": behind}, advice)
