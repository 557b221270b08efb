"""Rollups recounted where something changed, in sets.

CountedResponse remembers in which cell (affiliate and day) an answer was counted. So a corrected attribution, an edit,
a suspicion or an erasure takes it out of the old cell as it enters the new one: both are counted afresh.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from accounts.models import Brand
from accounts.statements import run
from insights.services.tallying import cases_of
from surveys.aspect_lexicon import trusted_aspects
from surveys.models import Wave

Cell = tuple[int | None, date]
Counted = tuple[int | None, date, str]  # affiliate, day, wave
SETTLES_AFTER = timedelta(minutes=15)  # without a further step an answer is taken for all there will be


@dataclass(frozen=True)
class Changes:
    """How many rows were claimed, which responses and cases they are about, and whether there may be more."""

    count: int
    responses: Collection[int]
    cases: Collection[int]
    are_all: bool


# A change whose transaction is still open is not seen, and one that another worker holds is skipped: both come later.
# An array, not IN: the planner may run LIMIT … SKIP LOCKED once for every row, and it does where it knows no sizes yet.
CLAIM = """
DELETE FROM {changes} WHERE id = ANY(ARRAY(
    SELECT change.id FROM {changes} change JOIN {subjects} subject ON subject.id = change.{subject}_id
    WHERE subject.brand_id = %(brand)s AND {when}
    ORDER BY change.id LIMIT %(limit)s
    FOR UPDATE OF change SKIP LOCKED
)) RETURNING {subject}_id
"""
# Whoever is on the way from step to step is let come to the end: a block holds whole answers.
CLAIM_RESPONSES = CLAIM.format(
    changes="surveys_responsechange",
    subjects="surveys_response",
    subject="response",
    when="(subject.resumes_at IS NULL OR subject.updated_at <= %(settled)s)",
)
CLAIM_PURCHASES = CLAIM.format(
    changes="affiliates_purchasechange", subjects="affiliates_purchase", subject="purchase", when="TRUE"
)
CLAIM_COMPLAINTS = CLAIM.format(
    changes="complaints_complaintchange", subjects="complaints_complaint", subject="complaint", when="TRUE"
)

RESPONSES_TO = """
SELECT response.id FROM surveys_response response
JOIN surveys_invitation invitation ON invitation.id = response.invitation_id
WHERE invitation.purchase_id = ANY(%(purchases)s)
"""

FORGET = """
DELETE FROM insights_countedresponse
WHERE brand_id = %(brand)s AND (response_id IS NULL OR response_id = ANY(%(responses)s))
RETURNING affiliate_id, day, wave
"""

# The day is that of the first answer in the brand's time zone: an edit does not move it.
REMEMBER = """
INSERT INTO insights_countedresponse (response_id, brand_id, affiliate_id, link_id, product_id, wave, day)
SELECT response.id, brand.id, coalesce(attribution.affiliate_id, response.kept_for_id), attribution.link_id,
       purchase.product_id, invitation.wave,
       (response.answered_at AT TIME ZONE brand.timezone)::date
FROM surveys_response response
JOIN accounts_brand brand ON brand.id = response.brand_id
JOIN surveys_invitation invitation ON invitation.id = response.invitation_id
LEFT JOIN affiliates_purchase purchase ON purchase.id = invitation.purchase_id
LEFT JOIN affiliates_attribution attribution ON attribution.purchase_id = purchase.id AND attribution.is_current
WHERE response.brand_id = %(brand)s AND NOT response.is_suspect AND purchase.source IS DISTINCT FROM 'test' AND {which}
"""
RETURN = "RETURNING affiliate_id, day, wave"

# What enters a month and what leaves it, instead of its days summed anew: a month may have many of them.
ADD_MONTHS = """
INSERT INTO insights_monthlyanswers (brand_id, affiliate_id, month, count)
SELECT %(brand)s, * FROM unnest(%(affiliates)s::bigint[], %(months)s::date[], %(counts)s::int[])
ON CONFLICT (brand_id, affiliate_id, month) DO UPDATE SET count = insights_monthlyanswers.count + excluded.count
"""
COUNT_MONTHS = """
INSERT INTO insights_monthlyanswers (brand_id, affiliate_id, month, count)
SELECT brand_id, affiliate_id, date_trunc('month', day)::date, count(*) FROM insights_countedresponse
WHERE brand_id = %(brand)s AND wave = 'first' AND affiliate_id IS NOT NULL GROUP BY 1, 2, 3
"""

CLEAR = "DELETE FROM insights_rollup WHERE brand_id = %(brand)s AND {cells}"

# What the words of an answer are about counts as a chip would, once a response, where staff have said so or where
# suggestions are right often enough. Good or bad it is by its question; what other tools asked, by the score.
MENTIONS = """
SELECT DISTINCT counted.*, mention.board, aspect
FROM counted
JOIN surveys_answer answer ON answer.response_id = counted.response_id AND cardinality(answer.aspects) > 0
JOIN surveys_question question ON question.id = answer.question_id
LEFT JOIN surveys_answer rating ON question.key IN ('title', 'comment') AND rating.response_id = counted.response_id
    AND rating.question_id IN (SELECT id FROM surveys_question csat WHERE csat.key = 'csat')
