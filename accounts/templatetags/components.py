"""What components need beyond HTML: shares in the reader's format, and two drawings too small for a chart."""

from decimal import ROUND_HALF_UP, Decimal

from django import template
from django.utils.formats import localize
from django.utils.translation import pgettext

register = template.Library()

Share = float | Decimal


@register.filter
def percent(share: Share | None) -> str:
    """0.964 → «96 %» (es), “96%” (en). No figure is a dash, never 0 %."""
    # Translators: a share, such as 96%. Spanish puts a no-break space before the sign.
    return "—" if share is None else pgettext("share", "%(number)s%%") % {"number": _whole(share)}


@register.simple_tag
def percent_range(low: Share, high: Share) -> str:
    """0.84 and 0.9 → «84–90 %»."""
    return pgettext("share", "%(number)s%%") % {"number": f"{_whole(low)}–{_whole(high)}"}


@register.inclusion_tag("components/interval.html")
def interval(
    value: Share, low: Share, high: Share, *, label: str, reference: Share | None = None, tone: str = ""
) -> dict[str, object]:
    """Draw a share with its interval on the way from 0 to 1; `reference` is a mark to compare with, say the programme.

    `label` says the same in words. `tone` is "", "keep" or "improve".
    """
    positions = {"value": value, "low": low, "high": high, "reference": reference}
    return {"label": label, "tone": tone} | {
        name: None if share is None else _position(share) for name, share in positions.items()
    }


@register.inclusion_tag("components/bar.html")
def bar(share: Share, *, tone: str = "") -> dict[str, str]:
    """Draw a share of the longest bar, 0 to 1. The number stands beside it as text, so the drawing is silent."""
    return {"width": _position(share), "tone": tone}


def _whole(share: Share) -> str:
    return localize((Decimal(str(share)) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _position(share: Share) -> str:
    """A share as an SVG length: always with a point, whatever the reader's language."""
    return f"{min(max(float(share), 0), 1) * 100:.1f}%"
