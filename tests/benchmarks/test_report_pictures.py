"""The pictures, as far as bytes tell."""

import struct
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from builders.bench_results import SPEED, curve, distribution, row
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.benchmarks.report.axes import nines, number
from rayconteur.benchmarks.report.findings import Chart, Finding
from rayconteur.benchmarks.report.labels import spread
from rayconteur.benchmarks.report.line_styles import styles
from rayconteur.benchmarks.report.plots import Picture, pictures

SIDES = ("ours, packed", "ours, dedicated", "bare, the limit", "langgraph", "autogen-core")


def texts(picture: Picture) -> list[str]:
    """What is written in it."""
    found = ElementTree.fromstring(picture.svg).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(each.itertext()).strip() for each in found]


def test_each_chart_is_one_picture_that_names_all_its_sides() -> None:
    speed = [curve(side, 1_000.0 * number, 20_000.0, 50_000.0) for number, side in enumerate(SIDES, start=1)]
    delay = [distribution(side, 1.0, 2.0, 3.0, 9.0) for side in SIDES]
    found: list[Finding] = [row(), *speed, *delay]

    first, second = pictures(found)

    assert (first.name, second.name) == ("throughput-tokens-per-second", "throughput-first-token")
    assert {"Tokens per second", "sessions", "tokens per second", "10,000", *SIDES} <= set(texts(first))
    assert {"First token", "percentile", "ms", "50 %", "90 %", "99 %", "99.9 %", *SIDES} <= set(texts(second))


def test_the_same_findings_make_the_same_bytes() -> None:
    found: list[Finding] = [curve("ours", 1.0, 5.0), curve("langgraph", 2.0, 3.0), distribution("ours", 1.0, 2.0)]

    assert pictures(found) == pictures(found)


def test_a_picture_tells_no_time() -> None:
    [picture] = pictures([curve("ours", 1.0, 5.0)])

    assert "date" not in picture.svg.lower()
    assert b"Software" not in picture.png


def test_a_png_is_twice_as_wide_as_it_is_shown() -> None:
    [picture] = pictures([curve("ours", 1.0, 5.0)])

    assert struct.unpack(">II", picture.png[16:24]) == (1_600, 920)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("values", [(0.0, 0.0), (0.0, 5.0), (7.0, 7.0), (7.0,), (1e-6, 1e9)])
def test_any_figures_can_be_drawn(scale: str, values: tuple[float, ...]) -> None:
    chart = Chart("Speed", "sessions", "KB", "log", "log" if scale == "log" else "linear")

    [picture] = pictures([curve("ours", *values, chart=chart)])

    can_be_shown = scale == "linear" or any(values)
    assert ("ours" in texts(picture)) == can_be_shown
    assert ("no place on this scale" in picture.svg) == (scale == "log" and 0.0 in values)


def test_a_side_looks_the_same_in_all_pictures_and_ours_like_none_of_the_others() -> None:
    looks = styles(SIDES)

    ours = {looks[side].colour for side in SIDES if side.startswith("ours")}
    others = [looks[side].colour for side in SIDES if not side.startswith("ours")]
    assert len(ours) == 1
    assert len({*others, *ours}) == len(others) + 1
    assert looks["ours, packed"].dash != looks["ours, dedicated"].dash
    assert all(looks["ours, packed"].width > looks[side].width for side in SIDES if not side.startswith("ours"))


def test_every_nine_takes_as_much_room() -> None:
    steps = [round(nines(b) - nines(a), 9) for a, b in pairwise((0.0, 90.0, 99.0, 99.9))]

    assert steps == [1.0, 1.0, 1.0]


def test_ticks_part_thousands() -> None:
    assert [number(value) for value in (0.05, 1.0, 2.5, 150.0, 5_000.0, 1e6)] == [
        "0.05",
        "1",
        "2.5",
        "150",
        "5,000",
        "1,000,000",
    ]


@given(wanted=st.lists(st.floats(-50, 450), max_size=12), heights=st.lists(st.sampled_from([14.0, 28.0]), min_size=12))
def test_labels_keep_their_order_and_do_not_overlap(wanted: list[float], heights: list[float]) -> None:
    taken = heights[: len(wanted)]

    placed = spread(sorted(wanted), taken, 0.0, 400.0)

    tops = [middle + height / 2 for middle, height in zip(placed, taken, strict=True)]
    bottoms = [middle - height / 2 for middle, height in zip(placed, taken, strict=True)]
    assert all(below <= above + 1e-6 for below, above in zip(tops, bottoms[1:], strict=False))
    assert all(bottom >= -1e-6 for bottom in bottoms)
    assert all(top <= 400.0 + 1e-6 for top in tops)


def test_a_label_that_has_room_stands_where_its_line_ends() -> None:
    assert spread([100.0, 200.0], [14.0, 14.0], 0.0, 400.0) == [100.0, 200.0]


def test_charts_of_one_name_in_two_programs_are_two_pictures() -> None:
    mine = curve("ours", 1.0)
    other = type(mine)(SPEED, "ours", mine.x, mine.y, program="memory")

    assert [picture.program for picture in pictures([mine, other])] == ["throughput", "memory"]