CROSS JOIN LATERAL (SELECT CASE
    WHEN question.key = 'distinction' THEN 'distinction'
    WHEN question.key = 'keep_text' OR rating.number >= 4 THEN 'keep'
    WHEN question.key = 'improve_text' OR rating.number <= 2 THEN 'improve'
END) mention (board)
CROSS JOIN LATERAL unnest(answer.aspects) aspect
WHERE mention.board IS NOT NULL
  AND (answer.aspects_from = 'staff' OR (answer.language, aspect, rating.number IS NOT NULL) IN (
      SELECT * FROM unnest(%(languages)s::varchar[], %(aspects)s::varchar[], %(by_score)s::boolean[])
  ))
  AND NOT EXISTS (
      SELECT FROM surveys_answer chips JOIN surveys_question asked ON asked.id = chips.question_id
      WHERE chips.response_id = counted.response_id AND asked.key = mention.board AND aspect = ANY(chips.codes)
  )
"""

COUNT = """
INSERT INTO insights_rollup (brand_id, affiliate_id, link_id, product_id, wave, day, question, value, count)
WITH counted AS (
    SELECT response_id, brand_id, affiliate_id, link_id, product_id, wave, day FROM insights_countedresponse
    WHERE brand_id = %(brand)s AND {cells}
)
SELECT brand_id, affiliate_id, link_id, product_id, wave, day, 'answers', '', count(*)
FROM counted GROUP BY brand_id, affiliate_id, link_id, product_id, wave, day
UNION ALL
SELECT brand_id, affiliate_id, link_id, product_id, wave, day, question, value, count(*)
FROM (
    SELECT counted.*, question.key, given.value
    FROM counted
    JOIN surveys_answer answer ON answer.response_id = counted.response_id
    JOIN surveys_question question ON question.id = answer.question_id
    CROSS JOIN LATERAL unnest(
        CASE WHEN answer.number IS NULL THEN array_prepend(''::varchar, answer.codes)
             ELSE ARRAY['', answer.number::varchar] END
    ) given (value)
    WHERE answer.number IS NOT NULL OR cardinality(answer.codes) > 0 OR answer.text <> ''
    UNION ALL
    {mentions}
) said (response_id, brand_id, affiliate_id, link_id, product_id, wave, day, question, value)
GROUP BY brand_id, affiliate_id, link_id, product_id, wave, day, question, value
ORDER BY 1, 2, 6, 7, 8, 5, 3, 4 -- as the unique index has them, which so grows at its end alone
"""

# Apart, because an index finds what equals a value or is null, but not what is "not distinct from" it.
CREDITED = "(affiliate_id, day) IN (SELECT * FROM unnest(%(affiliates)s::bigint[], %(days)s::date[]))"
UNCREDITED = "affiliate_id IS NULL AND day = ANY(%(days)s::date[])"

WITHDRAW = """
UPDATE insights_quote quote SET withdrawn_at = %(now)s
WHERE quote.brand_id = %(brand)s AND quote.withdrawn_at IS NULL AND {which} AND NOT EXISTS (
    SELECT FROM insights_countedresponse counted
    JOIN surveys_response response ON response.id = counted.response_id
    JOIN surveys_answer answer ON answer.response_id = response.id
    JOIN surveys_question question ON question.id = answer.question_id
    WHERE counted.response_id = quote.response_id AND counted.affiliate_id = quote.affiliate_id
      AND response.is_quotable AND NOT response.hides_comment
      AND question.key = quote.question AND answer.redacted_text = quote.text
)
"""


def claim_changes(brand: Brand, *, limit: int, now: datetime) -> Changes:
    """Take up to `limit` changes of each kind for this transaction. A purchase's concern its answers and its cases."""
    which = {"brand": brand.pk, "limit": limit, "settled": now - SETTLES_AFTER}
    responses = [row[0] for row in run(CLAIM_RESPONSES, which)]
    purchases = [row[0] for row in run(CLAIM_PURCHASES, which)]
    complaints = [row[0] for row in run(CLAIM_COMPLAINTS, which)]
    touched = {row[0] for row in run(RESPONSES_TO, {"purchases": purchases})} if purchases else set()
    claimed = [len(responses), len(purchases), len(complaints)]
    cases = cases_of(purchases).union(complaints)
    return Changes(sum(claimed), touched.union(responses), cases, are_all=max(claimed) < limit)


