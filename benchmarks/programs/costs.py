"""What a token and a turn cost, and which process pays: CPU time of packed sessions over HTTP, as fast as it goes."""

import asyncio
from collections.abc import AsyncIterator

from ..cluster import local_runtime
from ..crowds.crowd import Crowd, Site
from ..crowds.open import open_crowd
from ..load.process import load_server
from ..processes import ROLES, cpu_s_by_role, idle
from ..program import Options, Scale, run
from ..report.rows import Row, Sample

_SHORT, _LONG = 100, 1_000
"""Tokens of the answers: what a long one takes more than a short one is its tokens, and all else the turn."""

Costs = dict[str, list[float]]
"""For each role what one thing took in each round, in microseconds."""


async def measure(options: Options) -> AsyncIterator[Row]:
    """Packed sessions, and the limit, which has one process only."""
    sessions = next(iter(options.sessions), options.scale.of(200, 100, 30))
    rounds = options.scale.of(2, 1, 1)
    with load_server() as url:
        async with local_runtime():  # one Ray for all crowds, settled before anything is measured
            if options.scale is not Scale.TINY:
                await idle()
            token, turn = await _costs("packed", url, sessions, rounds)
            bare_token, bare_turn = await _costs("bare", url, sessions, rounds)
    for what, ours, bare in (("token", token, bare_token), ("turn", turn, bare_turn)):
        together = Sample.of(map(sum, zip(*ours.values(), strict=True)))
        limit = Sample.of(bare["driver"])
        yield Row(
            what=f"CPU of a {what}, all processes",
            unit="µs",
            ours=together,
            peer="bare aiohttp and msgspec",
            theirs=limit,
            figure=together.over(limit),
            figure_unit="times",
        )
        for role in ROLES:
            spent = Sample.of(ours[role])
            yield Row(what=f"CPU of a {what}, {role}", unit="µs", ours=spent, figure=spent, figure_unit="µs")


async def _costs(name: str, url: str, sessions: int, rounds: int) -> tuple[Costs, Costs]:
    """What a token takes, and a turn without its tokens."""
    short = await _per_turn(open_crowd(name, Site(url, _SHORT)), sessions, rounds)
    long = await _per_turn(open_crowd(name, Site(url, _LONG)), sessions, rounds)
    token = {
        role: [(more - less) / (_LONG - _SHORT) for more, less in zip(long[role], short[role], strict=True)]
        for role in ROLES
    }
    turn = {role: [less - _SHORT * each for less, each in zip(short[role], token[role], strict=True)] for role in ROLES}
    return token, turn


async def _per_turn(crowd: Crowd, sessions: int, rounds: int) -> Costs:
    """What a turn takes, in rounds of one turn of all sessions; the first does not count."""
    spent: Costs = {role: [] for role in ROLES}
    await crowd.open(sessions)
    try:
        for number in range(-1, rounds):
            before = cpu_s_by_role()
            await asyncio.gather(*(crowd.ask(session, _unheard) for session in range(sessions)))
            after = cpu_s_by_role()
            if number >= 0:
                for role in ROLES:
                    spent[role].append((after[role] - before[role]) / sessions * 1e6)
            await asyncio.gather(*(crowd.forget(session) for session in range(sessions)))
    finally:
        await crowd.close()
    return spent


def _unheard(text: str) -> None:
    """Let it pass."""


if __name__ == "__main__":
    run(measure)
