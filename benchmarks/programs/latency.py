"""What a token waits for on its way: time to first token and gaps between tokens, beyond a bare loop's."""

from collections.abc import AsyncIterator, Iterator, Mapping

import msgspec

from ..comparison.contestants import Arena, held
from ..comparison.rounds_by_contestant import LIMIT, Party, chosen
from ..comparison.workloads import Converse, Percentiles, Saturate, Trial
from ..program import Options, run
from ..report.findings import Chart, Distribution, Finding
from ..report.rows import Row, Sample
from .paced import PACE, PER_SESSION

_OURS = "packed"
_PEER = "sdk-aiohttp"
_SHARES = (0.01, 0.5, 0.9)
_PERCENTILES = (50.0, 95.0, 99.0)

TOKENS = 50
_THINK_S = 0.5
_ANSWER_S = PACE.first_token_s + TOKENS / PER_SESSION
_TURN_S = _ANSWER_S + _THINK_S
_OFFERED_BY_ONE = TOKENS / _TURN_S
"""Tokens a second that a session asks for on the average."""

_SETTLE_S = 2.0
_KEEPS_UP = 0.9
_ANY_NUMBER = 1_000_000
_MANY = 100


class _Ramp(msgspec.Struct, frozen=True):
    """How the ceiling is looked for: with so many *sessions* at a time, each for *for_s*, which never think."""

    sessions: tuple[int, ...]
    for_s: float


async def measure(options: Options) -> AsyncIterator[Finding]:
    """Find the ceiling, then let all sides talk by the same schedule, which no slowness delays."""
    scale = options.scale
    ramp = _Ramp(scale.of((400, 700, 1_000, 1_400, 2_000), (500, 1_000), (2,)), scale.of(1.5, 1.0, 0.3))
    names = (_OURS, *chosen(scale.of((_PEER,), (), ()), options.peers), LIMIT)
    async with held(Arena(names, TOKENS, PACE), None) as sides:
        ceiling = await _ceiling(sides[_OURS], ramp)
        yield _alone("the ceiling: packed sessions kept up with so much", "tokens/s", ceiling)
        for share in scale.of(_SHARES, _SHARES[1:2], _SHARES[:1]):
            sessions = options.sessions or (sessions_for(share * ceiling),)
            for number in sessions:
                found = {
                    name: await side.carry_out(conversation(number, scale.of(_turns(number), 1, 1)))
                    for name, side in sides.items()
                }
                for finding in findings(f"{share:.0%} of the ceiling, {number:,} sessions", found):
                    yield finding


async def _ceiling(ours: Party, ramp: _Ramp) -> float:
    """The most that came, of the loads that it kept up with and the first that it did not."""
    best = 0.0
    for sessions in ramp.sessions:
        trial = await ours.carry_out(Saturate(sessions, _ANY_NUMBER, ramp.for_s, _SETTLE_S))
        best = max(best, trial.tokens_per_s)
        if trial.tokens_per_s < _KEEPS_UP * sessions * TOKENS / _ANSWER_S:
            break
    return best


def sessions_for(tokens_per_s: float) -> int:
    """How many sessions ask for so much, thinking included."""
    return max(1, round(tokens_per_s / _OFFERED_BY_ONE))


def _turns(sessions: int) -> int:
    """So many that percentiles mean something; many sessions have them in one."""
    return 1 if sessions >= _MANY else 2


def conversation(sessions: int, turns: int) -> Converse:
    """All arrive in the time of one turn, so that they are spread over it."""
    return Converse(sessions, turns, _TURN_S, _ANSWER_S, _THINK_S)


def findings(load: str, found: Mapping[str, Trial]) -> Iterator[Finding]:
    """What each side adds to the limit's times, and how its own are spread."""
    limit = found[LIMIT]
    for name, trial in found.items():
        if name != LIMIT:
            yield from _rows(f"first token, {name}, at {load}", trial.first_s, limit.first_s)
            yield from _rows(f"gap between tokens, {name}, at {load}", trial.gap_s, limit.gap_s)
    for name, trial in found.items():
        yield _distribution(f"Time to first token at {load}", name, trial.first_s)
        yield _distribution(f"Gaps between tokens at {load}", name, trial.gap_s)


def _distribution(chart: str, name: str, spread: Percentiles) -> Distribution:
    return Distribution(Chart(chart, "percentile", "ms"), name, tuple((nth, value * 1e3) for nth, value in spread))


def _rows(what: str, ours: Percentiles, limit: Percentiles) -> Iterator[Row]:
    theirs = dict(limit)
    for percent, value in ours:
        if percent in _PERCENTILES:
            mine, its = Sample.of([value * 1e3]), Sample.of([theirs[percent] * 1e3])
            yield Row(
                what=f"p{percent:g} of {what}",
                unit="ms",
                ours=mine,
                peer=LIMIT,
                theirs=its,
                figure=mine.above(its),
                figure_unit="ms more",
                better="less",
            )


def _alone(what: str, unit: str, value: float) -> Row:
    found = Sample.of([value])
    return Row(what=what, unit=unit, ours=found, figure=found, figure_unit=unit, better="more")


if __name__ == "__main__":
    run(measure)
