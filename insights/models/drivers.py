"""What moves the score of a brand: facts and words, as last measured."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet
from affiliates.models import Affiliate
from insights.circumstances import Cell, Group
from insights.importance import Weight, Weights


class Measurement(models.Model):
    """When it was last worked out what moves a brand's score: once a night, never while somebody waits for a page."""

    brand = models.OneToOneField(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    measured_at = models.DateTimeField(_("measured at"), null=True)
    # The last purchase that is in the sales by month: later ones are counted where they are shown.
    sales_until = models.BigIntegerField(_("sales counted up to"), default=0, db_default=0)
    # What everybody said in the 90 days before, as insights.counts has it. Of all affiliates it is too much to add up
    # for a page. Empty: no night has looked yet.
    counts = models.JSONField(_("counts of the last 90 days"), null=True, editable=False)

    objects = BrandOwnedQuerySet["Measurement"].as_manager()

    class Meta:
        verbose_name = _("measurement")
        verbose_name_plural = _("measurements")

    def __str__(self) -> str:
        return f"{self.brand_id} · {self.measured_at}"


class CircumstanceQuerySet(BrandOwnedQuerySet["Circumstance"]):
    """Counts of the whole programme, not of blocks: staff only. Affiliates read theirs through insights.privacy."""

    def cells(self, audience: str) -> dict[tuple[str, str], Cell]:
        """By kind and code, as the formulas take them."""
        return {(row.kind, row.code): row.cell for row in self.filter(audience=audience)}


class Circumstance(models.Model):
    """A fact about purchases, such as a late delivery: how many customers it touched and how satisfied those are.

    Of every kind the codes together are all purchases of which it is known; "" stands for those it did not happen to.
    """

    class Kind(models.TextChoices):
        LATE = "late", _("Later than promised")
        DAYS = "days", _("Days to delivery")
        CATEGORY = "category", _("Category")
        REFUND = "refund", _("Refund")
        COMPLAINT = "complaint", _("Complaint")
        REPEAT = "repeat", _("Bought before")

    class Audience(models.TextChoices):
        STAFF = "staff", _("Staff")
        # As affiliates know it: a row stays as it is until k answers more or fewer stand behind it.
        PROGRAMME = "programme", _("Programme")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False, verbose_name=_("brand"))
    audience = models.CharField(_("shown to"), max_length=9, choices=Audience)
    kind = models.CharField(_("kind"), max_length=9, choices=Kind)
    code = models.CharField(_("code"), max_length=120, blank=True)
    customers = models.IntegerField(_("customers touched"))
    known = models.IntegerField(_("customers of whom it is known"))
    answers = models.IntegerField(_("answers"))
    total = models.BigIntegerField(_("sum of the satisfaction"))
    squares = models.BigIntegerField(_("sum of its squares"))
    satisfied = models.IntegerField(_("satisfied"))
    # Enough affiliates stand behind it and behind its counterpart that neither tells of one of them.
    is_common = models.BooleanField(_("tells of no single affiliate"))

    objects = CircumstanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("circumstance")
        verbose_name_plural = _("circumstances")
        constraints = [
            models.UniqueConstraint(fields=["brand", "audience", "kind", "code"], name="circumstance_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}: {self.answers}"

    @property
    def cell(self) -> Cell:
        group = Group(self.answers, self.total, self.squares, self.satisfied)
        return Cell(self.customers, self.known, group, self.is_common)


class WeighingQuerySet(BrandOwnedQuerySet["Weighing"]):
    """From single answers, not from blocks: staff only. Affiliates read theirs through insights.privacy."""


class Weighing(models.Model):
    """How much each opinion weighs in the score of a brand, as last worked out from all its complete answers.

    What affiliates know of it is worked out anew only when as many answers have come, from as many affiliates, as it
    takes for a block of the programme.
    """

    class Method(models.TextChoices):
        WEIGHTS = "weights", _("Relative weights")
        RANKS = "ranks", _("Rank correlations, indicative")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", db_index=False, verbose_name=_("brand"))
    audience = models.CharField(_("shown to"), max_length=9, choices=Circumstance.Audience)
    method = models.CharField(_("method"), max_length=7, choices=Method)
    answers = models.IntegerField(_("complete answers"))
    explained = models.FloatField(_("part of the differences explained"), null=True)
    # [[kind, code, value, low, high], …], the heaviest first
    weights = models.JSONField(_("weights"), default=list)
    read_until = models.DateTimeField(_("newest answer read"))

    objects = WeighingQuerySet.as_manager()

    class Meta:
        verbose_name = _("weighing")
        verbose_name_plural = _("weighings")
        constraints = [models.UniqueConstraint(fields=["brand", "audience"], name="weighing_once")]

    def __str__(self) -> str:
        return f"{self.brand_id} · {self.audience} · {self.method}"

    @property
    def result(self) -> Weights:
        drivers = tuple(Weight(*each) for each in self.weights)
        return Weights(
            "weights" if self.method == self.Method.WEIGHTS else "ranks", self.answers, self.explained, drivers
        )


class TellingWord(models.Model):
    """A word that satisfied or dissatisfied customers use more than the others, as found last night in all comments."""

    class Side(models.TextChoices):
        HAPPY = "happy", _("Satisfied customers")
        UNHAPPY = "unhappy", _("Dissatisfied customers")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    side = models.CharField(_("said by"), max_length=7, choices=Side)
    # The code of the aspect it is about; empty for a word that is about none
    theme = models.CharField(_("about"), max_length=40, blank=True)
    form = models.CharField(_("word"), max_length=200)
    comments = models.IntegerField(_("comments"))
    customers = models.IntegerField(_("customers"))
    z = models.FloatField(_("how telling"))

    objects = BrandOwnedQuerySet["TellingWord"].as_manager()

    class Meta:
        verbose_name = _("telling word")
        verbose_name_plural = _("telling words")
        ordering = ["-z", "pk"]

    def __str__(self) -> str:
        return self.form


class AffiliateWord(models.Model):
    """A word that an affiliate's customers use more than others do, as found last night."""

    class Side(models.TextChoices):
        OWN = "own", _("More than other affiliates’ customers")
        HAPPY = "happy", _("Its satisfied customers, more than its others")
        UNHAPPY = "unhappy", _("Its dissatisfied customers, more than its others")

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+", verbose_name=_("brand"))
    affiliate = models.ForeignKey(Affiliate, models.CASCADE, related_name="+", verbose_name=_("affiliate"))
    # Found in published words alone, and so for the affiliate's eyes; the others are for staff.
    is_published = models.BooleanField(_("in published words"))
    side = models.CharField(_("said by"), max_length=7, choices=Side)
    form = models.CharField(_("word"), max_length=200)
    comments = models.IntegerField(_("comments"))
    customers = models.IntegerField(_("customers"))
    z = models.FloatField(_("how telling"))

    # Staff only: affiliates read theirs through insights.privacy.
    objects = BrandOwnedQuerySet["AffiliateWord"].as_manager()

    class Meta:
        verbose_name = _("affiliate’s word")
        verbose_name_plural = _("affiliates’ words")
        ordering = ["-z", "pk"]

    def __str__(self) -> str:
        return self.form
