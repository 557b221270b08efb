"""What came of actions: for affiliates from what has been published to them, for staff from the daily counts.

Like insights.privacy, through which it hears of the programme, it shows an affiliate whole blocks alone: sums of months
of publication, less a block that began before the change. However somebody dates a change, a difference between two
outcomes is about whole blocks too.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext as _

from accounts.models import Brand
from affiliates.models import Affiliate
from complaints.clocks import add_months
from insights import statistics
from insights.actions import (
    TOO_SOON,
    Outcome,
    Pair,
    Span,
    Spans,
    Subject,
    measure,
    spans_by_day,
    spans_by_month,
)
from insights.counts import ANSWERS, Counts, less, total
from insights.findings import Lens
from insights.models import Action, Block, PublishedCount, Rollup, ShownCount
from insights.privacy import USUAL_RESPONSE_RATE, sum_counts
from insights.wording import figure_names
from surveys.models import Aspect, Fact, Wave
from surveys.wording import in_language

Months = Mapping[date, Counts]


def subject_of(action: Action) -> Subject:
    return Subject(action.subject, action.key)


def measurable(brand: Brand, language: str) -> dict[str, dict[str, str]]:
    """What an action may be meant to move, as a choice: by group, then the name by the subject's code."""

    def named(kind: str, entries: Iterable[Aspect | Fact]) -> dict[str, str]:
        said = {each.code: in_language(each.labels, language, brand.default_language) for each in entries}
        return {Subject(kind, code).code: label or code for code, label in said.items()}

    return {
        _("Figures"): figure_names(),
        _("What they would keep or improve"): named("aspect", Aspect.objects.filter(brand=brand)),
        _("Missing before buying"): named("fact", Fact.objects.filter(brand=brand)),
    }


