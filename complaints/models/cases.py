"""A case: one problem, with an owner, two clocks and a number, and the answers that it follows up."""

import uuid
from datetime import UTC, datetime

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Least
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, CustomersQuerySet, User
from affiliates.models import Customer, Purchase
from complaints.models.causes import Cause, Part
from mailing.tokens import current_key_version, hash_token, make_token
from surveys.models import Response

OPEN_STATES = ("new", "in_progress", "waiting")
IS_OPEN = Q(state__in=OPEN_STATES)
NEVER = datetime(9999, 12, 31, tzinfo=UTC)


def due() -> Least:
    """What `Complaint.due_at` says of an open case: the least of those that there are."""
    answer = Case(When(waits_since__isnull=False, then=F("service_due_at")), default=None)
    return Least(answer, "solution_due_at", "legal_due_at")


def urgency() -> Coalesce:
    """What open cases are sorted by, and what their indexes hold: those that are never due come last."""
    return Coalesce(due(), Value(NEVER, models.DateTimeField()))


def gravity() -> Case:
    """Between cases that are due at the same moment: 0 for the worst."""
    return Case(
        When(severity="high", then=Value(0)),
        When(severity="medium", then=Value(1)),
        default=Value(2),
        output_field=models.SmallIntegerField(),
    )


class ComplaintQuerySet(CustomersQuerySet["Complaint"]):
    """A case names a customer: staff of its brand only."""

    def open(self) -> "ComplaintQuerySet":
        return self.filter(state__in=OPEN_STATES)

    def with_token(self, token: str) -> "ComplaintQuerySet":
        return self.filter(token_hash=hash_token(token))

    def due_by(self, moment: datetime) -> "ComplaintQuerySet":
        """Of open cases alone, as below."""
        return self.annotate(urgency=urgency()).filter(urgency__lte=moment)

    def due_after(self, moment: datetime) -> "ComplaintQuerySet":
        return self.annotate(urgency=urgency()).filter(urgency__gt=moment)

    def most_urgent_first(self) -> "ComplaintQuerySet":
        """Of open cases alone: `urgency` says nothing of a resolved one."""
        return self.annotate(urgency=urgency(), gravity=gravity()).order_by("urgency", "gravity", "id")


