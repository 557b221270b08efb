"""Charts over time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboards.charts.canvas import (
    PERCENT,
    SMALL_FONT_SIZE,
    WIDTH,
    Axis,
    Caption,
    Reference,
    Scale,
    Text,
    dot,
    drawing,
    element,
    group,
    line,
    polyline,
    spaced,
    text,
    text_width,
    written,
    zoomed,
)

Place = tuple[float, float]


@dataclass(frozen=True)
class TrendPoint:
    """A period. `estimate` is the line, `low` to `high` its band, `raw` the period's own figure behind it.

    A period without answers (n = 0) may still have an estimate; the line is dashed there, and never falls to zero.
    """

    label: Text
    n: int
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    raw: float | None = None


def line_with_band(
    caption: Caption, points: Sequence[TrendPoint], *, axis: Axis = PERCENT, reference: Reference | None = None
) -> SafeString:
    known = [value for p in points for value in (p.estimate, p.low, p.high, p.raw) if value is not None]
    axis = zoomed(axis, [*known, reference.value] if reference and known else known)
    right = WIDTH - max((text_width(axis.spoken(value)) for value in known), default=0) - 10
    left = max(text_width(axis.spoken(tick), SMALL_FONT_SIZE) for tick in axis.ticks) + 6
    x, y = Scale(0, len(points) - 1, left + 10, right), Scale(axis.low, axis.high, 150, 24)
    parts = [_gridline(left, right, y(tick), axis.spoken(tick), is_zero=tick == 0 > axis.low) for tick in axis.ticks]
    if reference and known:
        parts += _reference(reference, left, right, y(reference.value))
    parts += _bands(points, x, y)
    parts += [_raw(x(i), y(p.raw), p, axis) for i, p in enumerate(points) if p.raw is not None and p.n]
    parts += _lines(points, x, y)
    parts += _last_value(points, x, y, axis)
    parts += _period_labels(points, x)
    if not known:
        parts.append(text(WIDTH / 2, 90, _("No answers yet"), "muted", "middle"))
    return drawing(caption, WIDTH, 190, *parts, css="chart-trend")


def _gridline(left: float, right: float, y: float, label: str, *, is_zero: bool) -> SafeString:
    mark = line(left, y, right, y, "grid zero" if is_zero else "grid")
    return element("g", {"class": "tick"}, mark, text(left - 6, y + 4, label, "small muted", "end"))


def _reference(reference: Reference, left: float, right: float, y: float) -> list[SafeString]:
    """The line, and above the chart, where no data is, what it stands for."""
    name_starts = right - text_width(reference.label, SMALL_FONT_SIZE)
    return [
        line(left, y, right, y, "reference-line"),
        line(name_starts - 22, 7, name_starts - 4, 7, "reference-line"),
        text(right, 11, reference.label, "small muted", "end"),
    ]


def _bands(points: Sequence[TrendPoint], x: Scale, y: Scale) -> Iterator[SafeString]:
    """A band over each run of periods with answers; over a run of one, a whisker."""
    sure = [(i, p.low, p.high) for i, p in enumerate(points) if p.n and p.low is not None and p.high is not None]
    for _run, members in groupby(enumerate(sure), key=lambda member: member[1][0] - member[0]):
        run = [(x(i), y(low), y(high)) for _position, (i, low, high) in members]
        if len(run) == 1:
            place, low, high = run[0]
            yield line(place, low, place, high, "band-alone")
        else:
            outline = [(place, high) for place, _low, high in run] + [(place, low) for place, low, _high in run[::-1]]
            yield polyline(outline, "band", "polygon")


def _raw(x: float, y: float, point: TrendPoint, axis: Axis) -> SafeString:
    figure = axis.spoken(point.raw) if point.raw is not None else ""
    circle = element("circle", {"class": "raw", "cx": x, "cy": y, "r": 2})
    return group("point", f"{point.label}: {figure}, " + _("n %(count)s") % {"count": point.n}, circle)


def _lines(points: Sequence[TrendPoint], x: Scale, y: Scale) -> Iterator[SafeString]:
    """From one estimate to the next, dashed where a period without answers lies between them or at an end."""
    known = [(i, p.estimate, p.n) for i, p in enumerate(points) if p.estimate is not None]
    steps = [
        (bool(n_a and n_b and b == a + 1), (x(a), y(from_)), (x(b), y(to)))
        for (a, from_, n_a), (b, to, n_b) in pairwise(known)
    ]
    for is_solid, run in groupby(steps, key=lambda step: step[0]):
        members = list(run)
        places: list[Place] = [members[0][1], *(end for _solid, _start, end in members)]
        yield polyline(places, "trend" if is_solid else "trend dashed")


def _last_value(points: Sequence[TrendPoint], x: Scale, y: Scale, axis: Axis) -> list[SafeString]:
    known = [(i, p.estimate, p.n) for i, p in enumerate(points) if p.estimate is not None]
    if not known:
        return []
    i, estimate, n = known[-1]
    mark = dot(x(i), y(estimate), "plain" if n else "undecided")
    return [mark, text(x(i) + 9, y(estimate) + 4, axis.spoken(estimate), "strong")]


def _period_labels(points: Sequence[TrendPoint], x: Scale) -> list[SafeString]:
    """The periods and their n below, as many as fit, the last one among them."""
    counts = [_("n %(count)s") % {"count": p.n} for p in points]
    widest = max((text_width(words, SMALL_FONT_SIZE) for p in points for words in (p.label, *counts)), default=0)
    places = [x(i) for i in range(len(points))]
    labels = []
    for i in spaced(places, widest + 6):
        middle = min(max(places[i], widest / 2), WIDTH - widest / 2)
        labels.append(text(middle, 168, points[i].label, "small", "middle"))
        labels.append(text(middle, 183, counts[i], "small muted", "middle"))
    return labels


def sparkline(values: Sequence[float | None], *, label: Text) -> SafeString:
    """A line the height of a word; None is a period without answers, dashed over. `label` says it in words."""
    known = [(i, value) for i, value in enumerate(values) if value is not None]
    x = Scale(0, len(values) - 1, 3, 77)
    y = Scale(min((v for _i, v in known), default=0), max((v for _i, v in known), default=1), 17, 3)
    places = [(i, (x(i), y(value))) for i, value in known]
    parts = [
        polyline([start, end], "trend" if b == a + 1 else "trend dashed") for (a, start), (b, end) in pairwise(places)
    ]
    if places:
        (last_x, last_y) = places[-1][1]
        parts.append(element("circle", {"class": "dot", "cx": last_x, "cy": last_y, "r": 2.5}))
    named = element("title", {}, written(label))
    return element("svg", {"class": "sparkline", "viewBox": "0 0 80 20", "role": "img"}, named, *parts)
