"""Charts are read back as XML: what is drawn where, in which words, and nothing that the page's policy refuses."""

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from dashboards import charts
from dashboards.charts.canvas import Box, Scale, nice_ticks, place_labels, spaced, wrapped, zoomed
from dashboards.charts.plots import answer_ticks, apart
from insights.statistics import wilson_interval

CAPTION = charts.Caption("board", "Tablero", "Qué dicen tus clientes")
STYLESHEET = Path(__file__).parents[2] / "static" / "css" / "charts.css"


@pytest.fixture(autouse=True)
def _in_english():
    with override("en"):
        yield


def whisker(label="Precio", successes=17, n=31, tone="improve"):
    low, high = wilson_interval(successes, n)
    return charts.Whisker(label, successes / n, low, high, n, tone)


def driver(label="Precio", performance=0.5, weight=0.2, reach=0.05):
    return charts.Driver(
        label, performance, performance - reach, performance + reach, weight, max(0, weight - reach), weight + reach
    )


def trend(*periods):
    """(estimate, n) each, with a band of ±10 points where there are answers."""
    return [
        charts.TrendPoint(f"m{i}", n, value, *((value - 0.1, value + 0.1, value) if n else ()))
        for i, (value, n) in enumerate(periods)
    ]


def every_chart(label="Precio"):
    caption = charts.Caption("every", label, label)
    reference = charts.Reference(0.82, label)
    return {
        "board": charts.dot_and_whisker(
            caption, [whisker(label), charts.Whisker(label, state=label)], reference=reference
        ),
        "nps": charts.dot_and_whisker(caption, [charts.Whisker(label, -12, -40, 16, 22)], axis=charts.NPS),
        "bars": charts.bars_in_order(caption, [charts.Bar(label, 38, 0.4), charts.Bar(label, 2)]),
        "trend": charts.line_with_band(caption, [charts.TrendPoint(label, 9, 0.8, 0.7, 0.9, 0.8)], reference=reference),
        "spark": charts.sparkline([1, None, 3], label=label),
        "funnel": charts.funnel_plot(caption, [charts.FunnelPoint(label, 15, 25)], reference=0.8),
        "matrix": charts.importance_performance(caption, [driver(label)], mean_performance=0.7, even_weight=0.5),
    }


def read(svg):
    assert isinstance(svg, SafeString)
    return ElementTree.fromstring(svg)


def found(root, css):
    """Elements that have all these classes."""
    return [e for e in root.iter() if set(css.split()) <= set(e.get("class", "").split())]


def words(root):
    return ["".join(e.itertext()) for e in root.iter("text")]


# --- What holds for every chart --------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", every_chart().keys())
def test_a_chart_is_an_image_with_a_name_and_scales(name):
    root = read(every_chart()[name])

    assert root.tag == "svg"
    assert root.get("role") == "img"
    assert re.fullmatch(r"0 0 \d+ \d+(\.\d+)?", root.get("viewBox"))
    assert root.get("width") is None
    assert root[0].tag == "title"
    assert root[0].text == "Precio"


def test_title_and_description_are_found_by_ids_made_from_the_key():
    root = read(charts.dot_and_whisker(CAPTION, [whisker()]))

    named = {e.get("id"): e.text for e in root if e.get("id")}
    assert named == {"board-title": "Tablero", "board-desc": "Qué dicen tus clientes"}
    assert root.get("aria-labelledby") == "board-title"
    assert root.get("aria-describedby") == "board-desc"


@pytest.mark.parametrize("name", every_chart().keys())
def test_a_chart_has_neither_style_nor_colour_nor_script(name):
    attributes = {key for e in read(every_chart()[name]).iter() for key in e.attrib}

    assert not attributes & {"style", "fill", "stroke", "font-size", "opacity", "onclick", "onload", "href"}


@pytest.mark.parametrize("name", every_chart().keys())
@pytest.mark.parametrize("make", [str, mark_safe])
def test_names_are_escaped_even_if_called_safe(name, make):
    hostile = make('<script>alert("1")</script>&\'"')

    svg = every_chart(hostile)[name]

    assert "<script" not in svg
    assert read(svg)[0].text == hostile


