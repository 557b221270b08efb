"""Guides: written by staff, found by customers, and what their questions teach."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.db.models import Max
from django.utils.text import slugify
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from accounts.models import Brand, User
from complaints.models import Complaint, Guide, GuideQuestion, GuideText, GuideVerdict
from complaints.services.handling import WRITING_ROLES
from surveys.models import Fact

ONE_VERDICT_EACH = 24 * 3600  # seconds in which one visitor counts once for one guide

# The title counts for more: what is found in it comes first.
INDEX = """
UPDATE complaints_guidetext SET words =
    setweight(complaints_words(title, language), 'A') || setweight(complaints_words(body, language), 'B')
WHERE guide_id = %s
"""


@dataclass(frozen=True)
class Words:
    title: str
    body: str


@transaction.atomic
def write_guide(guide: Guide, texts: Mapping[str, Words]) -> None:
    """Save it with its texts by language; an empty title takes that language away. Its address never changes."""
    if not guide.slug:
        guide.slug = free_slug(guide.brand, next(iter(texts.values())).title)
    guide.save()
    for language, words in texts.items():
        if words.title:
            told = {"title": words.title, "body": words.body}
            GuideText.objects.update_or_create(guide=guide, language=language, defaults=told)
        else:
            GuideText.objects.filter(guide=guide, language=language).delete()
    with connection.cursor() as cursor:
        cursor.execute(INDEX, [guide.pk])


def free_slug(brand: Brand, title: str) -> str:
    stem = slugify(title)[:70] or "guia"
    taken = set(Guide.objects.filter(brand=brand, slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for n in range(len(taken) + 1) if (slug := f"{stem}-{n + 1}" if n else stem) not in taken)


def record_verdict(guide: Guide, *, helped: bool, language: str, visitor: str, now: datetime) -> bool:
    """Whether it counts: once a day for one visitor, of whom nothing is stored. Without Redis it always does."""
    try:
        is_first = cache.add(f"guide:{guide.pk}:{visitor}", 1, ONE_VERDICT_EACH)
    except RedisError:
        is_first = True
    if is_first:
        GuideVerdict.objects.create(guide=guide, helped=helped, language=language[:10], created_at=now)
    return is_first


def note_question(complaint: Complaint, guides: Iterable[int], *, now: datetime) -> None:
    """The customer was shown these guides, and asked all the same."""
    shown = Guide.objects.published().filter(brand=complaint.brand, pk__in=list(guides)[:5])
    rows = [GuideQuestion(guide=guide, complaint=complaint, created_at=now) for guide in shown]
    GuideQuestion.objects.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def propose_fact(guide: Guide, *, by: User) -> Fact:
    """Take what the guide is about into the catalogue of what sellers should tell before; once.

    Its label is the guide's title in each language. ValidationError: the guide lacks a language of its brand, or
    customers can tick these words already.
    """
    if by.role_in(guide.brand) not in WRITING_ROLES:
        raise PermissionDenied(_("Your role may read guides, not change the catalogue."))
    current = Guide.objects.select_for_update(of=("self",)).select_related("brand", "fact").get(pk=guide.pk)
    if current.fact:
        return current.fact
    labels = {text.language: text.title for text in current.texts.all()}
    if missing := [language for language in current.brand.languages if language not in labels]:
        raise ValidationError(_("Write the guide in %(languages)s first."), params={"languages": ", ".join(missing)})
    facts = Fact.objects.filter(brand=current.brand)
    if any(label in fact.labels.values() for fact in facts for label in labels.values()):
        raise ValidationError(_("The catalogue has a fact of this name already."), code="known_fact")
    last = facts.aggregate(last=Max("position"))["last"] or 0
    code = free_code(slugify(current.slug).replace("-", "_"), facts.values_list("code", flat=True))
    current.fact = Fact.objects.create(brand=current.brand, code=code, labels=labels, position=last + 1)
    current.save(update_fields=["fact", "updated_at"])
    return current.fact


def free_code(stem: str, taken: Iterable[str]) -> str:
    known, stem = set(taken), stem[:36]
    return next(code for n in range(len(known) + 1) if (code := f"{stem}_{n + 1}" if n else stem) not in known)


FREQUENT = 5  # questions after a guide, or about a product, that are worth a word before the sale
LATELY = timedelta(days=90)
