"""Counts become blocks: what is counted and not yet published, cut so that no single answer can be told.

Only what stands in ShownCount and Quote is ever shown to an affiliate (`insights.privacy`); this module alone writes
them. A block is never changed: what is corrected rides in a later one.
"""

import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Max, Sum

from accounts.models import Brand
from accounts.statements import run
from insights import statistics
from insights.blocks import Cut, Delta, Rule, at_least, cut, new_answers, programme_rule, splits_by_link
from insights.counts import ANSWERS
from insights.findings import RATING, SATISFIED
from insights.models import Block, Finding, PublishedCount, Quote, ShownCount
from insights.services.telling import tell_published
from surveys.models import Aspect, Invitation, Response, Wave

Audience = PublishedCount.Audience
QUOTED = ["keep_text", "improve_text", "expectation", "comment"]
FLUSH = 500  # blocks written at once
FEWEST_ASKED = 30  # for a rate of response
FEWEST_COMPARED = 8  # affiliates, to say how much they differ

# What is counted more (or less) than has been published. Counted are the first survey; of the one months later how the
# brand compares; of cases whose part they were, what lay behind them, how long they took, and how they ended as their
# customers say. The programme's blocks tell no links apart.
DELTAS = """
SELECT affiliate_id, {link}, month, question, value, sum(count)::int FROM (
    SELECT affiliate_id, {link} AS link_id, date_trunc('month', day)::date AS month, question, value, count
    FROM insights_rollup
    WHERE brand_id = %(brand)s AND {which}
      AND (
        wave = 'first' OR (wave = 'follow_up' AND question IN ('alternatives', 'buy_again'))
        OR (wave = 'closing' AND question IN ('solved', 'ces'))
      )
    UNION ALL
    SELECT affiliate_id, NULL, date_trunc('month', day)::date, told.question, told.value, count
    FROM insights_casecount
    CROSS JOIN LATERAL (VALUES
        ('cases', ''), ('cases', nullif(part, '')),
        ('causes', CASE WHEN cause <> '' THEN '' END), ('causes', nullif(cause, '')),
        ('took', CASE WHEN took <> '' THEN '' END), ('took', nullif(took, ''))
    ) told (question, value)
    WHERE brand_id = %(brand)s AND {which} AND told.value IS NOT NULL
    UNION ALL
    SELECT affiliate_id, link_id, answered_month, question, value, -count
    FROM insights_publishedcount
    WHERE brand_id = %(brand)s AND audience = %(audience)s AND {which}
) counted
GROUP BY 1, 2, 3, 4, 5 HAVING sum(count) <> 0
ORDER BY {order}
"""
OF_AFFILIATES = DELTAS.format(
    link="link_id", which="affiliate_id = ANY(%(affiliates)s)", order="affiliate_id, month, link_id, question, value"
)
OF_PROGRAMME = DELTAS.format(
    link="NULL::bigint", which="affiliate_id IS NOT NULL", order="month, affiliate_id, question, value"
)

# Asked at every fold, so from the numbers of answers by month alone.
WAITING = """
SELECT affiliate_id, NULL::bigint, month, 'answers', '', sum(count)::int FROM (
    SELECT affiliate_id, month, count FROM insights_monthlyanswers WHERE brand_id = %(brand)s
    UNION ALL
    SELECT affiliate_id, answered_month, -count FROM insights_publishedcount
    WHERE brand_id = %(brand)s AND audience = %(audience)s AND question = 'answers'
) counted
GROUP BY affiliate_id, month HAVING sum(count) <> 0
ORDER BY month, affiliate_id
"""

ADD_PUBLISHED = """
INSERT INTO insights_publishedcount
    (brand_id, audience, affiliate_id, link_id, answered_month, month, question, value, count)
SELECT %(brand)s, %(audience)s, * FROM unnest(
    %(0)s::bigint[], %(1)s::bigint[], %(2)s::date[], %(3)s::date[], %(4)s::text[], %(5)s::text[], %(6)s::int[])
ON CONFLICT (brand_id, audience, affiliate_id, answered_month, month, question, value, link_id)
DO UPDATE SET count = insights_publishedcount.count + excluded.count
"""
ADD_SHOWN = """
INSERT INTO insights_showncount (brand_id, affiliate_id, link_id, month, question, value, count)
SELECT %(brand)s, * FROM unnest(
    %(0)s::bigint[], %(1)s::bigint[], %(2)s::date[], %(3)s::text[], %(4)s::text[], %(5)s::int[])
ON CONFLICT (brand_id, affiliate_id, month, question, value, link_id)
DO UPDATE SET count = insights_showncount.count + excluded.count
"""