class Complaint(models.Model):
    class Kind(models.TextChoices):
        FOLLOW_UP = "follow_up", _("Follow-up")
        INQUIRY = "inquiry", _("Inquiry")
        SUGGESTION = "suggestion", _("Suggestion")
        COMPLAINT = "complaint", _("Complaint")
        CLAIM = "claim", _("Formal claim")
        WARRANTY = "warranty", _("Warranty")
        RETURN = "return", _("Return")

    class State(models.TextChoices):
        NEW = "new", _("New")
        IN_PROGRESS = "in_progress", _("In progress")
        WAITING = "waiting", _("Waiting for the customer")
        RESOLVED = "resolved", _("Resolved")

    class Severity(models.TextChoices):
        LOW = "low", _("Low")
        MEDIUM = "medium", _("Medium")
        HIGH = "high", _("High")

    Part = Part
    Cause = Cause
    OPEN_STATES = OPEN_STATES

    # These two without indexes of their own: several that begin with them serve.
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="complaints", verbose_name=_("brand"), db_index=False)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key_version = models.PositiveSmallIntegerField(default=current_key_version, editable=False)
    token_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    number = models.CharField(_("number"), max_length=20)
    external_id = models.CharField(_("id in the other tool"), max_length=120, null=True, blank=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.FOLLOW_UP)
    state = models.CharField(_("state"), max_length=11, choices=State, default=State.NEW)
    severity = models.CharField(_("severity"), max_length=6, choices=Severity, default=Severity.MEDIUM)
    purchase = models.ForeignKey(
        Purchase, models.PROTECT, null=True, blank=True, related_name="complaints", verbose_name=_("purchase")
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, null=True, blank=True, related_name="complaints", verbose_name=_("customer")
    )
    assignee = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="assigned_complaints",
        verbose_name=_("assignee"),
        db_index=False,
    )
    subject = models.CharField(_("subject"), max_length=200)
    text = models.TextField(_("what the customer says"), blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    part = models.CharField(_("whose part"), max_length=8, choices=Part, blank=True)
    cause = models.CharField(_("cause"), max_length=20, choices=Cause, blank=True, default="", db_default="")
    tags = ArrayField(models.CharField(max_length=40), verbose_name=_("tags"), default=list, db_default=[], blank=True)
    # What only its kind has, as `complaints.kinds` names it: when it broke, the serial number …
    details = models.JSONField(_("details"), default=dict, db_default={}, blank=True)
    merged_into = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="merged", verbose_name=_("merged into")
    )
    wants_contact = models.BooleanField(_("asked to be contacted"), default=False)
    opened_at = models.DateTimeField(_("opened at"))
    legal_due_at = models.DateTimeField(_("due by law"), null=True, blank=True)
    # The sum that led there, as `complaints.clocks.LegalDue.as_data` writes it.
    legal_sum = models.JSONField(_("how the term was reckoned"), null=True, blank=True, editable=False)
    # What the brand has promised, empty while the case waits for its customer: then these clocks stand.
    service_due_at = models.DateTimeField(_("answer due"), null=True, blank=True)
    solution_due_at = models.DateTimeField(_("solution due"), null=True, blank=True)
    # Of the very first answer, which `service_due_at` no longer tells once it was given.
    first_due_at = models.DateTimeField(_("first answer due"), null=True, blank=True)
    # Since when we owe the customer an answer, to the first message or to a later one; empty: it is their turn.
    waits_since = models.DateTimeField(_("customer waits since"), null=True, blank=True)
    answered_at = models.DateTimeField(_("first answered at"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    resolution = models.TextField(_("resolution"), blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = ComplaintQuerySet.as_manager()

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        ordering = ["-opened_at", "-id"]
        indexes = [
            models.Index(fields=["brand", "-opened_at", "-id"], name="complaint_newest"),
            models.Index(fields=["brand", "kind", "-opened_at", "-id"], name="complaint_newest_of_kind"),
            models.Index(fields=["brand", "severity", "-opened_at", "-id"], name="complaint_newest_as_bad"),
            models.Index(
                fields=["brand", "part", "-opened_at", "-id"], name="complaint_newest_of_part", condition=~Q(part="")
            ),
            models.Index(
                fields=["brand", "cause", "-opened_at", "-id"], name="complaint_newest_of_cause", condition=~Q(cause="")
            ),
            models.Index(fields=["assignee", "-opened_at", "-id"], name="complaint_newest_of_owner"),
            GinIndex(fields=["tags"], name="complaint_tags"),
            # One for each queue of open cases that is shown and counted.
            # What is filtered by comes last in it: so the rare ones among many are found without reading the rest.
            models.Index(
                *("brand", urgency(), gravity(), "id", "kind", "severity", "part", "cause"),
                name="complaint_open_urgent",
                condition=IS_OPEN,
            ),
            models.Index(
                *("brand", "assignee", urgency(), gravity(), "id"), name="complaint_owned_due", condition=IS_OPEN
            ),
            models.Index(
                *("brand", urgency(), gravity(), "id"),
                name="complaint_unassigned_due",
                condition=IS_OPEN & Q(assignee=None),
            ),
            models.Index(
                *("brand", urgency(), gravity(), "id"), name="complaint_waiting_due", condition=Q(state="waiting")
            ),
            # For those that have been kept long enough (intake/rights/retention.py).
            models.Index(fields=["updated_at"], name="complaint_closed_by_age", condition=~IS_OPEN),
        ]
        constraints = [
            models.UniqueConstraint(fields=["brand", "number"], name="complaint_number_once"),
            models.UniqueConstraint(fields=["brand", "external_id"], name="complaint_external_id_once"),
            models.UniqueConstraint(
                fields=["purchase"],
                condition=IS_OPEN,
                name="complaint_one_open_a_purchase",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["new", "in_progress", "waiting", "resolved"]), name="complaint_state_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="resolved") | Q(resolved_at__isnull=False), name="complaint_resolved_says_when"
            ),
            models.CheckConstraint(
                condition=Q(merged_into=None) | (Q(state="resolved") & ~Q(merged_into=F("id"))),
                name="complaint_merged_is_closed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} · {self.subject}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES

    @property
    def due_at(self) -> datetime | None:
        """The deadline that counts now: the nearest of answer (while the customer waits), solution and law, or none."""
        dues = [self.answer_due_at, self.solution_due_at, self.legal_due_at] if self.is_open else []
        return min((due for due in dues if due), default=None)

    @property
    def answer_due_at(self) -> datetime | None:
        """The brand's own promise, while the customer waits for an answer."""
        return self.service_due_at if self.waits_since else None

    @property
    def version(self) -> str:
        """What a page shows and gives back, so that a save over somebody's change is caught."""
        return self.updated_at.isoformat()

    @property
    def can_be_written_to(self) -> bool:
        """Only who asked for it, or wrote to us, is written to, and only where there is an address."""
        return self.wants_contact and self.customer is not None and bool(self.customer.email)

    @property
    def mail_language(self) -> str:
        """What its customer reads."""
        return self.brand.language_for(self.language)

    @property
    def token(self) -> str:
        """The secret of the customer's page of this case."""
        return make_token("complaint", self.uuid, key_version=self.key_version)


class ComplaintResponseQuerySet(CustomersQuerySet["ComplaintResponse"]):
    brand_path = "complaint__brand"


class ComplaintResponse(models.Model):
    """Which answers opened or joined a case: each answer follows up in one case, once."""

    complaint = models.ForeignKey(Complaint, models.CASCADE, related_name="responses", verbose_name=_("case"))
    response = models.OneToOneField(Response, models.CASCADE, related_name="+", verbose_name=_("response"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ComplaintResponseQuerySet.as_manager()

    class Meta:
        verbose_name = _("answer of a case")
        verbose_name_plural = _("answers of cases")

    def __str__(self) -> str:
        return f"{self.complaint_id} · {self.response_id}"
