"""How a case is put right: what is asked for, offered, accepted and done, and what it costs."""

from collections.abc import Mapping
from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import CustomersQuerySet
from complaints.models.cases import Complaint


class RemedyQuerySet(CustomersQuerySet["Remedy"]):
    brand_path = "complaint__brand"


class Remedy(models.Model):
    """One of them; what became of it is in the events of its case."""

    class Kind(models.TextChoices):
        REPAIR = "repair", _("Repair")
        REPLACEMENT = "replacement", _("Replacement")
        REFUND = "refund", _("Refund")
        DISCOUNT = "discount", _("Discount")
        APOLOGY = "apology", _("Apology")
        INFORMATION = "information", _("Information")

    class State(models.TextChoices):
        ASKED = "asked", pgettext_lazy("remedy", "Asked for")
        OFFERED = "offered", pgettext_lazy("remedy", "Offered")
        ACCEPTED = "accepted", pgettext_lazy("remedy", "Accepted")
        DECLINED = "declined", pgettext_lazy("remedy", "Declined")
        DONE = "done", pgettext_lazy("remedy", "Done")

    # From which states one may get to which. Some are begun as done: an apology by telephone.
    NEXT: ClassVar[Mapping[str, tuple[State, ...]]] = {
        "": (State.ASKED, State.OFFERED, State.DONE),
        State.ASKED: (State.OFFERED, State.ACCEPTED, State.DECLINED),
        State.OFFERED: (State.ACCEPTED, State.DECLINED),
        State.ACCEPTED: (State.DONE, State.DECLINED),
        State.DECLINED: (State.OFFERED,),
        State.DONE: (),
    }

    complaint = models.ForeignKey(Complaint, models.CASCADE, related_name="remedies", verbose_name=_("case"))
    kind = models.CharField(pgettext_lazy("remedy", "remedy"), max_length=11, choices=Kind)
    state = models.CharField(_("state"), max_length=8, choices=State)
    cost = models.DecimalField(
        _("cost"), max_digits=12, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    done_on = models.DateField(_("done on"), null=True, blank=True)
    # Of a repair: from when until when the customer is without it. A warranty stands meanwhile.
    taken_on = models.DateField(_("handed in on"), null=True, blank=True)
    back_on = models.DateField(_("given back on"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"))

    objects = RemedyQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("remedy", "remedy")
        verbose_name_plural = pgettext_lazy("remedy", "remedies")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["repair", "replacement", "refund", "discount", "apology", "information"]),
                name="remedy_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["asked", "offered", "accepted", "declined", "done"]),
                name="remedy_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(cost=None) | (Q(cost__gte=0) & ~Q(currency="")), name="remedy_cost_has_currency"
            ),
            models.CheckConstraint(condition=~Q(state="done") | Q(done_on__isnull=False), name="remedy_done_says_when"),
            models.CheckConstraint(
                condition=Q(back_on=None) | (Q(taken_on__isnull=False) & Q(back_on__gte=F("taken_on"))),
                name="remedy_back_after_taken",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.get_state_display()}"

    @property
    def next_states(self) -> tuple[State, ...]:
        return self.NEXT[self.state]