QUOTABLE = """
SELECT counted.affiliate_id, date_trunc('month', counted.day)::date, response.id, question.key, answer.redacted_text
FROM insights_countedresponse counted
JOIN surveys_response response ON response.id = counted.response_id
JOIN surveys_answer answer ON answer.response_id = response.id
JOIN surveys_question question ON question.id = answer.question_id
WHERE counted.brand_id = %(brand)s AND counted.affiliate_id = ANY(%(affiliates)s) AND counted.wave = 'first'
  AND response.is_quotable AND NOT response.hides_comment
  AND question.key = ANY(%(questions)s) AND answer.redacted_text <> ''
  AND NOT EXISTS (
    SELECT FROM insights_quote quote
    WHERE quote.response_id = response.id AND quote.question = question.key AND quote.withdrawn_at IS NULL)
"""


@dataclass(frozen=True)
class Publication:
    """Where and when blocks come out."""

    brand: Brand
    audience: PublishedCount.Audience
    now: datetime

    @property
    def this_month(self) -> date:
        return month_of(self.now, self.brand)


def month_of(now: datetime, brand: Brand) -> date:
    """The first day of the month, on the brand's calendar."""
    return now.astimezone(ZoneInfo(brand.timezone)).date().replace(day=1)


def publish_blocks(brand: Brand, *, now: datetime) -> None:
    """Publish what is due, to affiliates and of the programme. In the caller's transaction, under the brand's lock."""
    _publish_for_affiliates(Publication(brand, Audience.AFFILIATE, now))
    _publish_for_programme(Publication(brand, Audience.PROGRAMME, now))


def purge_withdrawn_quotes(*, now: datetime) -> None:
    """Take down the words withdrawn before this month; those of this month go with the affiliate's next block."""
    withdrawn = Quote.objects.filter(withdrawn_at__isnull=False)
    for brand in Brand.objects.filter(pk__in=withdrawn.values("brand")):
        start = datetime.combine(month_of(now, brand), time(), tzinfo=ZoneInfo(brand.timezone))
        withdrawn.filter(brand=brand, withdrawn_at__lt=start).delete()


# --- Blocks of affiliates --------------------------------------------------------------------------------------------
def _publish_for_affiliates(publication: Publication) -> None:
    brand = publication.brand
    waiting = new_answers(_deltas(WAITING, publication), ANSWERS)
    due = sorted(affiliate for affiliate, n in waiting.items() if n >= brand.k)
    if not due:
        return
    batch: list[tuple[int, Cut]] = []
    for affiliate, deltas in groupby(_deltas(OF_AFFILIATES, publication, due), key=lambda delta: delta.affiliate):
        batch += [(affiliate, c) for c in cut(deltas, is_ready=at_least(brand.k), this_month=publication.this_month)]
        if len(batch) >= FLUSH:
            _write_affiliates_blocks(publication, batch)
            batch = []
    _write_affiliates_blocks(publication, batch)


def _write_affiliates_blocks(publication: Publication, cuts: Sequence[tuple[int, Cut]]) -> None:
    splits = [splits_by_link(each.deltas, publication.brand.k) for _affiliate, each in cuts]
    blocks = _write_blocks(publication, cuts, splits)
    shown: Counter[tuple[Any, ...]] = Counter()
    for (affiliate, each), told in zip(cuts, splits, strict=True):
        _count_shown(shown, affiliate, None, each.month, each.deltas)
        for link, cell in told.items():
            _count_shown(shown, affiliate, link, each.month, cell)
    _add(ADD_SHOWN, publication, shown)
    _publish_quotes(publication, blocks)
    _note_findings(publication.brand, {affiliate for affiliate, _cut in cuts})
    tell_published(publication.brand, blocks, now=publication.now)


