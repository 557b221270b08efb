"""Colours of a tenant made readable: WCAG 2.2 contrast, without Django."""

import re

PAPER_LIGHT = "#fbfaf6"  # --paper of static/css/tokens.css, as the screen shows it
PAPER_DARK = "#101418"
TEXT_CONTRAST = 4.5  # WCAG 2.2, 1.4.3 Contrast (Minimum)
STEPS = 100

Rgb = tuple[float, float, float]
BLACK: Rgb = (0, 0, 0)
WHITE: Rgb = (1, 1, 1)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two `#rrggbb` colours, 1 to 21."""
    darker, lighter = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (lighter + 0.05) / (darker + 0.05)


def readable_on(background: str, colour: str, *, ratio: float = TEXT_CONTRAST) -> str:
    """The colour nearest to `colour` on its way to black or white that can be read on `background`."""
    target = BLACK if _luminance(_rgb(background)) > _MIDDLE else WHITE
    mixes = (_hex(_mix(_rgb(colour), target, step / STEPS)) for step in range(STEPS + 1))
    return next((mix for mix in mixes if contrast(mix, background) >= ratio), _hex(target))


def ink_on(background: str) -> str:
    """Black or white, whichever reads better on `background`."""
    return max(_hex(BLACK), _hex(WHITE), key=lambda ink: contrast(ink, background))


_MIDDLE = 0.1791  # the luminance on which black and white read equally well: sqrt(1.05 * 0.05) - 0.05


def _rgb(colour: str) -> Rgb:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ValueError(f"not a colour of the form #rrggbb: {colour!r}")
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _hex(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in rgb)


def _mix(colour: Rgb, target: Rgb, share: float) -> Rgb:
    red, green, blue = (c + (t - c) * share for c, t in zip(colour, target, strict=True))
    return red, green, blue


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
