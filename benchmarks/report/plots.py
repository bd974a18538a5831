"""Pictures: each chart of a result drawn, as SVG that is the same for the same findings, and as PNG."""

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

from .axes import measured_axis, nines, percentile_axis, value_axis
from .findings import Chart, Curve, Distribution, Finding
from .labels import Label, label_lines
from .line_styles import FAINT, INK, QUIET, Style, styles

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType  # since 3.11

_INCHES = (8.0, 4.6)
_PNG_DPI = 200
_LETTER = 0.0094
"""The width of a label's letter, as part of the picture's."""

_LONGEST_LABEL = 28
_TITLE_CHARS = 78
_LOOKS: "dict[RcKeyType, object]" = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 9.5,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
    "svg.hashsalt": "rayconteur",  # else ids are random
    "axes.edgecolor": QUIET,
    "axes.labelcolor": QUIET,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "text.color": INK,
}


class Picture(msgspec.Struct, frozen=True):
    """*chart* of *program*, drawn; *name* is that of its files."""

    program: str
    chart: Chart
    name: str
    svg: str
    png: bytes


Line = Curve | Distribution


def pictures(findings: Iterable[Finding]) -> list[Picture]:
    """One for each chart of each program, in the order in which they were found. A side looks the same in all."""
    lines = [finding for finding in findings if isinstance(finding, Curve | Distribution)]
    looks = styles(line.side for line in lines)
    charts: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        charts.setdefault((line.program, line.chart.name), []).append(line)
    return [_picture(each, looks) for each in charts.values()]


def _picture(lines: Sequence[Line], looks: dict[str, Style]) -> Picture:
    program, chart = lines[0].program, lines[0].chart
    with mpl.rc_context(_LOOKS):
        figure = _drawn(chart, lines, looks)
        svg, png = BytesIO(), BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        figure.savefig(png, format="png", dpi=_PNG_DPI, metadata={"Software": None})
    name = re.sub(r"[^a-z0-9]+", "-", f"{program} {chart.name}".lower()).strip("-")
    return Picture(program, chart, name, svg.getvalue().decode(), png.getvalue())


def _drawn(chart: Chart, lines: Sequence[Line], looks: dict[str, Style]) -> Figure:
    figure = Figure(figsize=_INCHES, facecolor="white")
    FigureCanvasAgg(figure)
    title = textwrap.wrap(chart.name, _TITLE_CHARS) or [""]
    longest = min(_LONGEST_LABEL, max(len(line.side) for line in lines))
    right, top = 0.955 - longest * _LETTER, 0.885 - 0.05 * len(title)
    axes = figure.add_axes((0.095, 0.135, right - 0.095, top - 0.135))
    figure.text(0.025, 0.965, "\n".join(title), va="top", fontsize=12, fontweight="bold")
    figure.text(0.025, top + 0.04, chart.y_name, va="bottom", color=QUIET)
    labels = [_draw(axes, line, looks[line.side]) for line in lines]
    _arrange(axes, chart, lines)
    label_lines(axes, [label for label in labels if label], _LONGEST_LABEL)
    figure.text(0.025, 0.025, _note(chart, lines), color=QUIET, fontsize=8)
    return figure


def _note(chart: Chart, lines: Sequence[Line]) -> str:
    """What one must know to read the picture."""
    samples = [y for line in lines if isinstance(line, Curve) for y in line.y]
    medians = [y.median for y in samples]
    medians += [value for line in lines if isinstance(line, Distribution) for _, value in line.percentiles]
    notes = ["Lines: medians. Bands: from quartile to quartile."] if any(len(y.values) > 1 for y in samples) else []
    if chart.y_scale == "log" and min(medians, default=1) <= 0:
        notes.append("What is 0 has no place on this scale.")
    return " ".join(notes)


def _draw(axes: Axes, line: Line, style: Style) -> Label | None:
    """Draw *line*; where its label belongs."""
    match line:
        case Curve(x=x, y=samples):
            places, values = list(x), [sample.median for sample in samples]
            low, high = [sample.low for sample in samples], [sample.high for sample in samples]
            axes.fill_between(places, low, high, color=style.colour, alpha=0.16, linewidth=0, zorder=style.above)
            marker = style.marker
        case Distribution(percentiles=pairs):
            places, values = [nines(percentile) for percentile, _ in pairs], [value for _, value in pairs]
            marker = ""
    if line.chart.y_scale == "log":
        values = [value if value > 0 else math.nan for value in values]
    shown = [(place, value) for place, value in zip(places, values, strict=True) if not math.isnan(value)]
    if not shown:
        return None
    axes.plot(
        places,
        values,
        color=style.colour,
        linestyle=style.dash,
        linewidth=style.width,
        marker=marker,
        markersize=5,
        markeredgecolor="white" if marker != "|" else style.colour,
        markeredgewidth=0.8,
        zorder=style.above + 5,
        clip_on=False,
    )
    return Label(line.side, *shown[-1], style)


def _arrange(axes: Axes, chart: Chart, lines: Sequence[Line]) -> None:
    curves = [line for line in lines if isinstance(line, Curve)]
    spreads = [line for line in lines if isinstance(line, Distribution)]
    values = [value for line in curves for y in line.y for value in (y.low, y.high)]
    values += [value for line in spreads for _, value in line.percentiles]
    if spreads:
        percentile_axis(axes, max(percentile for line in spreads for percentile, _ in line.percentiles))
    else:
        measured_axis(axes, [x for line in curves for x in line.x], chart.x_scale)
    value_axis(axes, values, chart.y_scale)
    axes.set_xlabel(chart.x_name, loc="right")
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=6)
    axes.spines[["top", "right", "left"]].set_visible(False)
