"""What each opinion weighs in the score of a brand, worked out at night from its complete answers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from accounts.models import Brand
from insights.blocks import programme_rule
from insights.circumstances import tells_of_nobody
from insights.findings import UNSPECIFIC
from insights.importance import QUESTIONS, Reply, Weights, asked_questions, complete, weigh
from insights.models import Circumstance, Weighing
from surveys.aspect_lexicon import trusted_aspects
from surveys.models import Aspect

READ = 100_000  # replies, the newest: more would say the same
MOST_CODES = 30  # aspects that a brand may have weighed

Audience = Circumstance.Audience

# Of whoever came to the end of the survey. What the words of an answer are about counts as a chip would, as it does on
# the boards, but only where the question says whether it is good or bad: by the score, it would explain itself.
REPLIES = """
WITH finished AS (
    SELECT counted.response_id, counted.affiliate_id, response.answered_at
    FROM insights_countedresponse counted
    JOIN surveys_response response ON response.id = counted.response_id AND response.resumes_at IS NULL
    WHERE counted.brand_id = %(brand)s AND counted.wave = 'first'
    ORDER BY response.answered_at DESC, response.id
    LIMIT %(limit)s
)
SELECT finished.affiliate_id, finished.answered_at,
       max(answer.number) FILTER (WHERE question.key = 'csat'),
       max(answer.number) FILTER (WHERE question.key = 'promise'),
       max(CASE WHEN 'yes' = ANY(answer.codes) THEN 1 WHEN 'no' = ANY(answer.codes) THEN 0 END)
           FILTER (WHERE question.key = 'missing'),
       max(answer.number) FILTER (WHERE question.key = 'affiliate_rating'),
       array_agg(said.code) FILTER (WHERE said.code IS NOT NULL AND question.key IN ('keep', 'keep_text')),
       array_agg(said.code) FILTER (WHERE said.code IS NOT NULL AND question.key IN ('improve', 'improve_text'))
FROM finished
JOIN surveys_answer answer ON answer.response_id = finished.response_id
JOIN surveys_question question ON question.id = answer.question_id AND question.key = ANY(%(questions)s)
LEFT JOIN LATERAL (
    SELECT unnest(answer.codes) AS code WHERE question.key IN ('keep', 'improve')
    UNION ALL
    SELECT aspect FROM unnest(answer.aspects) aspect
    WHERE question.key IN ('keep_text', 'improve_text') AND (
        answer.aspects_from = 'staff' OR (answer.language, aspect) IN (
            SELECT * FROM unnest(%(languages)s::varchar[], %(aspects)s::varchar[])))
) said ON TRUE
GROUP BY finished.response_id, finished.affiliate_id, finished.answered_at
HAVING count(answer.number) FILTER (WHERE question.key = 'csat') > 0 AND count(DISTINCT question.key) > 1
ORDER BY finished.answered_at, finished.response_id
"""


def weigh_opinions(brand: Brand) -> None:
    """Weigh them anew: for staff from all answers, for affiliates where enough have come since they were last told."""
    replies, aspects = _replies(brand), _aspects(brand)
    questions = asked_questions(replies)
    whole = complete(replies, questions)
    _store(brand, Audience.STAFF, weigh(whole, questions, aspects), whole)
    credited = [reply for reply in whole if reply.affiliate is not None]
    if _may_be_told(brand, credited):
        common = [aspect for aspect in aspects if _is_common(aspect, credited)]
        _store(brand, Audience.PROGRAMME, weigh(credited, questions, common), credited)


def _may_be_told(brand: Brand, credited: Sequence[Reply]) -> bool:
    """As a block of the programme: since the last time enough new answers of enough affiliates, none standing out.

    And behind all of it enough others for each of them.
    """
    if not tells_of_nobody(Counter(reply.affiliate for reply in credited).values()):
        return False
    told = Weighing.objects.filter(brand=brand, audience=Audience.PROGRAMME).first()
    news = Counter(reply.affiliate or 0 for reply in credited if told is None or reply.at > told.read_until)
    return programme_rule(told.answers if told else 0)(news)


def _is_common(aspect: str, credited: Iterable[Reply]) -> bool:
    """Enough affiliates' customers speak of it that its weight tells of none of them."""
    spoken = Counter(reply.affiliate for reply in credited if aspect in reply.praised or aspect in reply.criticised)
    return tells_of_nobody(spoken.values())


def _aspects(brand: Brand) -> list[str]:
    codes = Aspect.objects.filter(brand=brand).order_by("position", "pk").values_list("code", flat=True)
    return [code for code in codes if code not in UNSPECIFIC][:MOST_CODES]


def _replies(brand: Brand) -> list[Reply]:
    """The oldest first."""
    trusted = sorted(trusted_aspects().by_question)
    values: dict[str, Any] = {
        "brand": brand.pk,
        "questions": ["csat", *QUESTIONS, "keep", "keep_text", "improve", "improve_text"],
        "languages": [language for language, _aspect in trusted],
        "aspects": [aspect for _language, aspect in trusted],
        "limit": READ,
    }
    with connection.cursor() as cursor:
        cursor.execute(REPLIES, values)
        return [_as_reply(*row) for row in cursor]


def _as_reply(affiliate: int | None, at: datetime, score: int, *said: Any) -> Reply:
    *numbers, praised, criticised = said
    ratings = {question: float(n) for question, n in zip(QUESTIONS, numbers, strict=True) if n is not None}
    return Reply(affiliate, at, score, ratings, frozenset(praised or ()), frozenset(criticised or ()))


def _store(brand: Brand, audience: str, weights: Weights | None, replies: Sequence[Reply]) -> None:
    if weights is None:
        Weighing.objects.filter(brand=brand, audience=audience).delete()
        return
    Weighing.objects.update_or_create(
        brand=brand,
        audience=audience,
        defaults={
            "method": weights.method,
            "answers": weights.answers,
            "explained": weights.explained,
            "weights": [[each.kind, each.code, each.value, each.low, each.high] for each in weights.drivers],
            "read_until": replies[-1].at,
        },
    )