def recount(brand: Brand, responses: Collection[int]) -> None:
    """Count afresh every cell that these responses, or erased ones, were or now are in."""
    which = {"brand": brand.pk, "responses": list(responses)}
    left = run(FORGET, which)
    entered = run(REMEMBER.format(which="response.id = ANY(%(responses)s)") + RETURN, which)
    _recount_months(brand, entered, left)
    cells: set[Cell] = {(affiliate, day) for affiliate, day, _wave in [*left, *entered]}
    credited = [(affiliate, day) for affiliate, day in cells if affiliate is not None]
    _recount_cells(brand, CREDITED, credited)
    _recount_cells(brand, UNCREDITED, [(affiliate, day) for affiliate, day in cells if affiliate is None])


def _recount_months(brand: Brand, entered: Iterable[Counted], left: Iterable[Counted]) -> None:
    changes = Counter(_months(entered))
    changes.subtract(Counter(_months(left)))
    rows = [(affiliate, month, change) for (affiliate, month), change in sorted(changes.items()) if change]
    if rows:
        names = ("affiliates", "months", "counts")
        columns: dict[str, Any] = {
            name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)
        }
        run(ADD_MONTHS, {"brand": brand.pk, **columns})


def _months(counted: Iterable[Counted]) -> Iterator[tuple[int, date]]:
    return (
        (affiliate, day.replace(day=1))
        for affiliate, day, wave in counted
        if affiliate is not None and wave == Wave.FIRST
    )


def _recount_cells(brand: Brand, which: str, cells: Iterable[Cell]) -> None:
    affiliates, days = [], []
    for affiliate, day in cells:
        affiliates.append(affiliate)
        days.append(day)
    if days:
        values = {"brand": brand.pk, "affiliates": affiliates, "days": days}
        _count_cells(which, values)


def _count_cells(which: str, values: dict[str, Any]) -> None:
    run(CLEAR.format(cells=which), values)
    run(COUNT.format(cells=which, mentions=MENTIONS), values | _trusted())


def _trusted() -> dict[str, list[Any]]:
    """Suggestions that count: by a question that says whether it was praised, and by a score."""
    trust = trusted_aspects()
    rows = [(*key, False) for key in sorted(trust.by_question)] + [(*key, True) for key in sorted(trust.by_score)]
    names = ("languages", "aspects", "by_score")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def recount_everything(brand: Brand) -> None:
    values: dict[str, Any] = {"brand": brand.pk}
    run("DELETE FROM insights_countedresponse WHERE brand_id = %(brand)s", values)
    run(REMEMBER.format(which="TRUE"), values)
    _count_cells("TRUE", values)
    run("DELETE FROM insights_monthlyanswers WHERE brand_id = %(brand)s", values)
    run(COUNT_MONTHS, values)


def withdraw_stale_quotes(brand: Brand, responses: Collection[int] | None = None, *, now: datetime) -> None:
    """Mark quotes that are no longer said, allowed, or the affiliate's; None looks at all of the brand's."""
    which = "TRUE" if responses is None else "(quote.response_id IS NULL OR quote.response_id = ANY(%(responses)s))"
    run(WITHDRAW.format(which=which), {"brand": brand.pk, "responses": list(responses or ()), "now": now})
