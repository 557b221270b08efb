"""All comments of a brand read at night: which words tell its dissatisfied customers from its satisfied ones."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.db import connection

from accounts.models import Brand
from insights.models import TellingWord
from insights.words import Comment, Term, distinctive_by_theme
from surveys.aspect_lexicon import suggest_aspects
from surveys.models import Aspect

QUESTIONS = ("keep_text", "improve_text", "comment", "expectation")
READ = 50_000  # comments a side, the newest: more would say the same

# Four and five of five are satisfied, one and two are not; three tells nothing apart.
COMMENTS = """
SELECT answer.redacted_text, coalesce(nullif(answer.language, ''), nullif(response.language, ''), %(language)s),
       purchase.customer_id
FROM insights_countedresponse counted
JOIN surveys_response response ON response.id = counted.response_id
JOIN surveys_invitation invitation ON invitation.id = response.invitation_id
JOIN affiliates_purchase purchase ON purchase.id = invitation.purchase_id
JOIN surveys_answer answer ON answer.response_id = response.id AND answer.redacted_text <> ''
JOIN surveys_question question ON question.id = answer.question_id AND question.key = ANY(%(questions)s)
JOIN surveys_answer csat ON csat.response_id = response.id AND csat.number BETWEEN %(low)s AND %(high)s
JOIN surveys_question scale ON scale.id = csat.question_id AND scale.key = 'csat'
WHERE counted.brand_id = %(brand)s AND counted.wave = 'first'
ORDER BY response.answered_at DESC, answer.id
LIMIT %(limit)s
"""


def read_telling_words(brand: Brand) -> None:
    """Find them anew. With fewer than 20 comments on a side there are none."""
    happy, unhappy = _comments(brand, 4, 5), _comments(brand, 1, 2)
    found = distinctive_by_theme(happy, unhappy, _themes(brand, {each.language for each in happy + unhappy}))
    TellingWord.objects.filter(brand=brand).delete()
    if found:
        sides = zip((TellingWord.Side.HAPPY, TellingWord.Side.UNHAPPY), found, strict=True)
        TellingWord.objects.bulk_create(
            _as_row(brand, side, theme, term)
            for side, themes in sides
            for theme, terms in themes.items()
            for term in terms
        )


def _comments(brand: Brand, low: int, high: int) -> list[Comment]:
    values: dict[str, Any] = {
        "brand": brand.pk,
        "language": brand.default_language,
        "questions": list(QUESTIONS),
        "low": low,
        "high": high,
        "limit": READ,
    }
    with connection.cursor() as cursor:
        cursor.execute(COMMENTS, values)
        return [Comment(*row) for row in cursor.fetchall()]


def _themes(brand: Brand, languages: set[str]) -> Callable[[str], str]:
    """Of a term the aspect that the lexicon finds in it, in any of the languages that are written."""
    known = set(Aspect.objects.filter(brand=brand).values_list("code", flat=True))
    ordered = sorted(languages)

    @cache
    def theme_of(form: str) -> str:
        found = (suggest_aspects(form, language, known=known) for language in ordered)
        return next((aspects[0] for aspects in found if aspects), "")

    return theme_of


def _as_row(brand: Brand, side: str, theme: str, term: Term) -> TellingWord:
    return TellingWord(
        brand=brand,
        side=side,
        theme=theme,
        form=term.form[:200],
        comments=term.comments,
        customers=term.customers,
        z=term.z,
    )
