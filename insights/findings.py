"""What counts of answers say: figures, boards, a checklist and a sentence. From counts alone, without the database.

Which counts somebody may have is `insights.privacy`'s business; here is only what they mean. Shares are 0..1, NPS
-100..100, intervals 95 %. Texts come in the language that is active.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import sqrt
from typing import Literal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from insights import statistics
from insights.counts import ANSWERS, Counts, answered, tally
from insights.statistics import ANSWERS_FOR_VERDICT, AspectVerdict, ExpectedVerdict, Interval

State = Literal["few", "some", "many"]

MENTIONS_TO_LIST = 5
CHECKLIST_LENGTH = 7
RATING = ("1", "2", "3", "4", "5")
SATISFIED = ("4", "5")
PROMISE = ("-2", "-1", "0", "1", "2")
PROMISE_KEPT = ("0", "1", "2")
NPS = tuple(str(number) for number in range(11))
# Where the programme cannot be compared with: as many who praise as who complain.
EVEN = 0.5
# «As you tell it» is said where at least this part got what they were told, or better, at the interval's low end.
PROMISE_HOLDS = 0.75
# A fact that fewer than this part missed is in the list, and no headline: in many answers somebody misses anything.
OFTEN_MISSED = 0.05
# «Other» says nothing to act on.
UNSPECIFIC = frozenset({"otro", "otra", "other"})


@dataclass(frozen=True)
class Figure:
    """A share (or NPS) with its interval. `reference` is the programme without the affiliate, where it may be told."""

    value: float
    low: float
    high: float
    n: int
    reference: float | None = None
    verdict: ExpectedVerdict | None = None  # against the reference; None: too few answers to say


@dataclass(frozen=True)
class AspectFinding:
    """An aspect on a board. `share` is those who would keep it among the `n` who mention it at all.

    `mentions` speak for the board it is on: praise under keep, complaint under improve. The verdict is None with fewer
    than 20 answers: then the board it is on is only where the share points («orientativo»).
    """

    aspect: str
    label: str
    mentions: int
    share: float
    low: float
    high: float
    verdict: AspectVerdict | None
    n: int
    owner: str


@dataclass(frozen=True)
class MissingFact:
    """A fact that customers missed before buying. `share` is of all who were asked; several may be named."""

    fact: str
    label: str
    n: int
    share: float


@dataclass(frozen=True)
class Advice:
    """A line of «for your next sale», with what it rests on. `kind` and `key` say which finding that is."""

    text: str
    evidence: str
    kind: Literal["missing", "improve", "promise", "keep"]
    key: str


@dataclass(frozen=True)
class Findings:
    """All that one set of answers says. What has too few answers is None or left out."""

    n: int
    csat: Figure | None
    nps: Figure | None
    affiliate_rating: Figure | None
    promise_kept: Figure | None  # got what they were told, or better
    missed_something: Figure | None
    keep: tuple[AspectFinding, ...]
    improve: tuple[AspectFinding, ...]
    missing: tuple[MissingFact, ...]
    next_sale: tuple[Advice, ...]
    headline: str


@dataclass(frozen=True)
class TrendPoint:
    """Satisfaction in a month: raw with its interval (None without answers), and the smoothed line."""

    month: date
    n: int
    value: float | None
    low: float | None
    high: float | None
    smoothed: float


@dataclass(frozen=True)
class AspectEntry:
    label: str
    owner: str


@dataclass(frozen=True)
class FactEntry:
    label: str
    advice: str


@dataclass(frozen=True)
class Catalogue:
    """The brand's aspects and facts in one language, in its order."""

    aspects: Mapping[str, AspectEntry] = field(default_factory=dict)
    facts: Mapping[str, FactEntry] = field(default_factory=dict)


@dataclass(frozen=True)
class Lens:
    """How to read counts: with fewer than `k` answers there is no figure.

    `shrinks`: figures of fewer than 20 answers lean on the programme, which then counts as `strengths` answers.
    By the `overdispersed` questions affiliates differ more than by chance, so it takes more to stand out.
    `weights` say how much each aspect weighs in the score of the programme; empty where that is not known.
    """

    k: int
    shrinks: bool = False
    reference: Counts | None = None
    strengths: Mapping[str, float] = field(default_factory=dict)
    overdispersed: Collection[str] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    def widening(self, question: str) -> float | None:
        """What lines and verdicts allow for beyond chance; None where chance is enough."""
        return self.strength(question) if question in self.overdispersed else None

    def weight(self, aspect: str) -> float:
        """An aspect too rare to be weighed counts as the others do on average."""
        if not self.weights:
            return 1.0
        return self.weights.get(aspect, sum(self.weights.values()) / len(self.weights))

    def strength(self, question: str) -> float:
        return self.strengths.get(question, statistics.PRIOR_STRENGTH_DEFAULT)


