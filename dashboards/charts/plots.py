"""Charts of points: affiliates against what chance makes of the programme, aspects by importance and performance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

from django.utils.formats import localize
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from accounts.templatetags.components import percent
from dashboards.charts.canvas import (
    PERCENT,
    SMALL_FONT_SIZE,
    WIDTH,
    Axis,
    Box,
    Caption,
    Scale,
    Text,
    dot,
    drawing,
    element,
    group,
    line,
    nice_ticks,
    place_labels,
    polyline,
    spaced,
    text,
    text_width,
    whisker,
    wrapped,
    zoomed,
)
from insights.statistics import (
    ANSWERS_FOR_VERDICT,
    ExpectedVerdict,
    FunnelLimits,
    Quadrant,
    expected_verdict,
    funnel_limits,
    quadrant,
)

LEFT, TOP = 40, 16
NAMED_IN_MATRIX = 7  # drivers, all with their names; of more, those that weigh more than the even part
CROWD = 150  # points, from which on those that do not stand out are dots without a name
MOST_NAMES = 12
_SHAPES: dict[ExpectedVerdict, str] = {
    "well_below": "below",
    "below": "below",
    "as_expected": "undecided",
    "above": "above",
    "well_above": "above",
}
_TONES = {"below": "improve", "undecided": "undecided", "above": "keep"}
FIELD_NAMES: dict[Quadrant, Text] = {
    "improve_first": gettext_lazy("Improve first"),
    "keep": gettext_lazy("Keep up"),
    "low_priority": gettext_lazy("Low priority"),
    "possible_excess": gettext_lazy("Possible excess"),
    "undecided": gettext_lazy("undecided"),
}
_FIELD_TONES: dict[Quadrant, str] = {"improve_first": "improve", "keep": "keep"}


# --- Funnel plot -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class FunnelPoint:
    """An affiliate with `successes` among `n` answers. Names are for staff; an affiliate sees their own point alone.

    With fewer than 20 answers it has no verdict, and where that is known already it need not be worked out again.
    `url` is where a point that stands out leads.
    """

    label: Text
    successes: int
    n: int
    is_named: bool = False
    url: str = ""
    known_verdict: ExpectedVerdict | None = None

    def verdict(self, reference: float, strength: float | None) -> ExpectedVerdict:
        if self.n < ANSWERS_FOR_VERDICT:
            return "as_expected"
        return (
            self.known_verdict
            or expected_verdict(self.successes, self.n, reference, strength=strength)
            or "as_expected"
        )


def funnel_plot(
    caption: Caption,
    points: Sequence[FunnelPoint],
    *,
    reference: float,
    strength: float | None = None,
    width: int = WIDTH,
) -> SafeString:
    """Rates over numbers of answers, with the lines between which 95 and 99.8 % lie where all are like `reference`.

    The lines are for the eye; the verdict, and so shape and name, is the exact test's. With `strength` both allow for
    the affiliates' own spread.
    """
    shown = [point for point in points if point.n]
    height, bottom, right = round(width * 0.72), round(width * 0.72) - 34, width - 46
    largest = max((point.n for point in shown), default=1)
    # Many affiliates are small and a few large: by the root of n neither crowds the other out.
    x = Scale(0, max(nice_ticks(0, largest, 4)), LEFT, right, transform=sqrt)
    ends = funnel_limits(largest, reference, strength=strength)
    axis = zoomed(PERCENT, [p.successes / p.n for p in shown] + [reference, 0.999, *(ends.outer if ends else ())])
    y = Scale(axis.low, axis.high, bottom, TOP)
    parts = [
        *_frame(x, y, answer_ticks(x), axis, localize),
        *_funnel(x, y, reference, strength),
        *_funnel_points(shown, x, y, reference, strength),
        text(right, height - 3, pgettext("axis", "answers"), "small muted", "end"),
    ]
    return drawing(caption, width, height, *parts, css=_size_class(width))


def answer_ticks(x: Scale) -> list[int]:
    """1, 2, 5, 10 … as many as have room, up to the scale's end."""
    series = [f * 10**power for power in range(7) for f in (1, 2, 5) if f * 10**power < x.high]
    ticks = [*series, round(x.high)]
    return [ticks[i] for i in spaced([x(tick) for tick in ticks], 44)]


