"""Plots: their texts, styles and reproducibility."""

import struct
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from builders.bench_results import SPEED, curve, distribution, row
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.benchmarks.report.axes import nines, tick_text
from rayconteur.benchmarks.report.findings import Chart, Finding
from rayconteur.benchmarks.report.labels import non_overlapping
from rayconteur.benchmarks.report.line_styles import line_styles
from rayconteur.benchmarks.report.plots import Plot, draw_plots

SIDES = ("ours, packed", "ours, dedicated", "bare, the limit", "langgraph", "autogen-core")


def texts(plot: Plot) -> list[str]:
    """The texts in *plot*."""
    elements = ElementTree.fromstring(plot.svg).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(each.itertext()).strip() for each in elements]


def test_each_chart_is_one_plot_that_labels_all_its_sides() -> None:
    curves = [curve(side, 1_000.0 * number, 20_000.0, 50_000.0) for number, side in enumerate(SIDES, start=1)]
    distributions = [distribution(side, 1.0, 2.0, 3.0, 9.0) for side in SIDES]
    findings: list[Finding] = [row(), *curves, *distributions]

    first, second = draw_plots(findings)

    assert (first.name, second.name) == ("throughput-tokens-per-second", "throughput-first-token")
    assert {"Tokens per second", "sessions", "tokens per second", "10,000", *SIDES} <= set(texts(first))
    assert {"First token", "percentile", "ms", "50 %", "90 %", "99 %", "99.9 %", *SIDES} <= set(texts(second))


def test_the_same_findings_make_the_same_bytes() -> None:
    findings: list[Finding] = [curve("ours", 1.0, 5.0), curve("langgraph", 2.0, 3.0), distribution("ours", 1.0, 2.0)]

    assert draw_plots(findings) == draw_plots(findings)


def test_a_plot_contains_no_date() -> None:
    [plot] = draw_plots([curve("ours", 1.0, 5.0)])

    assert "date" not in plot.svg.lower()
    assert b"Software" not in plot.png


def test_a_png_has_twice_the_pixels_of_its_size() -> None:
    [plot] = draw_plots([curve("ours", 1.0, 5.0)])

    assert struct.unpack(">II", plot.png[16:24]) == (1_600, 920)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("values", [(0.0, 0.0), (0.0, 5.0), (7.0, 7.0), (7.0,), (1e-6, 1e9)])
def test_any_figures_can_be_drawn(scale: str, values: tuple[float, ...]) -> None:
    chart = Chart("Speed", "sessions", "KB", "log", "log" if scale == "log" else "linear")

    [plot] = draw_plots([curve("ours", *values, chart=chart)])

    is_shown = scale == "linear" or any(values)
    assert ("ours" in texts(plot)) == is_shown
    assert ("no place on this scale" in plot.svg) == (scale == "log" and 0.0 in values)


def test_each_side_has_one_style_and_ours_differs_from_all_others() -> None:
    styles = line_styles(SIDES)

    ours = {styles[side].colour for side in SIDES if side.startswith("ours")}
    others = [styles[side].colour for side in SIDES if not side.startswith("ours")]
    assert len(ours) == 1
    assert len({*others, *ours}) == len(others) + 1
    assert styles["ours, packed"].dash != styles["ours, dedicated"].dash
    assert all(styles["ours, packed"].width > styles[side].width for side in SIDES if not side.startswith("ours"))


def test_90_99_and_999_percent_are_equally_far_apart() -> None:
    steps = [round(nines(b) - nines(a), 9) for a, b in pairwise((0.0, 90.0, 99.0, 99.9))]

    assert steps == [1.0, 1.0, 1.0]


def test_ticks_separate_thousands() -> None:
    assert [tick_text(value) for value in (0.05, 1.0, 2.5, 150.0, 5_000.0, 1e6)] == [
        "0.05",
        "1",
        "2.5",
        "150",
        "5,000",
        "1,000,000",
    ]


@given(wanted=st.lists(st.floats(-50, 450), max_size=12), heights=st.lists(st.sampled_from([14.0, 28.0]), min_size=12))
def test_labels_keep_their_order_and_do_not_overlap(wanted: list[float], heights: list[float]) -> None:
    used = heights[: len(wanted)]

    centres = non_overlapping(sorted(wanted), used, 0.0, 400.0)

    tops = [middle + height / 2 for middle, height in zip(centres, used, strict=True)]
    bottoms = [middle - height / 2 for middle, height in zip(centres, used, strict=True)]
    assert all(below <= above + 1e-6 for below, above in zip(tops, bottoms[1:], strict=False))
    assert all(bottom >= -1e-6 for bottom in bottoms)
    assert all(top <= 400.0 + 1e-6 for top in tops)


def test_a_label_with_room_stays_at_the_end_of_its_line() -> None:
    assert non_overlapping([100.0, 200.0], [14.0, 14.0], 0.0, 400.0) == [100.0, 200.0]


def test_charts_of_one_name_in_two_benchmarks_are_two_plots() -> None:
    mine = curve("ours", 1.0)
    other = type(mine)(SPEED, "ours", mine.x, mine.y, program="memory")

    assert [plot.program for plot in draw_plots([mine, other])] == ["throughput", "memory"]
