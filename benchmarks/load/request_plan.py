"""Request plans: what happens to each request, drawn from the seed and the request's number alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from random import Random

from .pace import Pace

_GAPS = 4_096


class Outcome(Enum):
    """How a request ends."""

    WHOLE = "whole"
    CUT = "cut"
    OVERLOADED = "overloaded"
    LIMITED = "limited"


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """What happens to a request.

    *deltas* is the length of its answer, up to the request's own limit; ``None`` means the limit itself. *cut* is the
    share of the answer that is sent if it is cut, from 0 to 1; *gap* the index of its first gap.
    """

    outcome: Outcome
    calls_tool: bool
    cut: float
    first_s: float
    deltas: int | None
    gap: int


def plan_request(pace: Pace, number: int) -> RequestPlan:
    """The plan of request *number*. All parts are drawn, needed or not, so that none depends on another."""
    random = Random(f"{pace.seed}/{number}")
    outcome, tool, cut, gap = (random.random() for _ in range(4))
    first_s = pace.first_token_s * _unit_gamma(Random(random.random()), pace.first_token_spread)
    length = _unit_gamma(Random(random.random()), pace.tokens_spread)
    return RequestPlan(
        outcome=_outcome(pace, outcome),
        calls_tool=tool < pace.tool_share,
        cut=cut,
        first_s=first_s,
        deltas=None if pace.tokens is None else max(1, round(pace.tokens * length)),
        gap=int(gap * len(gaps_s(pace))),
    )


@cache
def gaps_s(pace: Pace) -> Sequence[float]:
    """The gaps between deltas, to be used cyclically; their mean is exactly that of *pace*."""
    if not pace.tokens_per_s:
        return (0.0,)
    random = Random(f"{pace.seed}/gaps")
    gaps = [_unit_gamma(random, pace.gap_spread) for _ in range(_GAPS if pace.gap_spread else 1)]
    factor = len(gaps) / sum(gaps) / pace.tokens_per_s
    return [gap * factor for gap in gaps]


def _outcome(pace: Pace, drawn: float) -> Outcome:
    shares = {
        Outcome.OVERLOADED: pace.overloaded_share,
        Outcome.LIMITED: pace.limited_share,
        Outcome.CUT: pace.cut_share,
    }
    for outcome, share in shares.items():
        if drawn < share:
            return outcome
        drawn -= share
    return Outcome.WHOLE


def _unit_gamma(random: Random, spread: float) -> float:
    """A value from a gamma distribution of mean 1 and standard deviation *spread*."""
    return random.gammavariate(spread**-2, spread**2) if spread else 1.0
