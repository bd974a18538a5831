"""Findings: what programs print, a line of JSON each, and what reports are made of."""

from typing import Literal

import msgspec

from .rows import Row, Sample

Scale = Literal["linear", "log"]


class Chart(msgspec.Struct, frozen=True):
    """A picture that curves or distributions are drawn into: those that name the same chart, together."""

    name: str
    x_name: str
    y_name: str
    x_scale: Scale = "log"
    y_scale: Scale = "log"


class Curve(msgspec.Struct, frozen=True, tag_field="kind", tag="curve"):
    """What *side* does over x: a sample at each of *x*.

    The names of this runtime's own sides begin with "ours", or are those of its crowds; the least that anything takes
    has "limit" in its name, or is "bare".
    *program* is added by the runner.
    """

    chart: Chart
    side: str
    x: tuple[float, ...]
    y: tuple[Sample, ...]
    program: str = ""


class Distribution(msgspec.Struct, frozen=True, tag_field="kind", tag="distribution"):
    """How something that happened many times was spread: pairs of a percentile, 0 to 100, and its value.

    Of *side* and *program* a curve tells.
    """

    chart: Chart
    side: str
    percentiles: tuple[tuple[float, float], ...]
    program: str = ""


Finding = Row | Curve | Distribution


def line(finding: Finding) -> str:
    """*finding* as a line of JSON, a row's verdict included."""
    plain = finding.plain() if isinstance(finding, Row) else finding
    return msgspec.json.encode(plain).decode()
