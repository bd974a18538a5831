"""Plots: each chart of a result, as SVG that is identical for identical findings, and as PNG."""

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import matplotlib as mpl
import msgspec
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .axes import nines, set_measured_axis, set_percentile_axis, set_value_axis
from .findings import Chart, Curve, Distribution, Finding
from .labels import Label, label_lines
from .line_styles import FAINT, INK, MUTED, LineStyle, line_styles

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType  # since 3.11

_INCHES = (8.0, 4.6)
_PNG_DPI = 200
_LETTER_WIDTH = 0.0094
"""The width of a label's letter, as a share of the plot's."""

_MAX_LABEL_CHARS = 28
_MAX_TITLE_CHARS = 78
_RC_PARAMS: "dict[RcKeyType, object]" = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 9.5,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
    "svg.hashsalt": "rayconteur",  # ids are random without it
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
}


class Plot(msgspec.Struct, frozen=True):
    """The *chart* of the benchmark *program*, drawn; *name* is the stem of its files."""

    program: str
    chart: Chart
    name: str
    svg: str
    png: bytes


Line = Curve | Distribution


def draw_plots(findings: Iterable[Finding]) -> list[Plot]:
    """One plot for each chart of each benchmark, in the order of *findings*. A side has the same style in all."""
    lines = [finding for finding in findings if isinstance(finding, Curve | Distribution)]
    styles = line_styles(line.side for line in lines)
    charts: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        charts.setdefault((line.program, line.chart.name), []).append(line)
    return [_plot(each, styles) for each in charts.values()]


def _plot(lines: Sequence[Line], styles: dict[str, LineStyle]) -> Plot:
    program, chart = lines[0].program, lines[0].chart
    with mpl.rc_context(_RC_PARAMS):
        figure = _draw_figure(chart, lines, styles)
        svg, png = BytesIO(), BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        figure.savefig(png, format="png", dpi=_PNG_DPI, metadata={"Software": None})
    name = re.sub(r"[^a-z0-9]+", "-", f"{program} {chart.name}".lower()).strip("-")
    return Plot(program, chart, name, svg.getvalue().decode(), png.getvalue())


def _draw_figure(chart: Chart, lines: Sequence[Line], styles: dict[str, LineStyle]) -> Figure:
    figure = Figure(figsize=_INCHES, facecolor="white")
    FigureCanvasAgg(figure)
    title = textwrap.wrap(chart.name, _MAX_TITLE_CHARS) or [""]
    longest = min(_MAX_LABEL_CHARS, max(len(line.side) for line in lines))
    right, top = 0.955 - longest * _LETTER_WIDTH, 0.885 - 0.05 * len(title)
    axes = figure.add_axes((0.095, 0.135, right - 0.095, top - 0.135))
    figure.text(0.025, 0.965, "\n".join(title), va="top", fontsize=12, fontweight="bold")
    figure.text(0.025, top + 0.04, chart.y_name, va="bottom", color=MUTED)
    labels = [_draw_line(axes, line, styles[line.side]) for line in lines]
    _set_up_axes(axes, chart, lines)
    label_lines(axes, [label for label in labels if label], _MAX_LABEL_CHARS)
    figure.text(0.025, 0.025, _footnote(chart, lines), color=MUTED, fontsize=8)
    return figure


def _footnote(chart: Chart, lines: Sequence[Line]) -> str:
    """How to read the plot."""
    samples = [y for line in lines if isinstance(line, Curve) for y in line.y]
    medians = [y.median for y in samples]
    medians += [value for line in lines if isinstance(line, Distribution) for _, value in line.percentiles]
    notes = ["Lines: medians. Bands: from quartile to quartile."] if any(len(y.values) > 1 for y in samples) else []
    if chart.y_scale == "log" and min(medians, default=1) <= 0:
        notes.append("Zeros have no place on this scale.")
    return " ".join(notes)


def _draw_line(axes: Axes, line: Line, style: LineStyle) -> Label | None:
    """Draw *line*, and return its label; ``None`` if no point of it can be shown."""
    match line:
        case Curve(x=x, y=samples):
            positions, values = list(x), [sample.median for sample in samples]
            low, high = [sample.low for sample in samples], [sample.high for sample in samples]
            axes.fill_between(positions, low, high, color=style.colour, alpha=0.16, linewidth=0, zorder=style.z_order)
            marker = style.marker
        case Distribution(percentiles=pairs):
            positions, values = [nines(percentile) for percentile, _ in pairs], [value for _, value in pairs]
            marker = ""
    if line.chart.y_scale == "log":
        values = [value if value > 0 else math.nan for value in values]
    shown = [point for point in zip(positions, values, strict=True) if not math.isnan(point[1])]
    if not shown:
        return None
    axes.plot(
        positions,
        values,
        color=style.colour,
        linestyle=style.dash,
        linewidth=style.width,
        marker=marker,
        markersize=5,
        markeredgecolor="white" if marker != "|" else style.colour,
        markeredgewidth=0.8,
        zorder=style.z_order + 5,
        clip_on=False,
    )
    return Label(line.side, *shown[-1], style)


def _set_up_axes(axes: Axes, chart: Chart, lines: Sequence[Line]) -> None:
    curves = [line for line in lines if isinstance(line, Curve)]
    distributions = [line for line in lines if isinstance(line, Distribution)]
    values = [value for line in curves for y in line.y for value in (y.low, y.high)]
    values += [value for line in distributions for _, value in line.percentiles]
    if distributions:
        set_percentile_axis(axes, max(percentile for line in distributions for percentile, _ in line.percentiles))
    else:
        set_measured_axis(axes, [x for line in curves for x in line.x], chart.x_scale)
    set_value_axis(axes, values, chart.y_scale)
    axes.set_xlabel(chart.x_name, loc="right")
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=6)
    axes.spines[["top", "right", "left"]].set_visible(False)
