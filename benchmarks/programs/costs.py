"""What a token and a turn cost, and which process pays: CPU time of packed sessions over HTTP, as fast as it goes."""

import asyncio
from collections.abc import AsyncIterator

from ..adapters.adapter import Crowd, Site
from ..adapters.registry import open_crowd
from ..load.process import load_server
from ..program import Options, Scale, run
from ..report.rows import Row, Sample
from ..system.processes import ROLES, cpu_s_by_role, idle
from ..system.ray_cluster import local_runtime

_SHORT, _LONG = 100, 1_500
"""Tokens of the answers: what a long one takes more than a short one is its tokens, and all else the turn."""

Costs = dict[str, list[float]]
"""For each role what one thing took in each round, in microseconds."""


async def measure(options: Options) -> AsyncIterator[Row]:
    """Packed sessions, and the limit, which has one process only."""
    sessions = next(iter(options.sessions), options.scale.of(200, 100, 5))
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
    """What a token takes, and a turn without its tokens, by short answers and long ones in turn."""
    short, long = (open_crowd(name, Site(url, tokens)) for tokens in (_SHORT, _LONG))
    token: Costs = {role: [] for role in ROLES}
    turn: Costs = {role: [] for role in ROLES}
    try:
        await short.open(sessions)
        await long.open(sessions)
        for number in range(-1, rounds):
            less, more = await _per_turn(short, sessions), await _per_turn(long, sessions)
            for role in ROLES if number >= 0 else ():  # the first does not count
                token[role].append((more[role] - less[role]) / (_LONG - _SHORT))
                turn[role].append(less[role] - _SHORT * token[role][-1])
    finally:
        await long.close()
        await short.close()
    return token, turn


async def _per_turn(crowd: Crowd, sessions: int) -> dict[str, float]:
    """What a turn takes, by one of all sessions."""
    before = cpu_s_by_role()
    await asyncio.gather(*(crowd.ask(session, _unheard) for session in range(sessions)))
    after = cpu_s_by_role()
    await asyncio.gather(*(crowd.forget(session) for session in range(sessions)))
    return {role: (after[role] - before[role]) / sessions * 1e6 for role in ROLES}


def _unheard(text: str) -> None:
    """Let it pass."""


if __name__ == "__main__":
    run(measure)
