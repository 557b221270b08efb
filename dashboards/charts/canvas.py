"""What all charts share: axes and scales, ticks, elements, text that fits."""

import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from accounts.templatetags.components import percent
from insights.statistics import display_nps

Text = str | Promise
Attribute = str | float | None

WIDTH = 340
FONT_SIZE = 13
SMALL_FONT_SIZE = 11
# Of a sans-serif letter to its size, rather too wide than too narrow: the face is the reader's.
LETTER_WIDTH = 0.56


# --- What a chart is told --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Caption:
    """What a chart is, in words. `key` must be unique on the page: element ids are made from it."""

    key: str
    title: Text
    description: Text


@dataclass(frozen=True)
class Reference:
    """A line to compare with, and its name: 0.82, «programa 82 %»."""

    value: float
    label: Text


@dataclass(frozen=True)
class Axis:
    """Ends and ticks of a figure's scale, and how its values are written."""

    low: float
    high: float
    ticks: tuple[float, ...]
    spoken: Callable[[float], str]


def points_of_nps(score: float) -> str:
    return str(display_nps(score)).replace("-", "−")


PERCENT = Axis(0, 1, (0, 0.25, 0.5, 0.75, 1), percent)
NPS = Axis(-100, 100, (-100, -50, 0, 50, 100), points_of_nps)


def zoomed(axis: Axis, values: Sequence[float]) -> Axis:
    """The part of an axis that holds these values, from tick to tick; the whole where there are none."""
    if not values:
        return axis
    ticks = nice_ticks(max(axis.low, min(values)), min(axis.high, max(values)), 4)
    inside = tuple(tick for tick in ticks if axis.low <= tick <= axis.high)
    return Axis(inside[0], inside[-1], inside, axis.spoken) if len(inside) > 1 else axis


# --- Scales and ticks ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Scale:
    """From values to places; what lies outside is drawn on the edge."""

    low: float
    high: float
    start: float
    end: float
    transform: Callable[[float], float] = float

    def __call__(self, value: float) -> float:
        low, high = self.transform(self.low), self.transform(self.high)
        share = (self.transform(value) - low) / (high - low) if high > low else 0.5
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers, a step of 1, 2 or 5 apart, from at or below `low` to at or above `high`."""
    if high <= low:
        high = low + (abs(low) or 1) * 0.1
    rough = (high - low) / count
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(step for factor in (1, 2, 5, 10) if (step := factor * magnitude) >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = max(0, -math.floor(math.log10(step)))
    return [round(index * step, digits) for index in range(first, last + 1)]


def spaced(places: Sequence[float], least: float) -> list[int]:
    """Which of these places, left to right, can carry a label `least` wide; the last one always does."""
    kept: list[int] = []
    for index in range(len(places) - 1, -1, -1):
        if not kept or places[kept[-1]] - places[index] >= least:
            kept.append(index)
    return kept[::-1]


# --- Elements --------------------------------------------------------------------------------------------------------
def element(name: str, attributes: Mapping[str, Attribute], *content: SafeString) -> SafeString:
    """One element; attributes are escaped, those that are None left out, places written with two decimals at most."""
    written = "".join(
        f' {key}="{escape(_number(value) if isinstance(value, int | float) else value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(content)
    return mark_safe(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")  # noqa: S308 - escaped above


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:g}" if abs(value) < 10_000 else str(round(value))


def written(text: Text) -> SafeString:
    """Escaped, even if somebody already called it safe: names and labels are people's."""
    return escape(str(text))


def text(x: float, y: float, content: Text, css: str = "", anchor: str = "") -> SafeString:
    """`anchor` is "", "middle" or "end", and becomes a class: where the text lies about x."""
    classes = f"{css} {anchor}".strip()
    return element("text", {"class": classes or None, "x": x, "y": y}, written(content))


def span(content: Text, css: str) -> SafeString:
    """A part of a text in a voice of its own."""
    return element("tspan", {"class": css}, written(content))


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> SafeString:
    return element("line", {"class": css, "x1": x1, "y1": y1, "x2": x2, "y2": y2})


