"""Charts that compare rows: figures with their interval, and counts from the most to the least."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.templatetags.components import percent
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
    span,
    text,
    text_width,
    whisker,
    wrapped,
)

EDGE = 14  # room for half a tick label at both ends
LINE_HEIGHT = 16
EN_SPACE = "\u2002"  # an ordinary one would be lost at the end of a tspan

Tone = Literal["keep", "improve", "plain", "undecided"]


@dataclass(frozen=True)
class Whisker:
    """A row of a board: a figure with its interval, or `state` («aún no concluyente») where there is none to show."""

    label: Text
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    tone: Tone = "undecided"
    state: Text = ""


def dot_and_whisker(
    caption: Caption, rows: Sequence[Whisker], *, axis: Axis = PERCENT, reference: Reference | None = None
) -> SafeString:
    scale = Scale(axis.low, axis.high, EDGE, WIDTH - EDGE)
    drawn, y = ([_reference_name(reference)], 20.0) if reference else ([], 0.0)
    for row in rows:
        part, y = _whisker_row(row, y, scale, axis, reference)
        drawn.append(part)
    drawn += [_tick(scale(tick), y, axis.spoken(tick)) for tick in axis.ticks]
    return drawing(caption, WIDTH, y + LINE_HEIGHT + 6, *drawn, css="chart-board")


def _whisker_row(
    row: Whisker, top: float, scale: Scale, axis: Axis, reference: Reference | None
) -> tuple[SafeString, float]:
    """The row drawn below `top`, and where it ends."""
    figure = axis.spoken(row.value) if row.value is not None else str(row.state)
    count = _("n %(count)s") % {"count": row.n} if row.n is not None and row.value is not None else ""
    words = _row_words(row, figure, count, top)
    y = top + (len(words) - 1) * LINE_HEIGHT + 12
    drawn = [line(scale.start, y, scale.end, y, "track")]
    if axis.low < 0 < axis.high:
        drawn.append(line(scale(0), y - 6, scale(0), y + 6, "grid zero"))
    if reference:
        drawn.append(line(scale(reference.value), y - 6, scale(reference.value), y + 6, "reference-line"))
    if row.low is not None and row.high is not None:
        drawn.append(whisker(scale, row.low, row.high, y))
    if row.value is not None:
        drawn.append(dot(scale(row.value), y, row.tone))
    return group(f"tone-{row.tone}", _spoken_row(row, figure, count, axis), *words, *drawn), y + 14


def _row_words(row: Whisker, figure: str, count: str, top: float) -> list[SafeString]:
    """The figure at the right and the label in its lines, so one element more than lines."""
    said = [span(f"{count}{EN_SPACE}", "small muted")] if count else []
    said.append(span(figure, "muted" if row.value is None else "strong"))
    lines = wrapped(row.label, WIDTH - 2 * EDGE - text_width(f"{count}  {figure}"))
    return [
        element("text", {"class": "end", "x": WIDTH - EDGE, "y": top + LINE_HEIGHT}, *said),
        *(text(EDGE, top + (i + 1) * LINE_HEIGHT, words) for i, words in enumerate(lines)),
    ]


def _spoken_row(row: Whisker, figure: str, count: str, axis: Axis) -> str:
    between = ""
    if row.low is not None and row.high is not None:
        between = _("between %(low)s and %(high)s") % {"low": axis.spoken(row.low), "high": axis.spoken(row.high)}
    return f"{row.label}: " + ", ".join(filter(None, [figure, between, count]))


def _tick(x: float, y: float, label: str) -> SafeString:
    return element(
        "g", {"class": "tick"}, line(x, y, x, y + 4, "grid zero"), text(x, y + 16, label, "small muted", "middle")
    )


def _reference_name(reference: Reference) -> SafeString:
    """What the mark on each row stands for, above them all."""
    name_starts = WIDTH - EDGE - text_width(reference.label, SMALL_FONT_SIZE)
    return element(
        "g",
        {"class": "reference"},
        line(name_starts - 7, 1, name_starts - 7, 15, "reference-line"),
        text(WIDTH - EDGE, 12, reference.label, "small muted", "end"),
    )


@dataclass(frozen=True)
class Bar:
    """How often something was said; `share` is of the answers, and with several choices each they may sum above 1."""

    label: Text
    count: int
    share: float | None = None


def bars_in_order(caption: Caption, bars: Sequence[Bar], *, tone: Tone = "plain") -> SafeString:
    """In the order given, which means something by itself: ages, for example."""
    scale = Scale(0, max((bar.count for bar in bars), default=0) or 1, 0, WIDTH)
    drawn, y = [], 0.0
    for bar in bars:
        part, y = _bar_row(bar, y, scale)
        drawn.append(part)
    return drawing(caption, WIDTH, max(y, LINE_HEIGHT), *drawn, css=f"chart-bars tone-{tone}")


def _bar_row(bar: Bar, top: float, scale: Scale) -> tuple[SafeString, float]:
    share = f" · {percent(bar.share)}" if bar.share is not None else ""
    lines = wrapped(bar.label, WIDTH - text_width(f"{bar.count}{share}  "))
    words = [text(0, top + (i + 1) * LINE_HEIGHT, words) for i, words in enumerate(lines)]
    y = top + len(lines) * LINE_HEIGHT + 6
    count = text(WIDTH, top + LINE_HEIGHT, f"{bar.count}{share}", "strong", "end")
    body = element("rect", {"class": "bar-body", "x": 0, "y": y, "width": scale(bar.count), "height": 7})
    return group("row", f"{bar.label}: {bar.count}{share}", *words, count, body), y + 14
