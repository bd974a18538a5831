"""CPU time of a token and of a turn, by process: packed sessions over HTTP, as fast as possible."""

import asyncio
from collections.abc import AsyncIterator

from ..adapters.adapter import Adapter, AdapterConfig
from ..adapters.registry import open_adapter
from ..load.process import load_server
from ..program import Options, Scale, run_program
from ..report.rows import Row, Sample, Target
from ..system.processes import CLOCK_S, ROLES, cpu_s_by_role, wait_until_idle
from ..system.ray_cluster import local_runtime

_SHORT, _LONG = 100, 1_500
"""The tokens of answers. What a long one costs more is the cost of its tokens; the rest is the cost of the turn."""

_TARGETS = {"turn": Target("under", 3)}
"""Of all processes, in times the limit."""

Costs = dict[str, list[float]]
"""Microseconds by role, one value per round."""


async def measure(options: Options) -> AsyncIterator[Row]:
    """Packed sessions, and the limit, which has only one process."""
    sessions = next(iter(options.sessions), options.scale.pick(200, 100, 5))
    rounds = options.scale.pick(4, 1, 1)
    with load_server() as url:
        async with local_runtime():  # one Ray for all adapters, idle before anything is measured
            if options.scale is not Scale.TINY:
                await wait_until_idle()
            ours = await _costs("packed", url, sessions, rounds)
            bare = await _costs("bare", url, sessions, rounds)
    tick_us = CLOCK_S / sessions * 1e6  # a limit that the clock can't measure counts as one tick: it is a divisor
    for what, by_role, limit, least_us in zip(
        ("token", "turn"), ours, bare, (tick_us / (_LONG - _SHORT), tick_us), strict=True
    ):
        total = Sample.of(map(sum, zip(*by_role.values(), strict=True)))
        row = Row.measured(f"CPU of a {what}, all processes", "µs", total)
        row = row.beside("bare aiohttp and msgspec", Sample.of(max(least_us, us) for us in limit["driver"]))
        yield row.held_to(_TARGETS.get(what))
        for role in ROLES:
            yield Row.measured(f"CPU of a {what}, {role}", "µs", Sample.of(by_role[role]))


async def _costs(name: str, url: str, sessions: int, rounds: int) -> tuple[Costs, Costs]:
    """The costs of a token, and of a turn without its tokens, from short and long answers in turn."""
    short, long = (open_adapter(name, AdapterConfig(url, tokens)) for tokens in (_SHORT, _LONG))
    token: Costs = {role: [] for role in ROLES}
    turn: Costs = {role: [] for role in ROLES}
    try:
        await short.open(sessions)
        await long.open(sessions)
        for number in range(-1, rounds):
            less, more = await _cost_per_turn(short, sessions), await _cost_per_turn(long, sessions)
            for role in ROLES if number >= 0 else ():  # the first is a warm-up
                token[role].append((more[role] - less[role]) / (_LONG - _SHORT))
                turn[role].append(less[role] - _SHORT * token[role][-1])
    finally:
        await long.close()
        await short.close()
    return token, turn


async def _cost_per_turn(adapter: Adapter, sessions: int) -> dict[str, float]:
    """The cost of a turn, from one turn of all sessions at once."""
    before = cpu_s_by_role()
    await asyncio.gather(*(adapter.ask(session, _ignore_text) for session in range(sessions)))
    after = cpu_s_by_role()
    await asyncio.gather(*(adapter.reset(session) for session in range(sessions)))
    return {role: (after[role] - before[role]) / sessions * 1e6 for role in ROLES}


def _ignore_text(text: str) -> None:
    del text


if __name__ == "__main__":
    run_program(measure)
