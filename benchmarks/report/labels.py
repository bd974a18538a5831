"""Labels at the ends of lines, moved apart, so that no picture needs a legend."""

import textwrap
from collections.abc import Sequence

import msgspec
from matplotlib.axes import Axes

from .line_styles import Style

_COLUMN = 1.03
"""Where labels begin, the axes' width being 1."""

_LINE_PX = 14.5
"""The height of a line of text. The picture has 100 pixels an inch."""


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
"""The line from a label to what it names."""


class Label(msgspec.Struct, frozen=True):
    """*text* for the line that ends at (*x*, *y*)."""

    text: str
    x: float
    y: float
    style: Style


def spread(wanted: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Middles near those that are *wanted*, in their order, for things of *heights* that must not overlap.

    They lie between *low* and *high* as far as there is room.
    """
    placed: list[float] = []
    floor = low
    for middle, height in zip(wanted, heights, strict=True):
        placed.append(max(middle, floor + height / 2))
        floor = placed[-1] + height / 2
    ceiling = high
    for index in reversed(range(len(placed))):
        placed[index] = min(placed[index], ceiling - heights[index] / 2)
        ceiling = placed[index] - heights[index] / 2
    return placed


def label_lines(axes: Axes, labels: Sequence[Label], longest: int) -> None:
    """Name each line right of the axes, beside its end. The axes must have their limits."""
    box = axes.bbox
    floor = axes.get_ylim()[0] if axes.get_yscale() == "log" else None

    def end(label: Label) -> float:
        value = label.y if floor is None else max(label.y, floor)
        return float(axes.transData.transform((label.x, value))[1])

    ordered = sorted(labels, key=end)
    texts = ["\n".join(textwrap.wrap(label.text, longest)) for label in ordered]
    heights = [_LINE_PX * (text.count("\n") + 1) for text in texts]
    middles = spread([end(label) for label in ordered], heights, box.y0, box.y1)
    for label, text, middle in zip(ordered, texts, middles, strict=True):
        axes.annotate(
            text,
            xy=(label.x, label.y if floor is None else max(label.y, floor)),
            xytext=(_COLUMN, (middle - box.y0) / box.height),
            textcoords="axes fraction",
            va="center",
            color=label.style.colour,
            fontweight="bold" if label.style.width > 2 else "normal",
            arrowprops=_LEADER,
            annotation_clip=False,
        )
