"""Labels at the ends of lines, moved apart so that they do not overlap: plots need no legend."""

import textwrap
from collections.abc import Sequence

import msgspec
from matplotlib.axes import Axes

from .line_styles import LineStyle

_COLUMN = 1.03
"""The left edge of the labels; the axes have width 1."""

_LINE_PX = 14.5
"""The height of a line of text, at 100 pixels per inch."""

_LEADER = {
    "arrowstyle": "-",
    "color": "#b9c0c6",
    "linestyle": (0, (1, 2)),
    "linewidth": 1,
    "relpos": (0, 0.5),
    "shrinkA": 0,
    "shrinkB": 4,
    "zorder": 1,
}
"""The dotted line from a label to the end of its curve."""


class Label(msgspec.Struct, frozen=True):
    """*text* for the line that ends at (*x*, *y*)."""

    text: str
    x: float
    y: float
    style: LineStyle


def non_overlapping(wanted: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Centres close to *wanted*, in the same order, for boxes of these *heights* that must not overlap.

    They lie between *low* and *high* as far as there is room.
    """
    centres: list[float] = []
    floor = low
    for centre, height in zip(wanted, heights, strict=True):
        centres.append(max(centre, floor + height / 2))
        floor = centres[-1] + height / 2
    ceiling = high
    for index in reversed(range(len(centres))):
        centres[index] = min(centres[index], ceiling - heights[index] / 2)
        ceiling = centres[index] - heights[index] / 2
    return centres


def label_lines(axes: Axes, labels: Sequence[Label], max_chars: int) -> None:
    """Label each line to the right of the axes, beside its end. The axes must have their limits already."""
    box = axes.bbox
    floor = axes.get_ylim()[0] if axes.get_yscale() == "log" else None

    def end_y(label: Label) -> float:
        return label.y if floor is None else max(label.y, floor)

    def end_px(label: Label) -> float:
        return float(axes.transData.transform((label.x, end_y(label)))[1])

    ordered = sorted(labels, key=end_px)
    texts = ["\n".join(textwrap.wrap(label.text, max_chars)) for label in ordered]
    heights = [_LINE_PX * (text.count("\n") + 1) for text in texts]
    centres = non_overlapping([end_px(label) for label in ordered], heights, box.y0, box.y1)
    for label, text, centre in zip(ordered, texts, centres, strict=True):
        axes.annotate(
            text,
            xy=(label.x, end_y(label)),
            xytext=(_COLUMN, (centre - box.y0) / box.height),
            textcoords="axes fraction",
            va="center",
            color=label.style.colour,
            fontweight="bold" if label.style.width > 2 else "normal",
            arrowprops=_LEADER,
            annotation_clip=False,
        )
