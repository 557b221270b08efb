import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.colour import PAPER_DARK, PAPER_LIGHT, contrast, ink_on, readable_on

TOKENS = Path("static/css/tokens.css").read_text()
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.478),
        ("#767676", "#ffffff", 4.542),
        ("#ff0000", "#ffffff", 3.998),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.001)


@pytest.mark.parametrize("colour", ["red", "#fff", "#1234567", "#12345g", "#123456;}body{}", ""])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(ValueError, match="not a colour"):
        contrast(colour, "#ffffff")


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    assert readable_on(PAPER_LIGHT, "#1F6F54") == "#1f6f54"


def test_a_pale_colour_darkens_only_as_far_as_it_must() -> None:
    corrected = readable_on(PAPER_LIGHT, "#ffb000")

    assert corrected == "#996a00"
    assert 4.5 <= contrast(corrected, PAPER_LIGHT) < 4.6


@given(COLOURS, st.sampled_from([PAPER_LIGHT, PAPER_DARK]))
def test_every_colour_becomes_readable_and_so_does_the_text_on_it(colour: str, paper: str) -> None:
    corrected = readable_on(paper, colour)

    assert contrast(corrected, paper) >= 4.5
    assert contrast(ink_on(corrected), corrected) >= 4.5


def test_paper_is_the_same_in_the_style_sheet() -> None:
    assert (token("paper", 0), token("paper", 1)) == (PAPER_LIGHT, PAPER_DARK)


@pytest.mark.parametrize("name", ["ink", "ink-muted", "quote", "keep", "improve", "alarm", "accent"])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_colour_of_the_language_can_be_read_on_paper(name: str, theme: int) -> None:
    for background in ("paper", "sheet"):
        assert contrast(token(name, theme), token(background, theme)) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_edge_of_a_field_can_be_seen(theme: int) -> None:
    assert contrast(token("control", theme), token("paper", theme)) >= 3


def token(name: str, theme: int) -> str:
    """What the screen shows for a token; theme 0 is light, 1 dark."""
    found = re.search(rf"--{name}: light-dark\(oklch\((.+?)\), oklch\((.+?)\)\)", TOKENS)
    assert found, name
    lightness, chroma, hue = found.group(theme + 1).split()
    return oklch_to_hex(float(lightness.rstrip("%")) / 100, float(chroma), math.radians(float(hue)))


def oklch_to_hex(lightness: float, chroma: float, hue: float) -> str:
    """CSS Color 4, 10.2 and 18: OKLCh to sRGB by Björn Ottosson's matrices."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * encode(min(max(channel, 0), 1))):02x}" for channel in linear)


def encode(channel: float) -> float:
    return 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055
