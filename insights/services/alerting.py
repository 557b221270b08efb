"""What was good and has fallen, looked for at night in what has been published: for affiliates, and for the programme.

All that could have fallen is tested together, over all affiliates of the brand, so that of the alerts raised at most
every tenth is chance.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from accounts.models import Brand
from accounts.statements import run
from complaints.clocks import add_months
from insights.changes import ASPECT_CHANGE, Cell, Change, compare, judge, judge_together, mentions
from insights.counts import ANSWERS, Counts, answered
from insights.findings import EVEN, RATING, SATISFIED, successes
from insights.models import Alert
from insights.services.publishing import month_of
from insights.statistics import ANSWERS_FOR_VERDICT, CSAT_CHANGE, MENTIONS_FOR_VERDICT, aspect_verdict

RECENT_MONTHS = 3  # this one among them
Subject = tuple[int | None, str]  # affiliate, and what it is about

SHOWN = """
SELECT affiliate_id, question, value,
       coalesce(sum(count) FILTER (WHERE month < %(since)s), 0),
       coalesce(sum(count) FILTER (WHERE month >= %(since)s), 0)
FROM insights_showncount
WHERE brand_id = %(brand)s AND link_id IS NULL AND question IN ('answers', 'csat', 'keep', 'improve')
GROUP BY affiliate_id, question, value
"""


@dataclass(frozen=True)
class Sides:
    """What was published before the last three months, and since."""

    before: Counts
    now: Counts


def raise_alerts(brand: Brand, *, now: datetime) -> None:
    """Open an episode for what has fallen, and end those of what is as good again. Twice a night: the same."""
    since = add_months(month_of(now, brand), 1 - RECENT_MONTHS)
    sides = _read_sides(brand, since)
    programme = sides.get(None, Sides({}, {}))
    standing = {(alert.affiliate_id, alert.key): alert for alert in Alert.objects.standing().filter(brand=brand)}
    _end_episodes(standing, sides, now)
    candidates = {
        subject: change
        for affiliate, side in sides.items()
        for subject, change in _what_was_kept(affiliate, side, programme.before).items()
        if subject not in standing
    }
    judged = dict(zip(candidates, judge_together(list(candidates.values())), strict=True))
    Alert.objects.bulk_create(
        Alert(
            brand=brand,
            affiliate_id=affiliate,
            key=key,
            since=since,
            **_figures(sides[affiliate], key),
            has_to_improve=_has_to_improve(sides[affiliate], key, programme.now),
            opened_at=now,
        )
        for (affiliate, key), change in judged.items()
        if change.verdict == "worsened"
    )


def _what_was_kept(affiliate: int | None, sides: Sides, programme: Counts) -> dict[Subject, Change]:
    """All that may have fallen: satisfaction, and the aspects that were to be kept."""
    if min(answered(sides.before, ANSWERS), answered(sides.now, ANSWERS)) < ANSWERS_FOR_VERDICT:
        return {}
    kept = [code for code in _aspects(sides) if _verdict(sides.before, code, programme) == "keep"]
    found = {}
    for key in [Alert.SATISFACTION, *kept]:
        change = compare(
            "csat" if key == Alert.SATISFACTION else "aspect", key, _cell(sides.now, key), _cell(sides.before, key)
        )
        if change:
            found[affiliate, key] = change
    return found


def _end_episodes(standing: Mapping[Subject, Alert], sides: Mapping[int | None, Sides], now: datetime) -> None:
    """As good again: not demonstrably lower any more, than before it fell. Too few answers say nothing either way."""
    over = []
    for (affiliate, key), alert in standing.items():
        recent = _cell(sides[affiliate].now, key) if affiliate in sides else (0, 0)
        change = compare("aspect", key, recent, (alert.good_before, alert.n_before))
        rule = CSAT_CHANGE if key == Alert.SATISFACTION else ASPECT_CHANGE
        if change and recent[1] >= rule.answers and judge(change, rule).verdict != "worsened":
            over.append(alert.pk)
    Alert.objects.filter(pk__in=over).update(ended_at=now)


def _figures(sides: Sides, key: str) -> dict[str, int]:
    (good_before, n_before), (good_now, n_now) = _cell(sides.before, key), _cell(sides.now, key)
    return {"good_before": good_before, "n_before": n_before, "good_now": good_now, "n_now": n_now}


def _has_to_improve(sides: Sides, key: str, programme: Counts) -> bool:
    return key != Alert.SATISFACTION and _verdict(sides.now, key, programme) == "improve"


def _verdict(counts: Counts, code: str, programme: Counts) -> str:
    """Beside the programme as published, where enough mention it there; that itself beside as many who complain."""
    praised, named = mentions(programme, code)
    reference = praised / named if named >= MENTIONS_FOR_VERDICT and programme is not counts else EVEN
    good, n = mentions(counts, code)
    return aspect_verdict(good, n - good, reference, answers=answered(counts, ANSWERS))


def _aspects(sides: Sides) -> Iterable[str]:
    boards = [counts.get(board, {}) for counts in (sides.before, sides.now) for board in ("keep", "improve")]
    return sorted({code for board in boards for code in board if code})


def _cell(counts: Counts, key: str) -> Cell:
    return successes(counts, "csat", RATING, SATISFIED) if key == Alert.SATISFACTION else mentions(counts, key)


def _read_sides(brand: Brand, since: date) -> dict[int | None, Sides]:
    before: defaultdict[int | None, defaultdict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    now: defaultdict[int | None, defaultdict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for affiliate, question, value, earlier, recent in run(SHOWN, {"brand": brand.pk, "since": since}):
        before[affiliate][question][value] = earlier
        now[affiliate][question][value] = recent
    return {affiliate: Sides(before[affiliate], now[affiliate]) for affiliate in before}
