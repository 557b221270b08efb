"""What moves the score, in sentences first: facts about purchases and how satisfied those are whom they touched."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.templatetags.components import percent
from dashboards import charts
from dashboards.charts.canvas import Axis, nice_ticks
from insights.circumstances import Effect, Group

IN_SENTENCES = 5
IN_CHART = 12
MINUS = "\u2212"


@dataclass(frozen=True)
class EffectRow:
    """A fact, with and without it. `verdict` says only whether there is a difference, which way the figures show."""

    label: str
    customers: int
    touched: str
    having: str
    without: str
    difference: str
    range: str
    satisfied: str
    satisfied_without: str
    share_range: str
    answers: int
    is_demonstrated: bool


@dataclass(frozen=True)
class Effects:
    """What facts go with. Nothing demonstrated: neither headline nor chart."""

    headline: str
    sentences: list[str]
    chart: SafeString | str
    rows: list[EffectRow]


def write_effects(effects: Sequence[Effect]) -> Effects:
    """The headline is what costs most; the sentences are the most important either way."""
    shown = [effect for effect in effects if effect.is_demonstrated]
    costliest = next((effect for effect in shown if effect.lowers), None)
    return Effects(
        headline=in_short(costliest) if costliest else "",
        sentences=[sentence(effect) for effect in shown[:IN_SENTENCES]],
        chart=effects_chart(shown[:IN_CHART]),
        rows=[effect_row(effect) for effect in effects],
    )


# --- Words -----------------------------------------------------------------------------------------------------------
def label_of(effect: Effect) -> str:
    if effect.kind == "category":
        return _("Category: %(name)s") % {"name": effect.code}
    return {
        ("late", "late"): _("Delivery later than promised"),
        ("days", "to_3"): _("Delivery within 3 days"),
        ("days", "to_7"): _("Delivery in 4 to 7 days"),
        ("days", "to_14"): _("Delivery in 8 to 14 days"),
        ("days", "to_28"): _("Delivery in 15 to 28 days"),
        ("days", "over_28"): _("Delivery after more than 28 days"),
        ("refund", "refund"): _("Money given back"),
        ("complaint", "complaint"): _("A complaint before the answer"),
        ("repeat", "repeat"): _("A further purchase, not the first"),
    }.get((effect.kind, effect.code), effect.code)


def in_short(effect: Effect) -> str:
    return _("%(fact)s goes with %(points)s points of five less.") % {
        "fact": label_of(effect),
        "points": points(abs(effect.difference)),
    }


def sentence(effect: Effect) -> str:
    """One sentence with its figures. It says that two things go together, never that one makes the other."""
    text = (
        _("%(fact)s goes with %(points)s points of five less: %(having)s instead of %(without)s (between %(low)s and %(high)s less), and touched %(share)s of customers.")  # noqa: E501
        if effect.lowers
        else _("%(fact)s goes with %(points)s points of five more: %(having)s instead of %(without)s (between %(low)s and %(high)s more), and touched %(share)s of customers.")  # noqa: E501
    )  # fmt: skip
    nearest, farthest = sorted(effect.interval, key=abs)
    return text % {
        "fact": label_of(effect),
        "points": points(abs(effect.difference)),
        "having": points(effect.having.mean),
        "without": points(effect.without.mean),
        "low": points(abs(nearest)),
        "high": points(abs(farthest)),
        "share": percent(effect.touched),
    }


def effect_row(effect: Effect) -> EffectRow:
    low, high = effect.interval
    return EffectRow(
        label=label_of(effect),
        customers=effect.customers,
        touched=percent(effect.touched),
        having=mean_of(effect.having),
        without=mean_of(effect.without),
        difference=signed(effect.difference),
        range=_("%(low)s to %(high)s") % {"low": signed(low), "high": signed(high)},
        satisfied=percent(effect.having.share),
        satisfied_without=percent(effect.without.share),
        share_range=signed_points(effect.share_difference, effect.share_interval),
        answers=effect.having.answers,
        is_demonstrated=effect.is_demonstrated,
    )


def mean_of(group: Group) -> str:
    return points(group.mean)


def points(value: float) -> str:
    """«2,1»: of five, to a tenth, as finer would pretend to know more."""
    return number_format(tenths(value), 1)


def signed(value: float) -> str:
    return f"{MINUS if tenths(value) < 0 else '+'}{points(abs(value))}"


def tenths(value: float) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)


def signed_points(difference: float, interval: tuple[float, float]) -> str:
    """Percentage points of satisfied customers with their interval."""
    said = [f"{MINUS if value < 0 else '+'}{abs(round(100 * value))}" for value in (difference, *interval)]
    return _("%(difference)s points (%(low)s to %(high)s)") % dict(
        zip(("difference", "low", "high"), said, strict=True)
    )


# --- Chart -----------------------------------------------------------------------------------------------------------
def effects_chart(effects: Sequence[Effect]) -> SafeString | str:
    if not effects:
        return ""
    reach = [bound for effect in effects for bound in effect.interval]
    ticks = tuple(nice_ticks(min([0.0, *reach]), max([0.0, *reach]), 4))
    return charts.dot_and_whisker(
        charts.Caption(
            "effects",
            _("Points of five that go with each fact"),
            _("Left of zero less satisfied, right of it more. The table below has every figure."),
        ),
        [
            charts.Whisker(
                label_of(effect),
                value=effect.difference,
                low=effect.interval[0],
                high=effect.interval[1],
                tone="improve" if effect.lowers else "keep",
            )
            for effect in effects
        ],
        axis=Axis(ticks[0], ticks[-1], ticks, lambda value: signed(value) if value else "0"),
    )
