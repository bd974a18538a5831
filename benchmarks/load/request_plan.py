"""Lots: what befalls a request, drawn from the seed and the request's number alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from random import Random

from .pace import Pace

_GAPS = 4_096


class Fate(Enum):
    """How a request ends."""

    WHOLE = "whole"
    CUT = "cut"
    OVERLOADED = "overloaded"
    LIMITED = "limited"


@dataclass(frozen=True, slots=True)
class Lot:
    """What befalls a request.

    *deltas* is the length of its answer if its limit allows, ``None`` for the limit itself; *cut* how much of it comes
    where it is cut, from 0 to 1; *gap* which of the gaps it begins with.
    """

    fate: Fate
    calls_tool: bool
    cut: float
    first_s: float
    deltas: int | None
    gap: int


def draw(pace: Pace, number: int) -> Lot:
    """That of request *number*. All of it is drawn whether it is needed or not, so that no part depends on another."""
    chance = Random(f"{pace.seed}/{number}")
    fate, tool, cut, gap = (chance.random() for _ in range(4))
    first_s = pace.first_token_s * _unit(Random(chance.random()), pace.first_token_spread)
    length = _unit(Random(chance.random()), pace.tokens_spread)
    return Lot(
        fate=_fate(pace, fate),
        calls_tool=tool < pace.tool_share,
        cut=cut,
        first_s=first_s,
        deltas=None if pace.tokens is None else max(1, round(pace.tokens * length)),
        gap=int(gap * len(gaps_s(pace))),
    )


@cache
def gaps_s(pace: Pace) -> Sequence[float]:
    """The gaps between deltas, to be taken in turn and over and over: their mean is what the pace promises."""
    if not pace.tokens_per_s:
        return (0.0,)
    chance = Random(f"{pace.seed}/gaps")
    drawn = [_unit(chance, pace.gap_spread) for _ in range(_GAPS if pace.gap_spread else 1)]
    factor = len(drawn) / sum(drawn) / pace.tokens_per_s
    return [gap * factor for gap in drawn]


def _fate(pace: Pace, chance: float) -> Fate:
    shares = {Fate.OVERLOADED: pace.overloaded_share, Fate.LIMITED: pace.limited_share, Fate.CUT: pace.cut_share}
    for fate, share in shares.items():
        if chance < share:
            return fate
        chance -= share
    return Fate.WHOLE


def _unit(chance: Random, spread: float) -> float:
    """From a gamma distribution of mean 1 whose standard deviation is *spread*."""
    return chance.gammavariate(spread**-2, spread**2) if spread else 1.0
