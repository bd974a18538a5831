"""Findings: what benchmarks print, one JSON object per line, and what reports are made from."""

from typing import Literal

import msgspec

from .rows import Row, Sample

Scale = Literal["linear", "log"]


class Chart(msgspec.Struct, frozen=True):
    """The axes of a plot. Curves and distributions that name the same chart are drawn into the same plot."""

    name: str
    x_name: str
    y_name: str
    x_scale: Scale = "log"
    y_scale: Scale = "log"


class Curve(msgspec.Struct, frozen=True, tag_field="kind", tag="curve"):
    """The measurements of *side* over x: one sample for each value of *x*.

    Sides of this runtime begin with "ours" or are named by its adapters; the lower bound of any implementation has
    "limit" in its name or is "bare". The runner sets *program*.
    """

    chart: Chart
    side: str
    x: tuple[float, ...]
    y: tuple[Sample, ...]
    program: str = ""


class Distribution(msgspec.Struct, frozen=True, tag_field="kind", tag="distribution"):
    """The distribution of a repeated event: pairs of a percentile, 0 to 100, and its value.

    *side* and *program* are as for a curve.
    """

    chart: Chart
    side: str
    percentiles: tuple[tuple[float, float], ...]
    program: str = ""


Finding = Row | Curve | Distribution


def json_line(finding: Finding) -> str:
    """*finding* as a line of JSON; a row's line includes its verdict."""
    plain = finding.plain() if isinstance(finding, Row) else finding
    return msgspec.json.encode(plain).decode()
