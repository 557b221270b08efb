"""What a machine has read minute by minute, over a day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboards.charts.canvas import (
    SMALL_FONT_SIZE,
    WIDTH,
    Caption,
    Reference,
    Scale,
    Text,
    drawing,
    element,
    line,
    nice_ticks,
    polyline,
    spaced,
    text,
    text_width,
)

TOP, BOTTOM = 24, 110


@dataclass(frozen=True)
class Moment:
    """None: nobody looked then, which is drawn as a gap. Most moments need no `label` below the axis."""

    value: float | None
    label: Text = ""


def over_hours(
    caption: Caption,
    moments: Sequence[Moment],
    *,
    spoken: Callable[[float], str],
    unit: float = 1,
    limit: Reference | None = None,
) -> SafeString:
    """A line from zero on, ticks at round numbers of `unit`. The limit is drawn where it comes into sight."""
    known = [moment.value for moment in moments if moment.value is not None]
    most = max(known, default=0)
    if spoken(most) == spoken(0):
        most = unit
    ticks = [unit * tick for tick in nice_ticks(0, most / unit, 3)]
    if len({spoken(tick) for tick in ticks}) < len(ticks):  # of half a second the words know nothing
        ticks = [unit * tick for tick in range(ceil(most / unit) + 1)]
    left = max(text_width(spoken(tick), SMALL_FONT_SIZE) for tick in ticks) + 6
    x, y = Scale(0, len(moments) - 1, left, WIDTH - 4), Scale(0, ticks[-1], BOTTOM, TOP)
    parts = [
        element(
            "g",
            {"class": "tick"},
            line(left, y(tick), WIDTH - 4, y(tick), "grid zero" if tick == 0 else "grid"),
            text(left - 6, y(tick) + 4, spoken(tick), "small muted", "end"),
        )
        for tick in ticks
    ]
    if limit and limit.value <= ticks[-1]:
        parts.append(line(left, y(limit.value), WIDTH - 4, y(limit.value), "reference-line"))
        parts.append(text(WIDTH - 4, y(limit.value) - 5, limit.label, "small muted", "end"))
    parts += [polyline(run, "trend") for run in _runs(moments, x, y)]
    parts += _labels(moments, x)
    if not known:
        parts.append(text(WIDTH / 2, (TOP + BOTTOM) / 2, _("Nobody has looked yet"), "muted", "middle"))
    return drawing(caption, WIDTH, BOTTOM + 22, *parts, css="chart-hours")


def _runs(moments: Sequence[Moment], x: Scale, y: Scale) -> list[list[tuple[float, float]]]:
    """From gap to gap; one moment alone is a short stroke."""
    runs = []
    for is_known, members in groupby(enumerate(moments), key=lambda each: each[1].value is not None):
        if is_known:
            run = [(x(place), y(moment.value or 0)) for place, moment in members]
            runs.append(run if len(run) > 1 else [(run[0][0] - 1, run[0][1]), (run[0][0] + 1, run[0][1])])
    return runs


def _labels(moments: Sequence[Moment], x: Scale) -> list[SafeString]:
    named = [(x(place), str(moment.label)) for place, moment in enumerate(moments) if moment.label]
    widest = max((text_width(label, SMALL_FONT_SIZE) for _place, label in named), default=0)
    parts = []
    for index in spaced([place for place, _label in named], widest + 6):
        place, label = named[index]
        middle = min(max(place, widest / 2), WIDTH - widest / 2)
        parts.append(text(middle, BOTTOM + 16, label, "small muted", "middle"))
    return parts
