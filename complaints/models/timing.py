"""What the clocks of a case keep: when they stood, what was said of them, and days on which a brand is closed."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet, CustomersQuerySet, User
from complaints.models.cases import Complaint


class PauseQuerySet(CustomersQuerySet["Pause"]):
    brand_path = "complaint__brand"

    def standing(self) -> "PauseQuerySet":
        return self.filter(ended_at=None)


class Pause(models.Model):
    """A time in which the promises of a case did not run. The term of the law takes no notice of it."""

    class Cause(models.TextChoices):
        CUSTOMER = "customer", _("Waiting for the customer")
        RESOLVED = "resolved", _("Closed")

    complaint = models.ForeignKey(Complaint, models.CASCADE, related_name="pauses", verbose_name=_("case"))
    cause = models.CharField(_("why"), max_length=8, choices=Cause)
    began_at = models.DateTimeField(_("began at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    objects = PauseQuerySet.as_manager()

    class Meta:
        verbose_name = _("pause of a case")
        verbose_name_plural = _("pauses of cases")
        ordering = ["began_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["complaint"], condition=Q(ended_at=None), name="pause_one_at_a_time"),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("began_at")), name="pause_ends_after_it_began"
            ),
            models.CheckConstraint(condition=Q(cause__in=["customer", "resolved"]), name="pause_cause_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.complaint_id} · {self.began_at:%Y-%m-%d %H:%M}"


class AlarmQuerySet(CustomersQuerySet["Alarm"]):
    brand_path = "complaint__brand"


class Alarm(models.Model):
    """Somebody was told of a deadline, before it or after it had passed: once each, by the constraint."""

    class Clock(models.TextChoices):
        ANSWER = "answer", _("Answer")
        SOLUTION = "solution", _("Solution")
        LAW = "law", _("Term of the law")

    class Level(models.TextChoices):
        WARNING = "warning", _("Warning")
        ESCALATION = "escalation", _("Escalation")

    complaint = models.ForeignKey(
        Complaint, models.CASCADE, related_name="alarms", verbose_name=_("case"), db_index=False
    )
    clock = models.CharField(_("clock"), max_length=8, choices=Clock)
    level = models.CharField(_("level"), max_length=10, choices=Level)
    due_at = models.DateTimeField(_("due"))
    at = models.DateTimeField(_("at"))

    objects = AlarmQuerySet.as_manager()

    class Meta:
        verbose_name = _("alarm of a case")
        verbose_name_plural = _("alarms of cases")
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["complaint", "clock", "level", "due_at"], name="alarm_once"),
            models.CheckConstraint(condition=Q(clock__in=["answer", "solution", "law"]), name="alarm_clock_is_known"),
            models.CheckConstraint(condition=Q(level__in=["warning", "escalation"]), name="alarm_level_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.complaint_id} · {self.clock} · {self.level}"


class DayOff(models.Model):
    """A day on which a brand does not answer, beyond the holidays of its country and region."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="days_off", verbose_name=_("brand"), db_index=False)
    day = models.DateField(_("day"))
    name = models.CharField(_("name"), max_length=80)
    is_public = models.BooleanField(
        _("public holiday"),
        default=False,
        help_text=_("A holiday of the town, for example: then the terms of the law do not count it either."),
    )

    objects = BrandOwnedQuerySet["DayOff"].as_manager()

    class Meta:
        verbose_name = _("day off")
        verbose_name_plural = _("days off")
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["brand", "day"], name="day_off_once")]

    def __str__(self) -> str:
        return f"{self.day} · {self.name}"


class RecountQuerySet(BrandOwnedQuerySet["Recount"]):
    def unfinished(self) -> "RecountQuerySet":
        return self.filter(finished_at=None)


class Recount(models.Model):
    """The deadlines of a brand's open cases reckoned anew, batch by batch, after a day was taken off or given back."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    since = models.DateField(_("deadlines from this day on"))
    asked_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", db_index=False, verbose_name=_("by")
    )
    asked_at = models.DateTimeField(_("at"))
    last_id = models.BigIntegerField(default=0)  # of the cases looked at, which are taken by their ids
    looked_at = models.PositiveIntegerField(_("cases looked at"), default=0)
    moved = models.PositiveIntegerField(_("cases with another deadline"), default=0)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    objects = RecountQuerySet.as_manager()

    class Meta:
        verbose_name = _("recount of deadlines")
        verbose_name_plural = _("recounts of deadlines")
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["brand"], condition=Q(finished_at=None), name="recount_one_at_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.brand_id} · {self.since}"