def state_of(n: int, k: int) -> State:
    return "few" if n < k else "some" if n < ANSWERS_FOR_VERDICT else "many"


def read_findings(counts: Counts, catalogue: Catalogue, lens: Lens) -> Findings:
    """Everything that one set of counts says, seen through a lens."""
    n = answered(counts, ANSWERS)
    keep, improve = read_boards(counts, catalogue, lens)
    missing = read_missing(counts, catalogue, lens)
    promise_kept = read_share(counts, "promise", PROMISE, PROMISE_KEPT, lens)
    return Findings(
        n=n,
        csat=read_share(counts, "csat", RATING, SATISFIED, lens),
        nps=read_nps(counts, lens),
        affiliate_rating=read_share(counts, "affiliate_rating", RATING, SATISFIED, lens),
        promise_kept=promise_kept,
        missed_something=read_share(counts, "missing", ("yes", "no"), ("yes",), lens),
        keep=keep,
        improve=improve,
        missing=missing,
        next_sale=write_checklist(counts, catalogue, keep, improve, missing, is_told=promise_kept is not None),
        headline=write_headline(keep, improve, missing, promise_kept),
    )


# --- Figures ---------------------------------------------------------------------------------------------------------
def read_share(
    counts: Counts, question: str, scale: Collection[str], good: Collection[str], lens: Lens
) -> Figure | None:
    """The share of `good` answers among those on the scale («I had no contact» is not on it)."""
    x, n = successes(counts, question, scale, good)
    if n < max(1, lens.k):
        return None
    reference = reference_share(lens, question, scale, good)
    value, (low, high) = estimate(x, n, reference, lens, question, answers=n)
    if reference is None or not is_enough(n):
        return Figure(value, low, high, n, reference)
    verdict = statistics.expected_verdict(x, n, reference, strength=lens.widening(question))
    return Figure(value, low, high, n, reference, verdict)


def successes(counts: Counts, question: str, scale: Collection[str], good: Collection[str]) -> tuple[int, int]:
    given = tally(counts, question, scale)
    return sum(given[value] for value in good), sum(given.values())


def reference_share(lens: Lens, question: str, scale: Collection[str], good: Collection[str]) -> float | None:
    x, n = successes(lens.reference or {}, question, scale, good)
    return x / n if n else None


def estimate(
    x: int, n: int, reference: float | None, lens: Lens, question: str, *, answers: int
) -> tuple[float, Interval]:
    if lens.shrinks and not is_enough(answers) and reference is not None:
        strength = lens.strength(question)
        return statistics.shrink(x, n, reference, strength), statistics.credible_interval(x, n, reference, strength)
    interval = statistics.wilson_interval(x, n)
    assert interval is not None
    return x / n, interval


def is_enough(n: int) -> bool:
    return n >= ANSWERS_FOR_VERDICT


def read_nps(counts: Counts, lens: Lens) -> Figure | None:
    groups = nps_groups(counts)
    n, value, interval = sum(groups), statistics.nps_score(*groups), statistics.nps_interval(*groups)
    if n < lens.k or value is None or interval is None:
        return None
    reference = statistics.nps_score(*nps_groups(lens.reference or {}))
    if not lens.shrinks or is_enough(n) or reference is None:
        return Figure(value, *interval, n, reference)
    strength = lens.strength("csat")
    shrunken = statistics.shrink_nps(value, n, reference, strength)
    # As of a normal mean: the programme counts as so many more answers, which narrows by the root of their share.
    reach = (interval[1] - interval[0]) / 2 * sqrt(n / (n + strength))
    return Figure(shrunken, max(-100.0, shrunken - reach), min(100.0, shrunken + reach), n, reference)


def nps_groups(counts: Counts) -> statistics.NpsCounts:
    given = tally(counts, "nps", NPS)
    promoters, passives = given["9"] + given["10"], given["7"] + given["8"]
    return promoters, passives, sum(given.values()) - promoters - passives


