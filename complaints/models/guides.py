"""How things are done: guides that customers read without signing in, and what they thought of them."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, BrandOwnedQuerySet, CustomersQuerySet
from affiliates.models import Product
from complaints.models.cases import Complaint
from surveys.models import Fact


class GuideQuerySet(BrandOwnedQuerySet["Guide"]):
    def published(self) -> "GuideQuerySet":
        return self.filter(is_published=True)


class Guide(models.Model):
    """About one product, or about a category, or about all that the brand sells."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="guides", db_index=False, verbose_name=_("brand"))
    slug = models.SlugField(_("address"), max_length=80)
    product = models.ForeignKey(
        Product, models.SET_NULL, null=True, blank=True, related_name="guides", verbose_name=_("product")
    )
    category = models.CharField(
        _("category"), max_length=120, blank=True, help_text=_("Of products. Without product and category: all.")
    )
    is_published = models.BooleanField(_("published"), default=False)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    # What sellers should say before, since so many asked: where staff took it over into the catalogue.
    fact = models.ForeignKey(
        Fact, models.SET_NULL, null=True, blank=True, editable=False, related_name="+", verbose_name=_("fact to tell")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = GuideQuerySet.as_manager()

    class Meta:
        verbose_name = _("guide")
        verbose_name_plural = _("guides")
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["brand", "slug"], name="guide_slug_once")]

    def __str__(self) -> str:
        return self.slug

    def get_absolute_url(self) -> str:
        return reverse("complaints:guide", args=[self.brand.slug, self.slug])


class GuideTextQuerySet(BrandOwnedQuerySet["GuideText"]):
    brand_path = "guide__brand"


class GuideText(models.Model):
    """A guide in one language: Markdown, and its words as they are searched."""

    guide = models.ForeignKey(Guide, models.CASCADE, related_name="texts", db_index=False, verbose_name=_("guide"))
    language = models.CharField(_("language"), max_length=10)
    title = models.CharField(_("title"), max_length=120)
    body = models.TextField(_("text"), max_length=20_000)
    words = SearchVectorField(null=True, editable=False)

    objects = GuideTextQuerySet.as_manager()

    class Meta:
        verbose_name = _("text of a guide")
        verbose_name_plural = _("texts of guides")
        indexes = [GinIndex(fields=["words"], name="guide_words")]
        constraints = [models.UniqueConstraint(fields=["guide", "language"], name="guide_text_once_a_language")]

    def __str__(self) -> str:
        return self.title


class GuideVerdictQuerySet(BrandOwnedQuerySet["GuideVerdict"]):
    brand_path = "guide__brand"


class GuideVerdict(models.Model):
    """Somebody, of whom nothing is kept, said whether it helped. Append-only."""

    guide = models.ForeignKey(Guide, models.CASCADE, related_name="verdicts", verbose_name=_("guide"))
    language = models.CharField(_("language"), max_length=10)
    helped = models.BooleanField(_("it helped"))
    created_at = models.DateTimeField(_("at"))

    objects = GuideVerdictQuerySet.as_manager()

    class Meta:
        verbose_name = _("verdict on a guide")
        verbose_name_plural = _("verdicts on guides")

    def __str__(self) -> str:
        return f"{self.guide_id} · {self.helped}"


class GuideQuestionQuerySet(CustomersQuerySet["GuideQuestion"]):
    brand_path = "guide__brand"


class GuideQuestion(models.Model):
    """A customer was shown the guide and asked all the same: what it is about should be said better, or before."""

    guide = models.ForeignKey(Guide, models.CASCADE, related_name="questions", db_index=False, verbose_name=_("guide"))
    complaint = models.ForeignKey(Complaint, models.CASCADE, related_name="guides_shown", verbose_name=_("case"))
    created_at = models.DateTimeField(_("at"))

    objects = GuideQuestionQuerySet.as_manager()

    class Meta:
        verbose_name = _("question after a guide")
        verbose_name_plural = _("questions after guides")
        constraints = [models.UniqueConstraint(fields=["guide", "complaint"], name="guide_question_once")]

    def __str__(self) -> str:
        return f"{self.guide_id} · {self.complaint_id}"
