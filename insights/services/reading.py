"""All comments of a brand read at night: which words tell its dissatisfied customers from its satisfied ones, and an
affiliate's from those of the others.

What an affiliate reads of its own comes from published words alone, beside the published words of the others.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from accounts.models import Brand
from insights.models import AffiliateWord, Block, Quote, TellingWord
from insights.statistics import may_show_reference
from insights.words import Comment, Term, distinctive_by_theme, distinctive_terms, own_terms
from surveys.aspect_lexicon import suggest_aspects
from surveys.models import Aspect

QUESTIONS = ("keep_text", "improve_text", "comment", "expectation")
READ = 100_000  # comments, the newest: more would say the same

COMMENTS = """
SELECT counted.affiliate_id, csat.number, answer.redacted_text,
       coalesce(nullif(answer.language, ''), nullif(response.language, ''), %(language)s), purchase.customer_id
FROM insights_countedresponse counted
JOIN surveys_response response ON response.id = counted.response_id
JOIN surveys_invitation invitation ON invitation.id = response.invitation_id
JOIN affiliates_purchase purchase ON purchase.id = invitation.purchase_id
JOIN surveys_answer answer ON answer.response_id = response.id AND answer.redacted_text <> ''
JOIN surveys_question question ON question.id = answer.question_id AND question.key = ANY(%(questions)s)
LEFT JOIN surveys_answer csat ON csat.response_id = response.id AND csat.number IS NOT NULL
    AND csat.question_id IN (SELECT id FROM surveys_question WHERE key = 'csat')
WHERE counted.brand_id = %(brand)s AND counted.wave = 'first'
ORDER BY response.answered_at DESC, answer.id
LIMIT %(limit)s
"""
# As they stand published. Whose customer was erased has no language and no purchase any more: its words go with the
# affiliate's next block, and until then that affiliate's list stays as it is.
PUBLISHED = """
SELECT quote.affiliate_id, NULL, quote.text,
       coalesce(nullif(answer.language, ''), nullif(response.language, ''), %(language)s), purchase.customer_id
FROM insights_quote quote
LEFT JOIN surveys_response response ON response.id = quote.response_id
LEFT JOIN surveys_invitation invitation ON invitation.id = response.invitation_id
LEFT JOIN affiliates_purchase purchase ON purchase.id = invitation.purchase_id
LEFT JOIN surveys_answer answer ON answer.response_id = response.id
    AND answer.question_id IN (SELECT id FROM surveys_question WHERE key = quote.question)
WHERE quote.brand_id = %(brand)s AND quote.question = ANY(%(questions)s) AND quote.hidden_at IS NULL
ORDER BY quote.id DESC
LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Said:
    """A comment, whose customer's it is, and their satisfaction of five where it is known."""

    affiliate: int | None
    score: int | None
    comment: Comment

    @property
    def is_happy(self) -> bool:
        return self.score is not None and self.score >= 4

    @property
    def is_unhappy(self) -> bool:
        """Three of five tells nothing apart."""
        return self.score is not None and self.score <= 2


def read_words(brand: Brand) -> None:
    """Find all telling words anew. With fewer than 20 comments on a side there are none."""
    said = _read(COMMENTS, brand)
    _tell_programme(brand, said)
    _tell_staff_of_affiliates(brand, said)
    _tell_affiliates(brand, _read(PUBLISHED, brand))


