"""What more routers bring: the same sessions through one, two and four of them."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack

from ..adapters.adapter import Site
from ..comparison.contestant_process import Side, side
from ..comparison.rounds_by_contestant import Trials, alone, beside
from ..comparison.workloads import Saturate
from ..load.process import load_server
from ..program import Options, run
from ..report.rows import Row

_LONGEST_S = 20.0
_TOKENS = 200


async def measure(options: Options) -> AsyncIterator[Row]:
    """As fast as it goes, one round. Alone, it starts Ray on this machine for each number."""
    scale = options.scale
    sessions = options.sessions[0] if options.sessions else scale.of(500, 500, 2)
    task = Saturate(sessions, 1, options.duration_s or _LONGEST_S)
    found = await _by_routers(task, scale.of((1, 2, 4), (1, 2), (1, 2)))
    for row in rows(f"{sessions:,} packed sessions", found):
        yield row


async def _by_routers(task: Saturate, numbers: tuple[int, ...]) -> dict[int, Trials]:
    with load_server() as url:
        async with AsyncExitStack() as stack:
            sides: dict[int, Side] = {}
            for routers in numbers:
                sides[routers] = await stack.enter_async_context(side("packed", Site(url, _TOKENS, routers=routers)))
            # Off the clock: what comes first finds nothing ready.
            await asyncio.gather(*(each.carry_out(Saturate(1, 1, _LONGEST_S)) for each in sides.values()))
            return {routers: Trials((await each.carry_out(task),)) for routers, each in sides.items()}


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