# --- Boards ----------------------------------------------------------------------------------------------------------
def read_boards(
    counts: Counts, catalogue: Catalogue, lens: Lens
) -> tuple[tuple[AspectFinding, ...], tuple[AspectFinding, ...]]:
    """Keep and improve. What is not conclusive stands where its share points, behind what is.

    To improve comes first what most ask for and what weighs most: their product.
    """
    keep: list[AspectFinding] = []
    improve: list[AspectFinding] = []
    for code, entry in catalogue.aspects.items():
        praise, complaint = tally(counts, "keep", [code])[code], tally(counts, "improve", [code])[code]
        n = praise + complaint
        if n < (max(MENTIONS_TO_LIST, lens.k) if lens.k > 1 else 1):
            continue
        reference = aspect_reference(lens, code)
        share, (low, high) = estimate(praise, n, reference, lens, code, answers=answered(counts, ANSWERS))
        verdict = aspect_verdict(counts, praise, complaint, reference)
        is_kept = verdict == "keep" or (verdict != "improve" and share >= (EVEN if reference is None else reference))
        mentions = praise if is_kept else complaint
        finding = AspectFinding(code, entry.label, mentions, share, low, high, verdict, n, entry.owner)
        (keep if is_kept else improve).append(finding)
    return (
        tuple(sorted(keep, key=lambda f: (f.verdict != "keep", -f.low, f.aspect))),
        tuple(
            sorted(
                improve, key=lambda f: (f.verdict != "improve", -f.mentions * lens.weight(f.aspect), f.high, f.aspect)
            )
        ),
    )


def aspect_reference(lens: Lens, code: str) -> float | None:
    """The programme's share for the aspect, where enough of the others mention it to be a yardstick."""
    praise, complaint = (tally(lens.reference or {}, board, [code])[code] for board in ("keep", "improve"))
    n = praise + complaint
    return praise / n if n >= statistics.MENTIONS_FOR_VERDICT else None


def aspect_verdict(counts: Counts, praise: int, complaint: int, reference: float | None) -> AspectVerdict | None:
    answers = answered(counts, ANSWERS)
    if not is_enough(answers):
        return None
    return statistics.aspect_verdict(praise, complaint, EVEN if reference is None else reference, answers=answers)


def read_missing(counts: Counts, catalogue: Catalogue, lens: Lens) -> tuple[MissingFact, ...]:
    """Facts by how many missed them, the most first."""
    asked = answered(counts, "missing")
    if asked < max(1, lens.k):
        return ()
    named = tally(counts, "missing_facts", catalogue.facts)
    found = [
        MissingFact(code, catalogue.facts[code].label, n, min(1.0, n / asked)) for code, n in named.items() if n > 0
    ]
    return tuple(sorted(found, key=lambda fact: -fact.n))


# --- Words -----------------------------------------------------------------------------------------------------------
def write_checklist(
    counts: Counts,
    catalogue: Catalogue,
    keep: Iterable[AspectFinding],
    improve: Iterable[AspectFinding],
    missing: Iterable[MissingFact],
    *,
    is_told: bool,
) -> tuple[Advice, ...]:
    """What to do at the next sale, at most seven lines: tell what was missed, promise what holds, go on with the rest.

    Of the first two what touched most customers comes first. `is_told`: enough answers about promises to speak of them.
    """
    kept, told = successes(counts, "promise", PROMISE, PROMISE_KEPT)
    asked = answered(counts, "missing")
    facts = [fact for fact in missing if fact.fact not in UNSPECIFIC][:4]
    touched = [(fact.n, advise_on_fact(fact, catalogue, asked)) for fact in facts]
    if is_told and told - kept >= MENTIONS_TO_LIST:
        touched.append((told - kept, advise_on_promises(told - kept, told)))
    lines = [advice for _n, advice in sorted(touched, key=lambda each: -each[0])]
    lines += [advise_on_improvement(f) for f in improve if f.owner != "brand" and f.aspect not in UNSPECIFIC][:2]
    lines += [advise_on_keeping(f) for f in keep if f.aspect not in UNSPECIFIC][:2]
    return tuple(lines[:CHECKLIST_LENGTH])


def advise_on_fact(fact: MissingFact, catalogue: Catalogue, asked: int) -> Advice:
    text = catalogue.facts[fact.fact].advice or _("Say it before they buy: %(fact)s.") % {"fact": fact.label}
    evidence = ngettext("%(n)s of %(asked)s customer missed it.", "%(n)s of %(asked)s customers missed it.", asked) % {
        "n": fact.n,
        "asked": asked,
    }
    return Advice(text, evidence, "missing", fact.fact)


def advise_on_promises(disappointed: int, told: int) -> Advice:
    evidence = ngettext(
        "%(n)s of %(told)s customer got less than they were told.",
        "%(n)s of %(told)s customers got less than they were told.",
        told,
    ) % {"n": disappointed, "told": told}
    return Advice(_("Check what you promise at your links."), evidence, "promise", "promise")


