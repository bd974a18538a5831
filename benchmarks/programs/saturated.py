"""End to end over HTTP, as fast as it goes: tokens a second and for a second of CPU time, beside all others."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial

import msgspec

from ..arena import Arena, cluster_of, held
from ..crowds.contest import (
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
from ..crowds.trial import Saturate
from ..program import Options, Scale, run
from ..report.findings import Chart, Curve, Finding
from ..report.rows import Row

_LONG = 1_000
_OURS = "packed"
_MOST_DEDICATED = 10
"""Each is a process of 50 MB and more."""

_MOST_OF_A_PEER = 1_000
"""Most of them take more than a minute to begin 5,000 answers."""

_LONGEST_S = 30.0
_PEERS_LONGEST_S = 3.0
_SETTLE_S = 5.0
_SETTLES_FROM = 1_000
_WINDOW_S = 2.0
_ANY_NUMBER = 1_000_000


class _Leg(msgspec.Struct, frozen=True):
    """Answers of so many *tokens* for so many *sessions* by those *sides*, of which ours and the limit do *rounds*."""

    tokens: int
    sessions: tuple[int, ...]
    sides: tuple[str, ...]
    rounds: int
    tokens_each_time: int
    """What ours and the limit are asked for in a round, at least an answer for each session. Peers get a tenth."""


async def measure(options: Options) -> AsyncIterator[Finding]:
    """Long answers beside the limit, then short ones beside all: each leg with a load server for all its sides."""
    for leg in _legs(options):
        async for finding in _leg(leg, cluster_of(options)):
            yield finding


def _legs(options: Options) -> tuple[_Leg, ...]:
    peers = chosen(PEERS, options.peers)
    ours = (_OURS, "dedicated", LIMIT)

    def leg(tokens: int, sessions: tuple[int, ...], sides: tuple[str, ...], rounds: int) -> _Leg:
        return _Leg(tokens, options.sessions or sessions, sides, rounds, 20_000)

    match options.scale:
        case Scale.FULL:
            return (
                leg(_LONG, (1, 10, 100, 1_000), ours, 2),
                leg(200, (1, 100, 1_000, 5_000), (_OURS, LIMIT, *peers), 2),
            )
        case Scale.QUICK:
            quick = chosen(("sdk-aiohttp",), options.peers)
            return (leg(_LONG, (300,), (_OURS, LIMIT, *quick), 1),)
        case Scale.TINY:
            return (_Leg(50, (1, 3), (_OURS, LIMIT), 1, 100),)


async def _leg(leg: _Leg, address: str | None) -> AsyncIterator[Finding]:
    found: dict[int, dict[str, Trials]] = {}
    async with held(Arena(leg.sides, leg.tokens), address) as sides:
        # Off the clock: what comes first finds nothing ready.
        await asyncio.gather(*(side.carry_out(Saturate(1, 1, _LONGEST_S)) for side in sides.values()))
        for sessions in sorted(leg.sessions):
            rounds = {side: _rounds(leg, name) for name, side in sides.items() if _can(name, sessions)}
            found[sessions] = await in_turn(rounds, partial(_task, leg, sessions))
            for row in rows(leg.tokens, sessions, found[sessions]):
                yield row
    for curve in curves(leg.tokens, found):
        yield curve


def _rounds(leg: _Leg, name: str) -> int:
    return 1 if name in PEERS or name == "dedicated" else leg.rounds


def _can(name: str, sessions: int) -> bool:
    if name == "dedicated":
        return sessions <= _MOST_DEDICATED
    return sessions <= _MOST_OF_A_PEER or name not in PEERS


def _task(leg: _Leg, sessions: int, name: str) -> Saturate:
    """Whole answers, for beginning and end belong to them; a window, where peers would take minutes for them."""
    share = leg.tokens_each_time // (leg.tokens * sessions)
    if name not in PEERS:
        return Saturate(sessions, max(1, share), _LONGEST_S)
    if sessions < _SETTLES_FROM:
        return Saturate(sessions, max(1, share // 10), _PEERS_LONGEST_S)
    return Saturate(sessions, _ANY_NUMBER, _WINDOW_S, _SETTLE_S)


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