def _funnel(x: Scale, y: Scale, reference: float, strength: float | None) -> list[SafeString]:
    steps = [n for i in range(1, 61) if (n := round(x.high * (i / 60) ** 2)) > 0]
    limits = [(n, limit) for n in dict.fromkeys(steps) if (limit := funnel_limits(n, reference, strength=strength))]
    curves = {
        name: [
            [(x(n), y(value)) for n, limit in limits if y.low <= (value := getattr(limit, name)[side]) <= y.high]
            for side in (0, 1)
        ]
        for name in ("inner", "outer")
    }
    drawn = [line(LEFT, y(reference), x.end, y(reference), "reference-line")]
    drawn += [polyline(curve, f"limit {name}") for name, pair in curves.items() for curve in pair]
    widest = funnel_limits(round(x.high), reference, strength=strength)
    return drawn + (_funnel_labels(x.end + 4, reference, widest, y) if widest else [])


def _funnel_labels(x: float, reference: float, ends: FunnelLimits, y: Scale) -> list[SafeString]:
    """What the lines are, where they end: the programme, 95 % and 99.8 %."""
    labels = [percent(reference), _precise_percent(0.95), _precise_percent(0.998)]
    heights = apart([y(reference), y(ends.inner[0]), y(ends.outer[0])], 12)
    return [
        text(x, height + 4, label, css)
        for height, label, css in zip(heights, labels, ("small strong", "small muted", "small muted"), strict=True)
    ]


def _precise_percent(share: float) -> str:
    return pgettext("share", "%(number)s%%") % {"number": localize(Decimal(str(share * 100)).normalize())}


def apart(heights: Sequence[float], least: float) -> list[float]:
    """These heights, top first, pushed down until `least` lies between neighbours."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + least) if placed else height)
    return placed


def _funnel_points(
    points: Sequence[FunnelPoint], x: Scale, y: Scale, reference: float, strength: float | None
) -> list[SafeString]:
    places = [(x(point.n), y(point.successes / point.n)) for point in points]
    shapes = [_SHAPES[point.verdict(reference, strength)] for point in points]
    is_crowded = len(points) > CROWD
    ordinary = [shape == "undecided" and not p.is_named for p, shape in zip(points, shapes, strict=True)]
    drawn = [
        _funnel_point(point, place, shape)
        for point, place, shape, is_ordinary in zip(points, places, shapes, ordinary, strict=True)
        if not (is_ordinary and is_crowded)
    ]
    crowd = [place for place, is_ordinary in zip(places, ordinary, strict=True) if is_ordinary and is_crowded]
    labels = [
        (*places[i], wrapped(points[i].label, 110, SMALL_FONT_SIZE, 1)[0])
        for i in _whom_to_name(points, ordinary, reference)
    ]
    # Names first: where they must cover a point, the point stays visible.
    bounds = Box(LEFT, 0, x.end + 44, y.start)
    return [*_crowd(crowd), *place_labels(labels, [] if is_crowded else places, bounds), *drawn]


def _funnel_point(point: FunnelPoint, place: tuple[float, float], shape: str) -> SafeString:
    tooltip = f"{point.label}: {percent(point.successes / point.n)}, " + _("n %(count)s") % {"count": point.n}
    mark = group(f"tone-{_TONES[shape]}" + (" named" if point.is_named else ""), tooltip, dot(*place, shape))
    # Whoever goes by the keyboard takes the table, which has all of them in order.
    return element("a", {"href": point.url, "tabindex": "-1"}, mark) if point.url and shape != "undecided" else mark


def _whom_to_name(points: Sequence[FunnelPoint], ordinary: Sequence[bool], reference: float) -> list[int]:
    """Those that stand out farthest, as far as names have room."""

    def distance(i: int) -> float:
        point = points[i]
        return abs(point.successes / point.n - reference) * sqrt(point.n)

    candidates = sorted((i for i in range(len(points)) if not ordinary[i]), key=distance, reverse=True)
    return sorted(candidates[:MOST_NAMES])


def _crowd(places: Sequence[tuple[float, float]]) -> list[SafeString]:
    """Hundreds that do not stand out, as one path of dots."""
    marks = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)
    return [element("path", {"class": "crowd", "d": marks})] if marks else []


# --- Importance and performance --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Driver:
    """An aspect: the affiliate's own performance with its interval, and its weight in the whole programme.

    Weights are shares of all weights, 0 to 1, and so is performance.
    """

    label: Text
    performance: float
    low: float
    high: float
    weight: float
    weight_low: float
    weight_high: float


def importance_performance(
    caption: Caption, drivers: Sequence[Driver], *, mean_performance: float, even_weight: float, width: int = WIDTH
) -> SafeString:
    """Four fields cut by the programme's mean performance and the even weight; undecided aspects are hollow."""
    height = round(width * 0.85)
    x_axis = zoomed(PERCENT, [value for d in drivers for value in (d.low, d.high)] + [mean_performance])
    y_axis = zoomed(Axis(0, 1, (0, 0.5, 1), percent), [0.0, even_weight * 1.5, *(d.weight for d in drivers)])
    x, y = Scale(x_axis.low, x_axis.high, LEFT, width - 14), Scale(0, y_axis.high, height - 34, TOP)
    corners = _corners(x, y)
    dots = [(x(d.performance), y(d.weight)) for d in drivers]
    # Of many, those that weigh little crowd the foot: their names are in the tooltips and the table.
    labels = [
        (*place, wrapped(d.label, 200, SMALL_FONT_SIZE, 1)[0])
        for place, d in zip(dots, drivers, strict=True)
        if d.weight >= even_weight or len(drivers) <= NAMED_IN_MATRIX
    ]
    taken = [Box(left, top - 11, right, top + 3) for left, right, top, _words, _anchor in corners]
    taken += [Box(x(d.low), height - 4, x(d.high), height + 4) for (_x, height), d in zip(dots, drivers, strict=True)]
    parts = [
        *_frame(x, y, x_axis.ticks, y_axis, x_axis.spoken),
        line(x(mean_performance), y.end, x(mean_performance), y.start, "reference-line"),
        line(x.start, y(even_weight), x.end, y(even_weight), "reference-line"),
        *(
            text(right if anchor == "end" else left, top, words, "small muted quadrant", anchor)
            for left, right, top, words, anchor in corners
        ),
        *place_labels(
            labels, dots, Box(x.start, 0, x.end + 12, y.start), taken=taken, sides=("above", "below", "right", "left")
        ),
        *(_driver(d, place, x, mean_performance, even_weight) for place, d in zip(dots, drivers, strict=True)),
        text(LEFT, 9, _("relative weight"), "small muted"),
        text(x.end, height - 3, pgettext("share who say so", "in favour"), "small muted", "end"),
    ]
    return drawing(caption, width, height, *parts, css=_size_class(width))