@pytest.mark.parametrize("language", ["es", "en"])
def test_places_are_written_with_a_point_in_every_language(language):
    with override(language):
        for svg in every_chart().values():
            for e in read(svg).iter():
                for key in {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"} & set(e.attrib):
                    float(e.get(key))


def test_every_class_drawn_is_known_to_the_stylesheet():
    known = set(re.findall(r"\.([a-z][a-z-]*)", STYLESHEET.read_text()))
    drawn = {css for svg in every_chart().values() for e in read(svg).iter() for css in e.get("class", "").split()}

    structural = {
        "chart-board",
        "chart-bars",
        "chart-trend",
        "chart-plot",
        "tick",
        "row",
        "point",
        "reference",
        "inner",
        "tone-plain",
    }
    assert drawn - structural <= known


@given(st.text(max_size=60))
def test_any_text_makes_a_chart(label):
    for svg in every_chart(label).values():
        assert svg.startswith("<svg ")
        assert svg.endswith("</svg>")


# --- Board -----------------------------------------------------------------------------------------------------------
def test_board_draws_the_figure_on_its_interval():
    root = read(charts.dot_and_whisker(CAPTION, [charts.Whisker("Precio", 0.5, 0.25, 0.75, 40, "keep")]))
    (track,), (dot,), (interval,) = found(root, "track"), found(root, "dot"), found(root, "whisker")
    start, end = float(track.get("x1")), float(track.get("x2"))

    assert float(dot.get("cx")) == (start + end) / 2
    low, high = (float(x) for x in re.fullmatch(r"M([\d.]+) [\d.]+v8m0-4H([\d.]+)m0-4v8", interval.get("d")).groups())
    assert low == start + (end - start) / 4
    assert high == start + 3 * (end - start) / 4


def test_board_says_label_n_and_figure():
    root = read(charts.dot_and_whisker(CAPTION, [charts.Whisker("Precio", 0.5, 0.25, 0.75, 40, "keep")]))

    assert words(root) == ["n 40\u200250%", "Precio", "0%", "25%", "50%", "75%", "100%"]
    (row,) = found(root, "tone-keep")
    assert row.find("title").text == "Precio: 50%, between 25% and 75%, n 40"


def test_board_marks_differ_in_shape():
    rows = [whisker(tone=tone) for tone in ("keep", "improve", "undecided")]
    keep, improve, undecided = found(read(charts.dot_and_whisker(CAPTION, rows)), "dot")

    assert (keep.tag, keep.get("class")) == ("circle", "dot")
    assert (improve.tag, improve.get("class")) == ("path", "dot")
    assert (undecided.tag, undecided.get("class")) == ("circle", "dot hollow")


def test_board_row_without_a_figure_says_why_and_draws_none():
    root = read(charts.dot_and_whisker(CAPTION, [charts.Whisker("Devoluciones", n=4, state="menos de 5 respuestas")]))

    assert words(root)[:2] == ["menos de 5 respuestas", "Devoluciones"]
    assert found(root, "dot") == found(root, "whisker") == []
    assert "n 4" not in "".join(root.itertext())


def test_board_marks_the_reference_on_each_row():
    reference = charts.Reference(0.5, "programa 50 %")
    root = read(charts.dot_and_whisker(CAPTION, [whisker(), whisker()], reference=reference))

    name, *marks = [float(e.get("x1")) for e in found(root, "reference-line")]
    assert marks == [170, 170]
    assert name != 170
    assert "programa 50 %" in words(root)


def test_board_of_nps_has_a_zero_and_a_minus():
    root = read(charts.dot_and_whisker(CAPTION, [charts.Whisker("NPS", -12.5, -40, 16, 22)], axis=charts.NPS))

    assert words(root)[0] == "n 22\u2002−13"
    assert words(root)[2:] == ["−100", "−50", "0", "50", "100"]
    assert float(found(root, "zero")[0].get("x1")) == 170


def test_board_wraps_long_labels_and_grows():
    short, long = (
        float(read(charts.dot_and_whisker(CAPTION, [whisker(label)])).get("viewBox").split()[3])
        for label in ("Precio", "Entrega o activación del pedido en el plazo que se prometió al vender")
    )

    assert long == short + 16


# --- Trend -----------------------------------------------------------------------------------------------------------
def test_trend_is_dashed_over_months_without_answers():
    root = read(charts.line_with_band(CAPTION, trend((0.8, 9), (0.7, 9), (0.7, 0), (0.7, 0), (0.9, 9), (0.9, 9))))

    lines = [(e.get("class"), len(e.get("points").split())) for e in found(root, "trend")]
    assert lines == [("trend", 2), ("trend dashed", 4), ("trend", 2)]
    assert [len(e.get("points").split()) for e in found(root, "band")] == [4, 4]
    assert len(found(root, "raw")) == 4


def test_trend_bridges_a_month_without_even_an_estimate():
    root = read(charts.line_with_band(CAPTION, trend((0.8, 9), (None, 0), (0.9, 9))))

    (bridge,) = found(root, "trend")
    assert bridge.get("class") == "trend dashed"
    assert len(found(root, "band-alone")) == 2
    assert found(root, "band") == []


def test_trend_never_falls_to_zero_for_want_of_answers():
    root = read(charts.line_with_band(CAPTION, trend((0.8, 9), (0.8, 0), (0.8, 9))))

    heights = {point.split(",")[1] for e in found(root, "trend") for point in e.get("points").split()}
    assert len(heights) == 1


def test_trend_says_the_last_value_and_each_n():
    root = read(charts.line_with_band(CAPTION, trend((0.8, 9), (0.75, 12))))

    assert [e.text for e in found(root, "strong")] == ["75%"]
    assert words(root)[-4:] == ["m0", "n 9", "m1", "n 12"]


def test_trend_names_its_reference():
    root = read(
        charts.line_with_band(CAPTION, trend((0.8, 9), (0.75, 12)), reference=charts.Reference(0.4, "programa"))
    )

    assert "programa" in words(root)
    across, sample = found(root, "reference-line")
    assert float(across.get("x2")) - float(across.get("x1")) > 200
    assert float(sample.get("y1")) < 10


def test_trend_of_nothing_says_so():
    assert "No answers yet" in words(read(charts.line_with_band(CAPTION, [])))
    assert "No answers yet" in words(read(charts.line_with_band(CAPTION, trend((None, 0), (None, 0)))))


def test_trend_labels_what_has_room():
    root = read(charts.line_with_band(CAPTION, trend(*[(0.8, 100 + i) for i in range(36)])))
    labels = [e for e in found(root, "small middle") if e.text.startswith("m")]

    places = [float(e.get("x")) for e in labels]
    assert all(right - left >= 30 for left, right in pairwise(places))
    assert labels[-1].text == "m35"
    assert 5 <= len(labels) < 36


def test_sparkline_dashes_over_gaps_and_ends_in_a_dot():
    root = read(charts.sparkline([1, 2, None, 3], label="de 1 a 3"))

    assert [e.get("class") for e in found(root, "trend")] == ["trend", "trend dashed"]
    (dot,) = found(root, "dot")
    assert (dot.get("cx"), dot.get("cy")) == ("77", "3")


@pytest.mark.parametrize("values", [[], [None], [5], [5, 5, 5]])
def test_sparkline_of_little_is_still_drawn(values):
    root = read(charts.sparkline(values, label="x"))

    assert len(found(root, "dot")) == (5 in values)


# --- Funnel ----------------------------------------------------------------------------------------------------------
def funnel(*points, **options):
    return read(charts.funnel_plot(CAPTION, [charts.FunnelPoint(*point) for point in points], **options))


def test_funnel_shapes_follow_the_exact_verdict():
    root = funnel(("Bruno", 15, 25), ("Ana", 20, 25), ("Carla", 99, 100), ("Nadie", 0, 0), reference=0.8)

    tooltips = {e.find("title").text: e.get("class") for e in root.iter("g") if e.find("title") is not None}
    assert tooltips == {
        "Bruno: 60%, n 25": "tone-improve",
        "Ana: 80%, n 25": "tone-undecided",
        "Carla: 99%, n 100": "tone-keep",
    }
    assert {"Bruno", "Carla"} <= set(words(root))
    assert "Ana" not in words(root)


def test_funnel_names_whom_it_is_told_to():
    root = funnel(("Ana", 20, 25, True), reference=0.8)

    assert "Ana" in words(root)
    assert len(found(root, "named")) == 1


def test_funnel_with_the_affiliates_own_spread_judges_more_gently():
    assert found(funnel(("Bruno", 15, 25), reference=0.8), "tone-improve")
    assert not found(funnel(("Bruno", 15, 25), reference=0.8, strength=20), "tone-improve")


def test_funnel_lines_close_in_on_the_programme():
    root = funnel(("Ana", 160, 200), reference=0.8)

    middle = float(found(root, "reference-line")[0].get("y1"))
    for curve in found(root, "limit"):
        distances = [abs(float(point.split(",")[1]) - middle) for point in curve.get("points").split()]
        assert all(later <= earlier + 0.02 for earlier, later in pairwise(distances))
    assert words(root)[-1] == "answers"
    assert {"80%", "95%", "99.8%"} <= set(words(root))


def test_funnel_gives_no_verdict_on_fewer_than_20_answers():
    assert not found(funnel(("Bruno", 2, 19), reference=0.8), "tone-improve")
    assert found(funnel(("Bruno", 2, 20), reference=0.8), "tone-improve")


def test_funnel_points_that_stand_out_lead_to_their_page():
    points = [charts.FunnelPoint("Bruno", 2, 25, url="/b/"), charts.FunnelPoint("Ana", 20, 25, url="/a/")]
    root = read(charts.funnel_plot(CAPTION, points, reference=0.8))

    assert [(a.get("href"), a.get("tabindex")) for a in root.iter("a")] == [("/b/", "-1")]


def test_funnel_of_a_thousand_names_only_those_that_stand_out_farthest_and_stays_small():
    points = [charts.FunnelPoint(f"Afiliada {i}", 80 + i % 3, 100, url=f"/a/{i}/") for i in range(970)]
    points += [charts.FunnelPoint(f"Lejana {i}", 20 + i, 100, url=f"/l/{i}/") for i in range(30)]

    svg = charts.funnel_plot(CAPTION, points, reference=0.8, width=720)

    root = read(svg)
    assert [word for word in words(root) if "jana" in word] == [f"Lejana {i}" for i in range(12)]
    assert not [word for word in words(root) if "Afiliada" in word]
    (crowd,) = found(root, "crowd")
    assert crowd.get("d").count("M") == 970
    assert len(list(root.iter("a"))) == 30
    assert len(svg) < 30_000


def test_funnel_speaks_the_readers_language():
    with override("es"):
        assert any(label.startswith("99,8") for label in words(funnel(("Ana", 160, 200), reference=0.8)))


def test_funnel_of_nobody_is_still_drawn():
    assert found(funnel(reference=0.8), "dot") == []


# --- Importance and performance --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("performance", "weight", "field", "tone"),
    [
        (0.4, 0.8, "Improve first", "tone-improve"),
        (0.9, 0.8, "Keep up", "tone-keep"),
        (0.4, 0.1, "Low priority", "tone-undecided"),
        (0.9, 0.1, "Possible excess", "tone-undecided"),
        (0.72, 0.8, "undecided", "tone-undecided"),
        (0.4, 0.52, "undecided", "tone-undecided"),
    ],
)
def test_matrix_places_an_aspect_in_its_field(performance, weight, field, tone):
    drivers = [driver("Precio", performance, weight), driver("Otro", 0.7, 0.5)]
    root = read(charts.importance_performance(CAPTION, drivers, mean_performance=0.7, even_weight=1 / len(drivers)))

    (precio,) = [e for e in root.iter("g") if (e.findtext("title") or "").startswith("Precio")]
    assert precio.findtext("title") == f"Precio: {performance:.0%}, {field}"
    assert precio.get("class") == tone
    assert bool(found(precio, "hollow")) == (field == "undecided")


