"""What more routers bring: the same sessions through one, two and four of them."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack

import msgspec

from ..crowds.contest import Trials, alone, beside
from ..crowds.crowd import Site
from ..crowds.process import Side, side
from ..crowds.trial import Listen, Saturate, Task
from ..load.pace import Pace
from ..load.process import load_server
from ..program import Options, run
from ..report.rows import Row
from .paced import PACE, PER_SESSION, TOKENS

_LONGEST_S = 20.0
_WARM_UP_S = 0.5
_SHORT = 200


class _Load(msgspec.Struct, frozen=True):
    """What all are asked for by *task*, with answers of so many *tokens* at that *pace*."""

    what: str
    pace: Pace
    tokens: int
    task: Task


async def measure(options: Options) -> AsyncIterator[Row]:
    """Saturated, then paced, each with a load server of its own. It starts Ray on this machine, for each number."""
    scale = options.scale
    sessions = options.sessions[0] if options.sessions else scale.of(1_000, 1_000, 2)
    listen = Listen(sessions, scale.of(1.0, 1.0, 0.0), options.duration_s or scale.of(1.5, 1.0, 0.3))
    for load in (
        _Load("saturated", Pace(), _SHORT, Saturate(sessions, scale.of(2, 1, 1), _LONGEST_S)),
        _Load(f"at {PER_SESSION:g} tokens/s each", PACE, TOKENS, listen),
    ):
        found = await _by_routers(load, scale.of((1, 2, 4), (1, 2), (1, 2)))
        for row in rows(f"{sessions:,} packed sessions, {load.what}", found):
            yield row


async def _by_routers(load: _Load, numbers: tuple[int, ...]) -> dict[int, Trials]:
    with load_server(load.pace) as url:
        async with AsyncExitStack() as stack:
            sides: dict[int, Side] = {}
            for routers in numbers:
                site = Site(url, load.tokens, routers=routers)
                sides[routers] = await stack.enter_async_context(side("packed", site))
            await asyncio.gather(*(each.carry_out(Saturate(1, 1, _WARM_UP_S)) for each in sides.values()))
            return {routers: Trials((await each.carry_out(load.task),)) for routers, each in sides.items()}


def rows(what: str, found: Mapping[int, Trials]) -> Iterator[Row]:
    """Each number of routers beside one of them."""
    one = found[1]
    for routers, trials in found.items():
        if routers == 1:
            continue
        through = f"{what}, through {routers} routers"
        yield beside(alone(through, "tokens/s", trials.per_s), "one router", one.per_s)
        if trials.per_cpu_s and one.per_cpu_s:
            yield beside(alone(through, "tokens per CPU second", trials.per_cpu_s), "one router", one.per_cpu_s)


if __name__ == "__main__":
    run(measure)