def advise_on_improvement(finding: AspectFinding) -> Advice:
    evidence = _("%(mentions)s of the %(n)s who mention it ask for something better.") % {
        "mentions": finding.mentions,
        "n": finding.n,
    }
    return Advice(_("Look after this: %(aspect)s.") % {"aspect": finding.label}, evidence, "improve", finding.aspect)


def advise_on_keeping(finding: AspectFinding) -> Advice:
    evidence = _("%(mentions)s of the %(n)s who mention it want it to stay as it is.") % {
        "mentions": finding.mentions,
        "n": finding.n,
    }
    return Advice(_("Tell it, it convinces: %(aspect)s.") % {"aspect": finding.label}, evidence, "keep", finding.aspect)


def write_headline(
    keep: Iterable[AspectFinding],
    improve: Iterable[AspectFinding],
    missing: Iterable[MissingFact],
    promise_kept: Figure | None,
) -> str:
    """One sentence: what goes best, and what costs most. Only from verdicts, and from facts that several missed."""
    names = {
        "best": first_label(f.label for f in keep if f.verdict == "keep" and f.aspect not in UNSPECIFIC),
        "worst": first_label(f.label for f in improve if f.verdict == "improve" and f.aspect not in UNSPECIFIC),
        "lacking": first_label(f.label for f in missing if is_often_missed(f) and f.fact not in UNSPECIFIC),
    }
    holds = promise_kept is not None and is_enough(promise_kept.n) and promise_kept.low >= PROMISE_HOLDS
    return sentence_for(holds=holds, **{name: bool(label) for name, label in names.items()}) % names


def is_often_missed(fact: MissingFact) -> bool:
    return fact.n >= MENTIONS_TO_LIST and fact.share >= OFTEN_MISSED


def sentence_for(*, holds: bool, best: bool, worst: bool, lacking: bool) -> str:
    """The sentence that fits what there is to say."""
    sentences = [
        (holds and worst, _("What you sell turns out as you tell it, except for this: %(worst)s.")),
        (holds and lacking, _("What you sell turns out as you tell it, but something was not told: %(lacking)s.")),
        (holds and best, _("What you sell turns out as you tell it. They value most: %(best)s.")),
        (holds, _("What you sell turns out as you tell it.")),
        (best and worst, _("They value most: %(best)s. What to improve first: %(worst)s.")),
        (best and lacking, _("They value most: %(best)s. Before buying they missed: %(lacking)s.")),
        (best, _("They value most: %(best)s.")),
        (worst, _("What to improve first: %(worst)s.")),
        (lacking, _("Before buying they missed: %(lacking)s.")),
    ]
    return next((text for fits, text in sentences if fits), _("No aspect stands out yet."))


def first_label(labels: Iterable[str]) -> str:
    """As it reads inside a sentence: «entrega», but «SMS»."""
    label = next(iter(labels), "")
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


# --- Trend -----------------------------------------------------------------------------------------------------------
DISCOUNT = 0.7


def read_trend(months: Mapping[date, Counts], lens: Lens, next_month: Callable[[date], date]) -> tuple[TrendPoint, ...]:
    """Satisfaction month by month."""
    cells = {month: successes(counts, "csat", RATING, SATISFIED) for month, counts in months.items()}
    mean = reference_share(lens, "csat", RATING, SATISFIED)
    return trend_of_shares(cells, next_month, mean=mean, strength=lens.strength("csat"))


def trend_of_shares(
    cells: Mapping[date, tuple[int, int]], next_month: Callable[[date], date], *, mean: float | None, strength: float
) -> tuple[TrendPoint, ...]:
    """From the first month with an answer to the last, empty ones between them kept. No mean: that of all of them."""
    known = [month for month in sorted(cells) if cells[month][1]]
    if not known:
        return ()
    span = [known[0]]
    while span[-1] < known[-1]:
        span.append(next_month(span[-1]))
    points = [cells.get(month, (0, 0)) for month in span]
    if mean is None:
        mean = sum(x for x, _n in points) / sum(n for _x, n in points)
    smoothed = statistics.discounted_trend(points, DISCOUNT, mean, strength)
    return tuple(
        _trend_point(month, x, n, line) for month, (x, n), (line, _n) in zip(span, points, smoothed, strict=True)
    )


def _trend_point(month: date, x: int, n: int, smoothed: float) -> TrendPoint:
    interval = statistics.wilson_interval(x, n)
    if interval is None:
        return TrendPoint(month, 0, None, None, None, smoothed)
    return TrendPoint(month, n, x / n, *interval, smoothed)