def test_matrix_names_every_aspect_and_field():
    drivers = [driver(f"Aspecto {i}", 0.4 + i / 12, 0.1 + i / 20) for i in range(6)]
    root = read(charts.importance_performance(CAPTION, drivers, mean_performance=0.7, even_weight=1 / len(drivers)))

    assert {f"Aspecto {i}" for i in range(6)} <= set(words(root))
    assert {"Improve first", "Keep up", "Low priority", "Possible excess"} <= set(words(root))


def test_of_many_drivers_the_matrix_names_those_that_weigh_much():
    drivers = [driver(f"Aspecto {i}", 0.4 + i / 12, 0.3 if i < 2 else 0.05) for i in range(8)]
    root = read(charts.importance_performance(CAPTION, drivers, mean_performance=0.7, even_weight=0.125))

    assert {word for word in words(root) if word.startswith("Aspecto")} == {"Aspecto 0", "Aspecto 1"}
    assert len(found(root, "whisker")) == 8


def test_matrix_of_nothing_is_still_drawn():
    assert found(read(charts.importance_performance(CAPTION, [], mean_performance=0.7, even_weight=0.5)), "dot") == []


# --- Scales, ticks, labels -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.5, 1]),
        (0.62, 0.91, [0.6, 0.7, 0.8, 0.9, 1]),
        (0, 37, [0, 10, 20, 30, 40]),
        (-40, 56, [-50, 0, 50, 100]),
        (0.8, 0.8, [0.8, 0.82, 0.84, 0.86, 0.88]),
        (0, 0, [0, 0.05, 0.1]),
    ],
)
def test_nice_ticks(low, high, ticks):
    assert nice_ticks(low, high, 4) == ticks


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_nice_ticks_hold_the_values_and_are_few(low, length, count):
    ticks = nice_ticks(low, low + length, count)
    step = ticks[1] - ticks[0]

    assert ticks[0] <= low + step * 1e-6
    assert ticks[-1] >= low + length - step * 1e-6
    assert 2 <= len(ticks) <= count + 2
    assert all(right - left == pytest.approx(step) for left, right in pairwise(ticks))