def _read(statement: str, brand: Brand) -> list[Said]:
    values: dict[str, Any] = {
        "brand": brand.pk,
        "language": brand.default_language,
        "questions": list(QUESTIONS),
        "limit": READ,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [Said(affiliate, score, Comment(*rest)) for affiliate, score, *rest in cursor]


# --- The programme ---------------------------------------------------------------------------------------------------
def _tell_programme(brand: Brand, said: Iterable[Said]) -> None:
    happy, unhappy = _by_satisfaction(said)
    found = distinctive_by_theme(happy, unhappy, _themes(brand, {each.language for each in happy + unhappy}))
    TellingWord.objects.filter(brand=brand).delete()
    if found:
        sides = zip((TellingWord.Side.HAPPY, TellingWord.Side.UNHAPPY), found, strict=True)
        TellingWord.objects.bulk_create(
            TellingWord(brand=brand, side=side, theme=theme, **_as_fields(term))
            for side, themes in sides
            for theme, terms in themes.items()
            for term in terms
        )


def _by_satisfaction(said: Iterable[Said]) -> tuple[list[Comment], list[Comment]]:
    sure = [each for each in said if each.is_happy or each.is_unhappy]
    return [each.comment for each in sure if each.is_happy], [each.comment for each in sure if each.is_unhappy]


def _themes(brand: Brand, languages: set[str]) -> Callable[[str], str]:
    """Of a term the aspect that the lexicon finds in it, in any of the languages that are written."""
    known = set(Aspect.objects.filter(brand=brand).values_list("code", flat=True))
    ordered = sorted(languages)

    @cache
    def theme_of(form: str) -> str:
        found = (suggest_aspects(form, language, known=known) for language in ordered)
        return next((aspects[0] for aspects in found if aspects), "")

    return theme_of


# --- Affiliates ------------------------------------------------------------------------------------------------------
def _tell_staff_of_affiliates(brand: Brand, said: Iterable[Said]) -> None:
    groups = _by_affiliate(said)
    AffiliateWord.objects.filter(brand=brand, is_published=False).delete()
    AffiliateWord.objects.bulk_create(_rows(brand, _words_of(groups), is_published=False))


def _words_of(groups: Mapping[int, list[Said]]) -> Iterator[tuple[int, str, list[Term]]]:
    """Of each affiliate against the others, and of its own customers against one another."""
    for affiliate, terms in own_terms(_comments_of(groups)).items():
        yield affiliate, AffiliateWord.Side.OWN, terms
    for affiliate, said in groups.items():
        if found := distinctive_terms(*_by_satisfaction(said)):
            yield affiliate, AffiliateWord.Side.HAPPY, found[0]
            yield affiliate, AffiliateWord.Side.UNHAPPY, found[1]


def _tell_affiliates(brand: Brand, published: Iterable[Said]) -> None:
    """Only who has nothing withdrawn: a word that went at once would tell whose it was. It waits for the next block.

    So does what was hidden: whoever reports words one by one would see which of them are one customer's.
    """
    groups = _by_affiliate(published)
    later = Block.objects.filter(affiliate=OuterRef("affiliate"), published_at__gt=OuterRef("hidden_at"))
    gone = Q(withdrawn_at__isnull=False) | (Q(hidden_at__isnull=False) & ~Exists(later))
    waiting = set(Quote.objects.filter(gone, brand=brand).values_list("affiliate", flat=True))
    told = [
        (affiliate, AffiliateWord.Side.OWN, terms)
        for affiliate, terms in own_terms(_comments_of(groups)).items()
        if affiliate not in waiting and _may_be_compared(affiliate, groups)
    ]
    AffiliateWord.objects.filter(brand=brand, is_published=True).exclude(affiliate__in=waiting).delete()
    AffiliateWord.objects.bulk_create(_rows(brand, told, is_published=True))


def _may_be_compared(affiliate: int, groups: Mapping[int, list[Said]]) -> bool:
    """What others do not say may tell of one of them: so enough of them, and none with most of it."""
    return may_show_reference([len(said) for other, said in groups.items() if other != affiliate])


def _by_affiliate(said: Iterable[Said]) -> dict[int, list[Said]]:
    groups: defaultdict[int, list[Said]] = defaultdict(list)
    for each in said:
        if each.affiliate is not None:
            groups[each.affiliate].append(each)
    return groups


def _comments_of(groups: Mapping[int, list[Said]]) -> dict[int, list[Comment]]:
    return {affiliate: [each.comment for each in said] for affiliate, said in groups.items()}


def _rows(brand: Brand, found: Iterable[tuple[int, str, list[Term]]], *, is_published: bool) -> Iterator[AffiliateWord]:
    for affiliate, side, terms in found:
        for term in terms:
            yield AffiliateWord(
                brand=brand, affiliate_id=affiliate, is_published=is_published, side=side, **_as_fields(term)
            )


def _as_fields(term: Term) -> dict[str, Any]:
    return {"form": term.form[:200], "comments": term.comments, "customers": term.customers, "z": term.z}