def _write_blocks(
    publication: Publication, cuts: Sequence[tuple[int | None, Cut]], splits: Sequence[dict[int, list[Delta]]] = ()
) -> list[Block]:
    """The blocks, and the memory of what is in them."""
    brand, now = publication.brand, publication.now
    last = dict(
        Block.objects.filter(brand=brand, affiliate__in={affiliate for affiliate, _cut in cuts if affiliate})
        .values_list("affiliate")
        .annotate(Max("sequence"))
    )
    if any(affiliate is None for affiliate, _cut in cuts):
        last[None] = Block.objects.filter(brand=brand, affiliate=None).aggregate(last=Max("sequence"))["last"] or 0
    sequence = Counter(last)
    blocks, published = [], Counter[tuple[Any, ...]]()
    for number, (affiliate, each) in enumerate(cuts):
        sequence[affiliate] += 1
        told = {str(link): _as_counts(cell) for link, cell in splits[number].items()} if splits else {}
        blocks.append(
            Block(
                brand=brand,
                affiliate_id=affiliate,
                sequence=sequence[affiliate],
                month=each.month,
                n=each.n,
                counts=_as_counts(each.deltas),
                splits=told,
                published_at=now,
            )
        )
        for d in each.deltas:
            published[d.affiliate, d.link, d.month, each.month, d.question, d.value] += d.count
    _add(ADD_PUBLISHED, publication, published)
    return Block.objects.bulk_create(blocks)


def _as_counts(deltas: Iterable[Delta]) -> dict[str, dict[str, int]]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for delta in deltas:
        counts[delta.question][delta.value] += delta.count
    return {question: {v: n for v, n in sorted(values.items()) if n} for question, values in sorted(counts.items())}


def _count_shown(
    shown: Counter[tuple[Any, ...]], affiliate: int | None, link: int | None, month: date, deltas: Iterable[Delta]
) -> None:
    for delta in deltas:
        shown[affiliate, link, month, delta.question, delta.value] += delta.count


# --- Words -----------------------------------------------------------------------------------------------------------
def _publish_quotes(publication: Publication, blocks: Sequence[Block]) -> None:
    """Let what customers wrote come out with the block of their month, and what was withdrawn go with it."""
    by_affiliate: defaultdict[int, list[Block]] = defaultdict(list)
    for block in blocks:
        by_affiliate[block.affiliate_id or 0].append(block)
    affiliates = list(by_affiliate)
    Quote.objects.filter(affiliate__in=affiliates, withdrawn_at__isnull=False).delete()
    quotes = []
    values = {"brand": publication.brand.pk, "affiliates": affiliates, "questions": QUOTED}
    for affiliate, answered, response, question, text in run(QUOTABLE, values):
        month = min(answered, publication.this_month)
        if fitting := next((b for b in by_affiliate[affiliate] if b.month >= month), None):
            quotes.append(
                Quote(
                    brand=publication.brand,
                    affiliate_id=affiliate,
                    block=fitting,
                    response_id=response,
                    question=question,
                    text=text,
                )
            )
    secrets.SystemRandom().shuffle(quotes)
    Quote.objects.bulk_create(quotes)
    Finding.objects.bulk_create(
        Finding(
            brand=publication.brand,
            affiliate_id=quote.affiliate_id,
            kind=Finding.Kind.EXPECTATION,
            key=f"quote:{quote.pk}",
            quote=quote,
        )
        for quote in quotes
        if quote.question == "expectation"
    )


def _note_findings(brand: Brand, affiliates: Iterable[int]) -> None:
    """A missing fact, or a thing to improve, that k have named is a finding from then on, open until somebody acts."""
    owners = dict(Aspect.objects.filter(brand=brand).values_list("code", "owner"))
    kinds = {"missing_facts": Finding.Kind.MISSING, "improve": Finding.Kind.IMPROVE}
    named = (
        ShownCount.objects.filter(affiliate__in=affiliates, link=None, question__in=kinds)
        .exclude(value="")
        .values_list("affiliate", "question", "value")
        .annotate(named=Sum("count"))
        .filter(named__gte=brand.k)
    )
    Finding.objects.bulk_create(
        [
            Finding(
                brand=brand,
                affiliate_id=affiliate,
                kind=kinds[question],
                key=value,
                # What to tell before a sale is told by whoever sells.
                owner=owners.get(value, Aspect.Owner.BRAND) if question == "improve" else Aspect.Owner.AFFILIATE,
            )
            for affiliate, question, value, _named in named
        ],
        ignore_conflicts=True,
    )


