"""Whether the processes that send are at work, and what troubles them."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """A process without which no mail goes, and when it was last alive, by the database's clock."""

    class Kind(models.TextChoices):
        BEAT = "beat", _("Beat")
        WORKER = "worker", _("Worker")

    kind = models.CharField(_("kind"), max_length=6, choices=Kind)
    host = models.CharField(_("host"), max_length=255)
    pid = models.PositiveIntegerField(_("process"))
    started_at = models.DateTimeField(_("started at"))
    seen_at = models.DateTimeField(_("last alive at"))
    # It was asked to end and did. Empty: it is at work, or was killed.
    stopped_at = models.DateTimeField(_("stopped at"), null=True, blank=True)

    class Meta:
        verbose_name = _("process")
        verbose_name_plural = _("processes")
        constraints = [models.UniqueConstraint(fields=["kind", "host", "pid"], name="heartbeat_once_a_process")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.host} · {self.pid}"


class AlarmQuerySet(models.QuerySet["Alarm"]):
    def holding(self) -> Self:
        """Nothing goes out while one of these stands."""
        return self.filter(kind=Alarm.Kind.RESTORED, ended_at=None)

    def of_lost_time(self) -> Self:
        """Restored, and nobody has said that whoever may have been asked in the lost time may be asked again."""
        return self.filter(kind=Alarm.Kind.RESTORED, lost_since__isnull=False)


class Alarm(models.Model):
    """A trouble of all mail, from when it was noticed to its end. One of a kind stands at a time."""

    class Kind(models.TextChoices):
        BEAT_SILENT = "beat_silent", _("Beat is silent")
        WORKERS_SILENT = "workers_silent", _("No worker is at work")
        QUEUE_LATE = "queue_late", _("Mail goes out late")
        UNREACHABLE = "unreachable", _("The mail server cannot be reached")
        RESTORED = "restored", _("Mail is held, since a backup was restored")

    kind = models.CharField(_("kind"), max_length=14, choices=Kind)
    began_at = models.DateTimeField(_("began at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    # When the operator was written to about it, and about its end.
    told_at = models.DateTimeField(_("told at"), null=True, blank=True)
    end_told_at = models.DateTimeField(_("end told at"), null=True, blank=True)
    # Whoever writes just now has until then; afterwards another process may try.
    telling_until = models.DateTimeField(null=True, blank=True, editable=False)
    # When the backup was taken: of what happened from then until the alarm began nothing is known here.
    lost_since = models.DateTimeField(_("restored as of"), null=True, blank=True)

    objects = AlarmQuerySet.as_manager()

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        constraints = [
            models.UniqueConstraint(fields=["kind"], name="alarm_one_stands", condition=Q(ended_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class TaskRun(models.Model):
    """How a task of the timetable has fared: all its runs in sum, and the last one. One row a task."""

    name = models.CharField(_("task"), max_length=100, unique=True)
    runs = models.PositiveBigIntegerField(_("runs"), default=0)
    failures = models.PositiveBigIntegerField(_("failures"), default=0)
    seconds = models.FloatField(_("seconds in all"), default=0)
    began_at = models.DateTimeField(_("last began at"))
    last_seconds = models.FloatField(_("seconds of the last run"))
    host = models.CharField(_("host"), max_length=255)
    # What it gave back, which with most is how much it did; nothing where it says nothing.
    result = models.CharField(_("result"), max_length=60, blank=True)
    ended_well_at = models.DateTimeField(_("last ended well at"), null=True, blank=True)
    failed_at = models.DateTimeField(_("last failed at"), null=True, blank=True)
    # The name of the error alone: its words may speak of people.
    problem = models.CharField(_("problem"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")

    def __str__(self) -> str:
        return self.name

    @property
    def is_failing(self) -> bool:
        return self.failed_at is not None and (self.ended_well_at is None or self.ended_well_at < self.failed_at)
