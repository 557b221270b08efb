"""What an affiliate or a brand has changed, when, and what it was meant to better."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, User
from affiliates.models import Affiliate, Product, TrackingLink
from insights.models.findings import Finding
from insights.models.shared import SharedQuerySet


class ActionQuerySet(SharedQuerySet["Action"]):
    def newest_first(self) -> "ActionQuerySet":
        return self.order_by("-changed_on", "-pk")


class Action(models.Model):
    """Something that was changed, by an affiliate or (without one) by the brand, and the figure it should move.

    What came of it is not stored: `insights.outcomes` reads it from what has been published, or for staff counted.
    """

    class Subject(models.TextChoices):
        FIGURE = "figure", _("A figure")
        ASPECT = "aspect", _("An aspect")
        FACT = "fact", _("A missing fact")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="actions", verbose_name=_("brand"))
    # Without an index of its own: the one below begins with it.
    affiliate = models.ForeignKey(
        Affiliate,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="actions",
        verbose_name=_("affiliate"),
        db_index=False,
    )
    text = models.CharField(_("what was changed"), max_length=500)
    changed_on = models.DateField(_("changed on"))
    subject = models.CharField(_("kind of figure"), max_length=6, choices=Subject)
    # Of a figure its question, else the code of the aspect or fact
    key = models.CharField(_("about"), max_length=40)
    link = models.ForeignKey(
        TrackingLink, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("link")
    )
    product = models.ForeignKey(
        Product, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("product")
    )
    finding = models.ForeignKey(
        Finding, models.SET_NULL, null=True, blank=True, related_name="actions", verbose_name=_("finding")
    )
    written_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("written by")
    )
    # In percent, or points of NPS: what the figure should be afterwards
    aim = models.DecimalField(_("aim"), max_digits=4, decimal_places=1, null=True, blank=True)
    # From here on nothing more is measured
    closed_on = models.DateField(_("closed on"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = ActionQuerySet.as_manager()

    class Meta:
        verbose_name = _("action")
        verbose_name_plural = _("actions")
        indexes = [models.Index(fields=["affiliate", "-changed_on"], name="action_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(subject__in=["figure", "aspect", "fact"]), name="action_subject_is_known"
            ),
            models.CheckConstraint(
                condition=Q(closed_on__isnull=True) | Q(closed_on__gte=models.F("changed_on")),
                name="action_closed_after_the_change",
            ),
            models.CheckConstraint(
                condition=Q(aim__isnull=True)
                | Q(aim__gte=0, aim__lte=100)
                | Q(subject="figure", key="nps", aim__gte=-100, aim__lte=100),
                name="action_aim_can_be_reached",
            ),
            models.CheckConstraint(
                condition=Q(product__isnull=True) | Q(affiliate__isnull=True), name="action_on_a_product_is_the_brands"
            ),
            models.CheckConstraint(
                condition=Q(link__isnull=True) | Q(affiliate__isnull=False), name="action_on_a_link_is_an_affiliates"
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]

    @property
    def is_open(self) -> bool:
        return self.closed_on is None