# --- Blocks of the programme -----------------------------------------------------------------------------------------
def _publish_for_programme(publication: Publication) -> None:
    brand, this_month = publication.brand, publication.this_month
    shown = ShownCount.objects.filter(brand=brand, affiliate=None, question=ANSWERS).aggregate(n=Sum("count"))["n"] or 0
    rule = programme_rule(shown)
    if not _has_programme_block(publication, rule):
        return
    blocks = []
    for each in cut(_deltas(OF_PROGRAMME, publication), is_ready=rule, this_month=this_month):
        blocks += _write_blocks(publication, [(None, each)])
        of_programme: Counter[tuple[Any, ...]] = Counter()
        _count_shown(of_programme, None, None, each.month, each.deltas)
        _add(ADD_SHOWN, publication, of_programme)
    blocks[-1].context = _measure_programme(brand)
    blocks[-1].save(update_fields=["context"])


def _has_programme_block(publication: Publication, rule: Rule) -> bool:
    waiting = _deltas(WAITING, publication)
    return any(True for _cut in cut(waiting, is_ready=rule, this_month=publication.this_month))


def _measure_programme(brand: Brand) -> dict[str, Any]:
    """How alike the affiliates are, which says how much a small one leans on the others; and how many answer at all."""
    strength, overdispersed = {}, []
    for question in ("csat", "affiliate_rating"):
        rows = (
            PublishedCount.objects.filter(brand=brand, audience=Audience.PROGRAMME, question=question, value__in=RATING)
            .values_list("affiliate", "value")
            .annotate(n=Sum("count"))
        )
        good, everybody = Counter[int](), Counter[int]()
        for affiliate, value, n in rows:
            everybody[affiliate] += max(0, n)
            good[affiliate] += max(0, n) if value in SATISFIED else 0
        groups = [(good[a], everybody[a]) for a in sorted(everybody)]
        strength[question] = statistics.prior_strength(groups)
        if _differ_by_more_than_chance(groups):
            overdispersed.append(question)
    return {"strength": strength, "overdispersed": overdispersed, "response_rate": _response_rate(brand)}


def _differ_by_more_than_chance(groups: Sequence[tuple[int, int]]) -> bool:
    """Of affiliates with 20 answers, as the lines of chance say little of fewer; and not of a handful of them."""
    large = [(x, n) for x, n in groups if n >= statistics.ANSWERS_FOR_VERDICT]
    if len(large) < FEWEST_COMPARED:
        return False
    return statistics.is_overdispersed(large, sum(x for x, _n in large) / sum(n for _x, n in large))


def _response_rate(brand: Brand) -> float | None:
    """Answers a survey sent by us; None with too few sent to say."""
    asked = Invitation.objects.filter(brand=brand, wave=Wave.FIRST, state=Invitation.State.QUEUED).count()
    answered = Response.objects.counted().filter(
        brand=brand, invitation__wave=Wave.FIRST, invitation__state=Invitation.State.QUEUED
    )
    return answered.count() / asked if asked >= FEWEST_ASKED else None


# --- SQL -------------------------------------------------------------------------------------------------------------
def _deltas(statement: str, publication: Publication, affiliates: Sequence[int] = ()) -> Iterator[Delta]:
    """Read in pieces: of millions of answers from nothing, what is unpublished is more than fits in memory."""
    brand, audience = publication.brand, publication.audience
    values: dict[str, Any] = {"brand": brand.pk, "audience": audience, "affiliates": list(affiliates)}
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, values)
        while rows := cursor.fetchmany(5000):
            yield from (Delta(*row) for row in rows)


def _add(statement: str, publication: Publication, counts: Counter[tuple[Any, ...]]) -> None:
    rows = [(*key, count) for key, count in counts.items() if count]
    if not rows:
        return
    values: dict[str, Any] = {"brand": publication.brand.pk, "audience": publication.audience}
    values.update((str(number), list(column)) for number, column in enumerate(zip(*rows, strict=True)))
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
