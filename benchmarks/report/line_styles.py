"""Line styles of the sides in plots: this runtime bold and always the same, its peers thinner, a limit in grey.

The colours differ for colour-blind readers, too, and the markers in print without any colour.
"""

from collections.abc import Iterable

import msgspec

INK = "#1b1f24"
MUTED = "#667079"
FAINT = "#e4e7ea"

_OUR_PREFIXES = ("ours", "packed", "dedicated")
_OUR_COLOUR = "#0b5cad"
_LIMIT_COLOUR = "#8a9199"
_PEER_COLOURS = ("#d98200", "#23896b", "#b4588f", "#5aa9d6", "#8b6b3d", "#7d6bb5", "#c2543d")
_MARKERS = ("s", "^", "D", "v", "P", "X", "<")
_DASHES = ("-", (0, (4, 1.6)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))

Dash = str | tuple[float, tuple[float, ...]]


class LineStyle(msgspec.Struct, frozen=True):
    """How a line is drawn; lines with a higher *z_order* are drawn on top."""

    colour: str
    marker: str
    dash: Dash
    width: float
    z_order: int


def line_styles(sides: Iterable[str]) -> dict[str, LineStyle]:
    """A style for each of *sides*; the same sides in the same order get the same styles."""
    styles: dict[str, LineStyle] = {}
    ours = peers = 0
    for side in dict.fromkeys(sides):
        if side.startswith(_OUR_PREFIXES):
            styles[side] = LineStyle(_OUR_COLOUR, "o", _DASHES[ours % len(_DASHES)], 2.6, z_order=4)
            ours += 1
        elif side == "bare" or "limit" in side:
            styles[side] = LineStyle(_LIMIT_COLOUR, "|", (0, (4, 2)), 1.6, z_order=2)
        else:
            colour, marker = _PEER_COLOURS[peers % len(_PEER_COLOURS)], _MARKERS[peers % len(_MARKERS)]
            styles[side] = LineStyle(colour, marker, "-", 1.5, z_order=3)
            peers += 1
    return styles