def test_zoomed_stays_on_the_axis():
    assert zoomed(charts.PERCENT, [0.62, 0.97]).ticks == (0.6, 0.7, 0.8, 0.9, 1)
    assert zoomed(charts.PERCENT, [0, 1]).ticks == (0, 0.5, 1)
    assert zoomed(charts.PERCENT, [1, 1]) == charts.PERCENT
    assert zoomed(charts.PERCENT, []) == charts.PERCENT


def test_scale_maps_and_keeps_inside():
    scale = Scale(0, 1, 100, 0)

    assert [scale(value) for value in (0, 0.25, 1, 2, -1)] == [100, 75, 0, 0, 100]
    assert Scale(3, 3, 0, 100)(3) == 50


def test_spaced_keeps_the_last():
    assert spaced([0, 10, 20, 30, 40], 15) == [0, 2, 4]
    assert spaced([0, 10, 20, 30], 15) == [1, 3]
    assert spaced([], 15) == []


def test_answer_ticks_end_with_the_scale():
    ticks = answer_ticks(Scale(0, 600, 40, 294, transform=lambda n: n**0.5))

    assert ticks == [5, 50, 200, 600]


def test_apart_keeps_order_and_distance():
    assert apart([10, 12, 50], 12) == [10, 22, 50]


def test_wrapped_cuts_what_does_not_fit():
    assert wrapped("Entrega", 100) == ["Entrega"]
    assert wrapped("", 100) == [""]
    assert wrapped("uno dos tres cuatro cinco seis siete", 73) == ["uno dos", "tres…"]


def test_place_labels_avoids_dots_and_bounds():
    bounds = Box(0, 0, 200, 100)
    right = ElementTree.fromstring(place_labels([(50, 50, "aaaa")], [(50, 50)], bounds)[0])
    left = ElementTree.fromstring(place_labels([(50, 50, "aaaa")], [(50, 50), (70, 50)], bounds)[0])
    at_the_edge = ElementTree.fromstring(place_labels([(195, 50, "aaaa")], [(195, 50)], bounds)[0])

    assert float(right.get("x")) == 58
    assert float(left.get("x")) < 50
    assert float(at_the_edge.get("x")) < 195