def polyline(points: Iterable[tuple[float, float]], css: str, name: str = "polyline") -> SafeString:
    return element(name, {"class": css, "points": " ".join(f"{_number(x)},{_number(y)}" for x, y in points)})


def group(css: str, tooltip: Text, *content: SafeString) -> SafeString:
    return element("g", {"class": css}, element("title", {}, written(tooltip)), *content)


def dot(x: float, y: float, shape: str) -> SafeString:
    """A mark whose shape says what its colour says: keep and plain ●, improve ◆, above ▲, below ▼, undecided ○."""
    path = _SHAPES.get(shape)
    if path is None:
        return element("circle", {"class": "dot hollow" if shape == "undecided" else "dot", "cx": x, "cy": y, "r": 4})
    return element("path", {"class": "dot", "d": path, "transform": f"translate({_number(x)} {_number(y)})"})


_SHAPES = {"improve": "M0-5.5 5.5 0 0 5.5-5.5 0Z", "above": "M0-5.5 5 4H-5Z", "below": "M0 5.5-5-4H5Z"}


def whisker(scale: Scale, low: float, high: float, y: float) -> SafeString:
    start, end = scale(low), scale(high)
    return element("path", {"class": "whisker", "d": f"M{_number(start)} {y - 4:g}v8m0-4H{_number(end)}m0-4v8"})


def drawing(caption: Caption, width: float, height: float, *content: SafeString, css: str = "") -> SafeString:
    """The SVG itself. Its title and description name it to those who do not see it."""
    title, description = f"{caption.key}-title", f"{caption.key}-desc"
    attributes = {
        "class": f"chart {css}".strip(),
        "viewBox": f"0 0 {_number(width)} {_number(height)}",
        "role": "img",
        "aria-labelledby": title,
        "aria-describedby": description,
    }
    named = (
        element("title", {"id": title}, written(caption.title)),
        element("desc", {"id": description}, written(caption.description)),
    )
    return element("svg", attributes, *named, *content)


# --- Text that fits --------------------------------------------------------------------------------------------------
def text_width(content: Text, size: float = FONT_SIZE) -> float:
    return len(str(content)) * size * LETTER_WIDTH


def wrapped(content: Text, width: float, size: float = FONT_SIZE, lines: int = 2) -> list[str]:
    """At most `lines` lines of this width, the last one cut with «…»; the whole is in the tooltip and the table."""
    letters = max(4, int(width / (size * LETTER_WIDTH)))
    return textwrap.wrap(str(content), letters, max_lines=lines, placeholder="…") or [""]


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: "Box") -> float:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, across) * max(0.0, down)

    def inside(self, other: "Box") -> bool:
        return (
            other.left <= self.left and self.right <= other.right
            and other.top <= self.top and self.bottom <= other.bottom
        )  # fmt: skip


def place_labels(
    labels: Sequence[tuple[float, float, str]],
    dots: Sequence[tuple[float, float]],
    bounds: Box,
    *,
    taken: Sequence[Box] = (),
    sides: Sequence[str] = ("right", "left", "above", "below"),
) -> list[SafeString]:
    """A small label beside each dot, where it covers the least of the other dots, labels and what is `taken`."""
    occupied = [*taken, *(Box(x - 5, y - 5, x + 5, y + 5) for x, y in dots)]
    placed = []
    for x, y, label in labels:
        places = [_label_box(x, y, text_width(label, SMALL_FONT_SIZE), side, bounds) for side in sides]
        fitting = [place for place in places if place.inside(bounds)] or places[:1]
        best = min(fitting, key=lambda place: sum(place.overlap(other) for other in occupied))
        occupied.append(best)
        placed.append(text(best.left, best.bottom - 3, label, "small"))
    return placed


def _label_box(x: float, y: float, width: float, side: str, bounds: Box) -> Box:
    centred = max(bounds.left, min(x - width / 2, bounds.right - width))
    left = {"right": x + 8, "left": x - 8 - width}.get(side, centred)
    top = {"above": y - 20, "below": y + 6}.get(side, y - 7)
    return Box(left, top, left + width, top + 14)
