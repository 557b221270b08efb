"""What weighs in the score and who stands where on it: the sentence first, then the picture and its table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.templatetags.components import percent, percent_range
from dashboards import charts
from dashboards.charts.canvas import Axis, nice_ticks
from dashboards.pages.drivers import MINUS
from insights.findings import first_label
from insights.importance import Driver, Performance, Priorities, Priority, Weight, Weights
from insights.statistics import Quadrant

IN_CHART = 12
MOST_NAMED = 3
WIDE = 380  # units of the matrix: room for names beside its points, and still to be read on a phone
FIELDS: tuple[Quadrant, ...] = ("improve_first", "keep", "low_priority", "possible_excess", "undecided")
RANKS = (-1.0, -0.5, 0.0, 0.5, 1.0)

Labels = Mapping[str, str]  # of aspects, by code


@dataclass(frozen=True)
class WeightRow:
    label: str
    value: str
    range: str


@dataclass(frozen=True)
class WeightsView:
    """`is_indicative`: correlations of ranks, as there are too few answers to weigh. `answers` are for staff."""

    headline: str
    sentences: list[str]
    chart: SafeString | str
    rows: list[WeightRow]
    is_indicative: bool
    answers: int


def write_weights(weights: Weights | None, labels: Labels) -> WeightsView | None:
    if weights is None:
        return None
    is_indicative = weights.method == "ranks"
    rows = [weight_row(each, labels, is_indicative=is_indicative) for each in weights.drivers]
    chart = ranks_chart(weights, labels) if is_indicative else weights_chart(weights, labels)
    return WeightsView(
        headline=ranks_headline(weights, labels) if is_indicative else weights_headline(weights, labels),
        sentences=[] if is_indicative else weights_sentences(weights, labels),
        chart=chart,
        rows=rows,
        is_indicative=is_indicative,
        answers=weights.answers,
    )


# --- Words -----------------------------------------------------------------------------------------------------------
def label_of_driver(driver: Driver, labels: Labels) -> str:
    kind, code = driver
    if kind == "aspect":
        return labels.get(code, code)
    return {
        "promise": _("Promise and reality"),
        "missing": _("Missing information"),
        "affiliate_rating": _("Treatment by whoever recommended it"),
    }.get(code, code)


def names_of(weights: Sequence[Weight], labels: Labels) -> str:
    """«entrega, precio, trato»: without an «y», which would have to be «e» before «información»."""
    return ", ".join(first_label([label_of_driver(each.driver, labels)]) for each in weights)


def weights_headline(weights: Weights, labels: Labels) -> str:
    """An order only where intervals allow it."""
    leaders = weights.leaders
    if len(leaders) > MOST_NAMED:
        return _("Nothing goes with the score clearly more than all else.")
    return ngettext(
        "What goes with the score most is this: %(names)s.",
        "What goes with the score most are these, and it cannot be said which of them more: %(names)s.",
        len(leaders),
    ) % {"names": names_of(leaders, labels)}


def weights_sentences(weights: Weights, labels: Labels) -> list[str]:
    said = [
        _("%(label)s: %(share)s of all that weighs (between %(low)s and %(high)s).")
        % {
            "label": label_of_driver(each.driver, labels),
            "share": percent(each.value),
            "low": percent(each.low),
            "high": percent(each.high),
        }
        for each in weights.leaders[:MOST_NAMED]
        if len(weights.leaders) <= MOST_NAMED
    ]
    if weights.explained is not None:
        said.append(
            _("All of them together go with %(share)s of the differences between scores.")
            % {"share": percent(weights.explained)}
        )
    return said


def ranks_headline(weights: Weights, labels: Labels) -> str:
    sure = [each for each in weights.drivers if each.low > 0 or each.high < 0][:MOST_NAMED]
    if not sure:
        return _("With so few answers nothing goes with the score clearly.")
    return _("As far as few answers can tell, this goes with the score: %(names)s.") % {"names": names_of(sure, labels)}


def weight_row(weight: Weight, labels: Labels, *, is_indicative: bool) -> WeightRow:
    label = label_of_driver(weight.driver, labels)
    if is_indicative:
        between = _("%(low)s to %(high)s") % {"low": hundredths(weight.low), "high": hundredths(weight.high)}
        return WeightRow(label, hundredths(weight.value), between)
    return WeightRow(label, percent(weight.value), percent_range(weight.low, weight.high))


def hundredths(rho: float) -> str:
    """«−0,42»."""
    return f"{MINUS if round(rho, 2) < 0 else ''}{number_format(abs(round(rho, 2)), 2)}"


# --- Charts ----------------------------------------------------------------------------------------------------------
def weights_chart(weights: Weights, labels: Labels) -> SafeString:
    shown = weights.drivers[:IN_CHART]
    ticks = tuple(nice_ticks(0.0, max(each.high for each in shown), 4))
    return charts.dot_and_whisker(
        charts.Caption(
            "weights",
            _("What weighs in the score"),
            _("Of all that weighs, the share of each. The table below has every figure."),
        ),
        [
            charts.Whisker(
                label_of_driver(each.driver, labels),
                value=each.value,
                low=each.low,
                high=each.high,
                tone="plain" if each.low > weights.even else "undecided",
            )
            for each in shown
        ],
        axis=Axis(ticks[0], min(1.0, ticks[-1]), tuple(tick for tick in ticks if tick <= 1), percent),
        reference=charts.Reference(weights.even, _("all alike: %(share)s") % {"share": percent(weights.even)}),
    )


def ranks_chart(weights: Weights, labels: Labels) -> SafeString:
    return charts.dot_and_whisker(
        charts.Caption(
            "weights",
            _("What goes with the score, indicative"),
            _("Left of zero a lower score, right of it a higher one. The table below has every figure."),
        ),
        [
            charts.Whisker(label_of_driver(each.driver, labels), value=each.value, low=each.low, high=each.high)
            for each in weights.drivers[:IN_CHART]
        ],
        axis=Axis(-1, 1, RANKS, lambda value: hundredths(value) if value else "0"),
    )


# --- Importance and performance --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class PriorityRow:
    label: str
    performance: str
    performance_range: str
    n: int
    weight: str
    weight_range: str
    field: str


@dataclass(frozen=True)
class PrioritiesView:
    """`sentences` name what stands in a field; what is undecided is in the table and the picture alone."""

    sentences: list[str]
    chart: SafeString
    rows: list[PriorityRow]


def write_priorities(priorities: Priorities | None, labels: Labels) -> PrioritiesView | None:
    """None where nothing can be placed at all."""
    if priorities is None or not priorities.found:
        return None
    ordered = sorted(priorities.found, key=lambda each: FIELDS.index(each.field))
    return PrioritiesView(
        sentences=priority_sentences(priorities, labels),
        chart=priorities_chart(priorities, labels),
        rows=[priority_row(each, labels) for each in ordered],
    )


def priority_sentences(priorities: Priorities, labels: Labels) -> list[str]:
    texts = [
        (
            "improve_first",
            _("To improve first, as it weighs much and goes worse than the programme’s mean: %(names)s."),
        ),
        ("keep", _("To keep up, as it weighs much and goes at least as well: %(names)s.")),
        ("low_priority", _("It goes worse, but weighs little: %(names)s.")),
        ("possible_excess", _("It goes well and weighs little, perhaps more is done than needed: %(names)s.")),
    ]
    said = [
        text % {"names": names_of([each.weight for each in found], labels)}
        for field, text in texts
        if (found := priorities.of(field))  # type: ignore[arg-type]
    ]
    return said or [_("Nothing can be placed with certainty yet: each interval still crosses a line.")]


def priority_row(priority: Priority, labels: Labels) -> PriorityRow:
    performance, weight = priority.performance, priority.weight
    return PriorityRow(
        label=label_of_driver(weight.driver, labels),
        performance=percent(performance.value),
        performance_range=percent_range(performance.low, performance.high),
        n=performance.n,
        weight=percent(weight.value),
        weight_range=percent_range(weight.low, weight.high),
        field=str(charts.FIELD_NAMES[priority.field]),
    )


def priorities_chart(priorities: Priorities, labels: Labels) -> SafeString:
    return charts.importance_performance(
        charts.Caption(
            "priorities",
            _("What weighs, and how it goes"),
            _("The higher, the more it weighs in the score of the programme; the farther right, the better it goes."),
        ),
        [_point(each.weight, each.performance, labels) for each in priorities.found],
        mean_performance=priorities.mean,
        even_weight=priorities.even,
        width=WIDE,
    )


def _point(weight: Weight, performance: Performance, labels: Labels) -> charts.Driver:
    return charts.Driver(
        label_of_driver(weight.driver, labels),
        performance.value,
        performance.low,
        performance.high,
        weight.value,
        weight.low,
        weight.high,
    )
