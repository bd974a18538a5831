"""How each side is drawn: this runtime strong and always the same, its peers quieter, a limit in grey.

The colours keep apart for those who see fewer of them, and the markers in print without any.
"""

from collections.abc import Iterable

import msgspec

INK = "#1b1f24"
QUIET = "#667079"
FAINT = "#e4e7ea"

_OURS_ARE = ("ours", "packed", "dedicated")
_OURS = "#0b5cad"
_LIMIT = "#8a9199"
_PEERS = ("#d98200", "#23896b", "#b4588f", "#5aa9d6", "#8b6b3d", "#7d6bb5", "#c2543d")
_MARKERS = ("s", "^", "D", "v", "P", "X", "<")
_DASHES = ("-", (0, (4, 1.6)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))

Dash = str | tuple[float, tuple[float, ...]]


class Style(msgspec.Struct, frozen=True):
    """A line, and how much room it takes for itself."""

    colour: str
    marker: str
    dash: Dash
    width: float
    above: int


def styles(sides: Iterable[str]) -> dict[str, Style]:
    """A style for each of *sides*; given in the same order, they get the same ones."""
    made: dict[str, Style] = {}
    ours = peers = 0
    for side in dict.fromkeys(sides):
        if side.startswith(_OURS_ARE):
            made[side] = Style(_OURS, "o", _DASHES[ours % len(_DASHES)], 2.6, above=4)
            ours += 1
        elif side == "bare" or "limit" in side:
            made[side] = Style(_LIMIT, "|", (0, (4, 2)), 1.6, above=2)
        else:
            made[side] = Style(_PEERS[peers % len(_PEERS)], _MARKERS[peers % len(_MARKERS)], "-", 1.5, above=3)
            peers += 1
    return made