def _driver(
    driver: Driver, place: tuple[float, float], x: Scale, mean_performance: float, even_weight: float
) -> SafeString:
    field = quadrant(
        (driver.low, driver.high),
        (driver.weight_low, driver.weight_high),
        performance_cut=mean_performance,
        weight_cut=even_weight,
    )
    tooltip = f"{driver.label}: {percent(driver.performance)}, {FIELD_NAMES[field]}"
    css = f"tone-{_FIELD_TONES.get(field, 'undecided')}"
    shape = _FIELD_TONES.get(field, "undecided" if field == "undecided" else "plain")
    return group(css, tooltip, whisker(x, driver.low, driver.high, place[1]), dot(*place, shape))


def _corners(x: Scale, y: Scale) -> list[tuple[float, float, float, Text, str]]:
    """(left, right, baseline, words, anchor) of the four fields' names."""
    fields: list[tuple[Quadrant, float, str]] = [
        ("improve_first", y.end + 12, ""),
        ("keep", y.end + 12, "end"),
        ("low_priority", y.start - 6, ""),
        ("possible_excess", y.start - 6, "end"),
    ]
    corners = []
    for field, baseline, anchor in fields:
        words = FIELD_NAMES[field]
        room = text_width(words, SMALL_FONT_SIZE)
        left = x.end - room if anchor else x.start + 4
        corners.append((left, left + room, baseline, words, anchor))
    return corners


# --- Both ------------------------------------------------------------------------------------------------------------
def _frame(
    x: Scale, y: Scale, x_ticks: Sequence[float], y_axis: Axis, spoken: Callable[[float], str]
) -> list[SafeString]:
    """Grid and tick labels; `spoken` writes the values of x."""
    across = [
        element(
            "g",
            {"class": "tick"},
            line(x.start, y(tick), x.end, y(tick), "grid"),
            text(x.start - 6, y(tick) + 4, y_axis.spoken(tick), "small muted", "end"),
        )
        for tick in y_axis.ticks
    ]
    down = [
        element(
            "g",
            {"class": "tick"},
            line(x(tick), y.start, x(tick), y.start + 4, "grid zero"),
            text(x(tick), y.start + 16, spoken(tick), "small muted", "middle"),
        )
        for tick in x_ticks
    ]
    return across + down


def _size_class(width: int) -> str:
    return "chart-plot wide" if width > WIDTH else "chart-plot"
