"""Which guides a customer is shown, and what staff learn from what customers ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from django.contrib.postgres.search import SearchRank
from django.db.models import Count, Exists, Expression, F, Func, OuterRef, Q, Value
from django.db.models.expressions import CombinedExpression

from accounts.models import Brand, User
from affiliates.models import Product
from complaints.models import Complaint, Guide, GuideQuestion, GuideText, GuideVerdict
from complaints.models.guides import GuideQuerySet
from complaints.selectors.searching import Holds, query_of, words_of
from complaints.services.guides import FREQUENT, LATELY

MOST_FOUND = 30


@dataclass(frozen=True)
class Found:
    """A guide in the language that suits its reader best."""

    guide: Guide
    text: GuideText

    @property
    def url(self) -> str:
        return self.guide.get_absolute_url()


def guides_of(brand: Brand, *, language: str, search: str = "", product: Product | None = None) -> list[Found]:
    """Those that hold all the words, in any language, the best first; without words all, by product."""
    guides = Guide.objects.published().filter(brand=brand)
    if product:
        guides = guides.filter(about(product))
    if not search:
        return in_language(guides.order_by("product__name", "category", "position", "id"), brand, language)
    query = query_of(search)
    return ranked(guides, query, brand, language)[:MOST_FOUND] if query is not None else []


def guides_about(brand: Brand, product: Product | None, text: str, *, language: str) -> list[Found]:
    """Those of this product that a question may be answered by: any of its words is in them, most of them first."""
    each: list[Expression] = [
        Func(Value(word), Value(False), function="complaints_query") for word in words_of(text, most=40)
    ]
    if not each:
        return []
    query = reduce(lambda left, right: CombinedExpression(left, "||", right), each)
    return ranked(Guide.objects.published().filter(about(product), brand=brand), query, brand, language)[:3]


def about(product: Product | None) -> Q:
    general = Q(product=None, category="")
    if product is None:
        return general
    return general | Q(product=product) | (Q(product=None, category=product.category) if product.category else Q())


def ranked(guides: GuideQuerySet, query: Expression, brand: Brand, language: str) -> list[Found]:
    texts = GuideText.objects.filter(Holds(F("words"), query), guide__in=guides)
    best = texts.annotate(rank=SearchRank(F("words"), query)).order_by("-rank", "guide__position", "guide_id")
    order = list(dict.fromkeys(best.values_list("guide", flat=True)[: MOST_FOUND * 2]))
    found = {each.guide.pk: each for each in in_language(guides.filter(pk__in=order), brand, language)}
    return [found[pk] for pk in order if pk in found]


def in_language(guides: GuideQuerySet, brand: Brand, language: str) -> list[Found]:
    rows = guides.select_related("brand", "product").prefetch_related("texts")[:500]
    return [Found(guide, text) for guide in rows if (text := text_for(guide, brand, language))]


def text_for(guide: Guide, brand: Brand, language: str) -> GuideText | None:
    """In the reader's language, else in the brand's first, else in whichever there is."""
    texts = {text.language: text for text in guide.texts.all()}
    wanted = (language, language.partition("-")[0], *brand.languages)
    return next((texts[code] for code in wanted if code in texts), None) or next(iter(texts.values()), None)


def has_guides(brand: Brand) -> bool:
    return Guide.objects.published().filter(brand=brand).exists()


# --- What staff learn ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class AskedAbout:
    """A product about which customers ask how it is done. `has_guide`: one of its own is published."""

    product: Product
    questions: int
    has_guide: bool


def counted(guides: GuideQuerySet, *, now: datetime) -> GuideQuerySet:
    """With how many it helped and how many not, and how many asked lately after they were shown it."""
    verdicts = GuideVerdict.objects.filter(guide=OuterRef("pk")).order_by().values("guide")
    asked = GuideQuestion.objects.filter(guide=OuterRef("pk"), created_at__gt=now - LATELY).order_by().values("guide")
    return guides.annotate(
        helped=verdicts.filter(helped=True).annotate(n=Count("pk")).values("n"),
        not_helped=verdicts.filter(helped=False).annotate(n=Count("pk")).values("n"),
        asked=asked.annotate(n=Count("pk")).values("n"),
    )


def asked_often(user: User, *, now: datetime) -> Sequence[AskedAbout]:
    """Products with several inquiries lately, most first."""
    inquiries = Complaint.objects.visible_to(user).filter(
        kind=Complaint.Kind.INQUIRY, opened_at__gt=now - LATELY, purchase__product__isnull=False
    )
    counts = inquiries.values("purchase__product").annotate(n=Count("pk")).filter(n__gte=FREQUENT).order_by("-n")[:10]
    numbers = {row["purchase__product"]: row["n"] for row in counts}
    own = Guide.objects.published().filter(product=OuterRef("pk"))
    products = Product.objects.filter(pk__in=numbers).annotate(has_guide=Exists(own)).select_related("brand")
    rows = [AskedAbout(product, numbers[product.pk], product.has_guide) for product in products]
    return sorted(rows, key=lambda row: -row.questions)
