"""End to end over HTTP, as fast as it goes: tokens a second and for a second of CPU time, beside all others."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial

import msgspec

from ..comparison.contestants import Arena, cluster_of, held
from ..comparison.rounds_by_contestant import (
    ABOVE_A_PEER,
    HALF_OF_THE_LIMIT,
    LIMIT,
    PEERS,
    Trials,
    alone,
    beside,
    chosen,
    in_turn,
    lines,
)
from ..comparison.workloads import Saturate
from ..program import Options, Scale, run
from ..report.findings import Chart, Curve, Finding
from ..report.rows import Row

_LONG = 1_000
_SHORT = 200
"""Of many sessions, for sockets that are full of longer ones are more than a kernel allows."""

_OURS = "packed"
_MOST = {"dedicated": 10, "pydantic-ai": 100, "langgraph": 100}
"""A dedicated one is a process that takes more than a second to start. With 1,000 those peers say nothing for 5 s."""

_MOST_OF_A_PEER = 1_000
"""Most of them take more than a minute to begin 5,000 answers."""

_TOKENS_EACH_TIME = 20_000
"""What ours and the limit are asked for at least in a round, if that is more than an answer for each session."""

_LONGEST_S = 30.0
_PEERS_LONGEST_S = 1.2
_SETTLE_S = 3.0
_SETTLES_FROM = 1_000
_WINDOW_S = 1.5
_ANY_NUMBER = 1_000_000


class _Leg(msgspec.Struct, frozen=True):
    """Answers of so many *tokens* for so many *sessions* by those *sides*."""

    tokens: int
    sessions: Sequence[int]
    sides: tuple[str, ...]


async def measure(options: Options) -> AsyncIterator[Finding]:
    """All sides, few sessions first; then ours and the limit with more."""
    for leg in _legs(options):
        async for finding in _leg(leg, options):
            yield finding


def _legs(options: Options) -> Iterator[_Leg]:
    scale = options.scale
    peers = chosen(scale.of(PEERS, ("sdk-aiohttp",), ()), options.peers)
    sizes = sorted(options.sessions or scale.of((1, 10, 100, 1_000, 5_000), (300,), (1, 3)))
    few = [number for number in sizes if number <= _MOST_OF_A_PEER]
    if few:
        yield _Leg(scale.of(_LONG, _LONG, 50), few, (_OURS, *scale.of(("dedicated",), (), ()), LIMIT, *peers))
    if many := sizes[len(few) :]:
        yield _Leg(_SHORT, many, (_OURS, LIMIT))


async def _leg(leg: _Leg, options: Options) -> AsyncIterator[Finding]:
    found: dict[int, dict[str, Trials]] = {}
    async with held(Arena(leg.sides, leg.tokens), cluster_of(options)) as sides:
        # Off the clock: what comes first finds nothing ready.
        await asyncio.gather(*(side.carry_out(Saturate(1, 1, _LONGEST_S)) for side in sides.values()))
        for place, sessions in enumerate(leg.sessions):
            rounds = {
                side: _rounds(name, sessions, options.scale) for name, side in sides.items() if _can(name, sessions)
            }
            leaving = {name for name in sides if not any(_can(name, more) for more in leg.sessions[place + 1 :])}
            found[sessions] = await in_turn(rounds, partial(_task, leg.tokens, sessions), leaving)
            for row in rows(leg.tokens, sessions, found[sessions]):
                yield row
    for curve in curves(leg.tokens, found):
        yield curve


def _can(name: str, sessions: int) -> bool:
    return sessions <= _MOST.get(name, sessions)


def _rounds(name: str, sessions: int, scale: Scale) -> int:
    twice = scale is Scale.FULL and name in (_OURS, LIMIT) and sessions <= _MOST_OF_A_PEER
    return 2 if twice else 1


def _task(tokens: int, sessions: int, name: str) -> Saturate:
    """Whole answers, for beginning and end belong to them; a window, where these would take minutes."""
    share = max(1, _TOKENS_EACH_TIME // (tokens * sessions))
    if name in PEERS and sessions >= _SETTLES_FROM:
        return Saturate(sessions, _ANY_NUMBER, _WINDOW_S, _SETTLE_S)
    if name in PEERS:
        return Saturate(sessions, max(1, share // 10), _PEERS_LONGEST_S)
    return Saturate(sessions, share, _LONGEST_S)


def rows(tokens: int, sessions: int, found: Mapping[str, Trials]) -> Iterator[Row]:
    """Ours beside the limit and each peer; the targets are for many sessions."""
    ours, limit = found[_OURS], found[LIMIT]
    many = sessions >= _SETTLES_FROM
    what = f"{sessions:,} packed session{'s' if sessions > 1 else ''}, answers of {tokens:,} tokens"
    yield beside(alone(what, "tokens/s", ours.per_s), LIMIT, limit.per_s)
    if ours.per_cpu_s is None:
        return
    cost = alone(what, "tokens per CPU second", ours.per_cpu_s)
    for name, trials in found.items():
        if trials.per_cpu_s and name in PEERS:
            yield beside(cost, name, trials.per_cpu_s, ABOVE_A_PEER if many else None)
        elif trials.per_cpu_s and name == LIMIT:
            yield beside(cost, name, trials.per_cpu_s, HALF_OF_THE_LIMIT if many and tokens >= _LONG else None)


def curves(tokens: int, found: Mapping[int, Mapping[str, Trials]]) -> Iterator[Curve]:
    """A line for each side, as far as it goes."""
    answers = f"saturated, answers of {tokens:,} tokens"
    speed = Chart(f"How fast text comes, {answers}", "sessions", "tokens/s")
    cost = Chart(f"How much text a second of CPU time brings, {answers}", "sessions", "tokens per CPU second")
    yield from lines(speed, found, lambda trials: trials.per_s)
    yield from lines(cost, found, lambda trials: trials.per_cpu_s)


if __name__ == "__main__":
    run(measure)