def names_of(choices: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {code: label for group in choices.values() for code, label in group.items()}


def today_of(brand: Brand, now: datetime) -> date:
    return now.astimezone(ZoneInfo(brand.timezone)).date()


# --- For affiliates --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Published:
    """All that may be told to one affiliate, by month of publication, read at once for however many actions."""

    own: Mapping[int | None, Months]  # by link; None is all of them
    programme: Months
    own_part: Months
    others: Mapping[date, Mapping[int, int]]  # answers of the other affiliates in the programme's blocks
    blocks: Sequence[tuple[int, date, date]]  # id, month, and until when it reaches; the oldest first
    strengths: Mapping[str, float]
    response_rate: float


def affiliate_outcomes(affiliate: Affiliate, actions: Sequence[Action], *, now: datetime) -> dict[int, Outcome]:
    """By the action's id, whatever the number of actions in the same few questions to the database."""
    if not actions:
        return {}
    today = today_of(affiliate.brand, now)
    spans = {each.pk: spans_by_month(each.changed_on, each.closed_on or today) for each in actions}
    published = _read_published(affiliate, {each.link_id for each in actions})
    begun = _blocks_begun_before(published, actions)
    straddling = Block.objects.in_bulk([pk for pk in begun.values() if pk is not None])
    lens_of = partial(_affiliates_lens, affiliate.brand.k, published.strengths)
    found = {}
    for each in actions:
        if (span := spans[each.pk]) is None:
            found[each.pk] = TOO_SOON
            continue
        own = _own_pair(published, each, span, straddling.get(begun[each.pk] or 0))
        outcome = measure(subject_of(each), own, _rest(published, span), spans=span, lens_of=lens_of)
        found[each.pk] = _with_purchases(outcome, published.response_rate)
    return found


def _with_purchases(outcome: Outcome, rate: float) -> Outcome:
    """How many purchases usually bring the answers that are lacking."""
    if outcome.answers_needed is None:
        return outcome
    return replace(outcome, purchases_needed=statistics.invitations_needed(outcome.answers_needed, rate))


def _affiliates_lens(k: int, strengths: Mapping[str, float], reference: Counts | None) -> Lens:
    return Lens(k, shrinks=True, reference=reference, strengths=strengths)


def _own_pair(published: Published, action: Action, spans: Spans, straddling: Block | None) -> Pair:
    months = published.own.get(action.link_id, {})
    after = total(_within(months, spans.after))
    if straddling is not None and _holds(spans.after, straddling.month):
        counts = straddling.counts if action.link_id is None else straddling.splits.get(str(action.link_id), {})
        after = less(after, counts)
    return Pair(total(_within(months, spans.before)), after)


def _rest(published: Published, spans: Spans) -> Pair | None:
    """The programme without this affiliate, where neither before nor after anybody stands out in it."""
    for span in (spans.before, spans.after):
        answers: defaultdict[int, int] = defaultdict(int)
        for month, by_affiliate in published.others.items():
            for other, n in by_affiliate.items() if _holds(span, month) else ():
                answers[other] += n
        if not statistics.may_show_reference([max(0, n) for n in answers.values()]):
            return None
    before, after = (
        less(total(_within(published.programme, span)), total(_within(published.own_part, span)))
        for span in (spans.before, spans.after)
    )
    return Pair(before, after)


def _blocks_begun_before(published: Published, actions: Iterable[Action]) -> dict[int, int | None]:
    """By action the first block after the month of its change, if it holds answers from before the change."""
    months, ends = [month for _pk, month, _until in published.blocks], [until for *_, until in published.blocks]
    found: dict[int, int | None] = {}
    for action in actions:
        first = bisect_right(months, action.changed_on.replace(day=1))
        is_there = first < len(months)
        begins_after = first > 0 and ends[first - 1] >= action.changed_on
        found[action.pk] = published.blocks[first][0] if is_there and not begins_after else None
    return found


def _read_published(affiliate: Affiliate, links: set[int | None]) -> Published:
    brand = affiliate.brand
    own = ShownCount.objects.filter(brand=brand, affiliate=affiliate)
    parts = PublishedCount.objects.filter(brand=brand, audience=PublishedCount.Audience.PROGRAMME)
    named = Q(link=None) | Q(link__in=[link for link in links if link])
    strengths, rate = _context(brand)
    return Published(
        own=_by_link_and_month(own.filter(named)),
        programme=_by_link_and_month(ShownCount.objects.filter(brand=brand, affiliate=None)).get(None, {}),
        own_part=_by_link_and_month(parts.filter(affiliate=affiliate)).get(None, {}),
        others=_answers_of_others(parts.filter(question=ANSWERS, value="").exclude(affiliate=affiliate)),
        blocks=_blocks(affiliate),
        strengths=strengths,
        response_rate=rate,
    )


def _context(brand: Brand) -> tuple[Mapping[str, float], float]:
    latest = Block.objects.filter(brand=brand, affiliate=None).order_by("-sequence").first()
    context = latest.context if latest else {}
    return context.get("strength", {}), context.get("response_rate") or USUAL_RESPONSE_RATE


def _by_link_and_month(rows: QuerySet[Any]) -> dict[int | None, Months]:
    """The programme's tell no links apart."""
    found: defaultdict[int | None, defaultdict[date, defaultdict[str, dict[str, int]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(dict))
    )
    for key, month, question, value, n in (
        rows.order_by().values_list("link", "month", "question", "value").annotate(n=Sum("count"))
    ):
        found[key][month][question][value] = n
    return {key: dict(months) for key, months in found.items()}


def _answers_of_others(rows: QuerySet[PublishedCount]) -> Mapping[date, Mapping[int, int]]:
    found: defaultdict[date, dict[int, int]] = defaultdict(dict)
    for affiliate, month, n in rows.order_by().values_list("affiliate", "month").annotate(n=Sum("count")):
        found[month][affiliate] = n
    return found


def _blocks(affiliate: Affiliate) -> list[tuple[int, date, date]]:
    """A block reaches to the day it was published; one of history that was loaded later, to the end of its month."""
    rows = Block.objects.filter(brand=affiliate.brand, affiliate=affiliate).order_by("month", "sequence")
    return [
        (pk, month, min(today_of(affiliate.brand, at), add_months(month, 1)))
        for pk, month, at in rows.values_list("pk", "month", "published_at")
    ]


# --- For staff -------------------------------------------------------------------------------------------------------
def staff_outcome(action: Action, *, now: datetime) -> Outcome:
    """From all that is counted, by day. Beside a product stand the other products; beside the whole brand, nothing."""
    spans = spans_by_day(action.changed_on, action.closed_on or today_of(action.brand, now))
    if spans is None:
        return TOO_SOON
    rows = Rollup.objects.filter(brand=action.brand, wave=Wave.FIRST)
    own, rest = _sides(action, rows)
    others = None if rest is None else _counted(rest, spans)
    outcome = measure(subject_of(action), _counted(own, spans), others, spans=spans, lens_of=_staffs_lens)
    return _with_purchases(outcome, _context(action.brand)[1])


def _staffs_lens(reference: Counts | None) -> Lens:
    return Lens(1, reference=reference)


def _sides(action: Action, rows: QuerySet[Rollup]) -> tuple[QuerySet[Rollup], QuerySet[Rollup] | None]:
    if action.affiliate_id:
        own = rows.filter(affiliate=action.affiliate_id)
        own = own.filter(link=action.link_id) if action.link_id else own
        return own, rows.exclude(affiliate=action.affiliate_id)
    if action.product_id:
        return rows.filter(product=action.product_id), rows.exclude(product=action.product_id)
    return rows, None


def _counted(rows: QuerySet[Rollup], spans: Spans) -> Pair:
    before, after = (sum_counts(rows.filter(day__gte=s.first, day__lt=s.after)) for s in (spans.before, spans.after))
    return Pair(before, after)


# --- Counts ----------------------------------------------------------------------------------------------------------
def _holds(span: Span, day: date) -> bool:
    return span.first <= day < span.after


def _within(months: Months, span: Span) -> Iterable[Counts]:
    return (counts for month, counts in months.items() if _holds(span, month))
