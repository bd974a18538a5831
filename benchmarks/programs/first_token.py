"""Time to first token through an idle runtime, less the direct call, in bare Ray round trips."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

import rayconteur as rc
from rayconteur.providers import ProviderConfig
from rayconteur.runtime import Placement
from rayconteur.scripted import Say, Script

from ..load.answers import ANTHROPIC
from ..load.pace import Pace
from ..load.process import load_server
from ..program import Options, Scale, run
from ..readers.runtime_client import Direct, config_of
from ..report.rows import Row, Sample, Target
from ..rounds import Side, rounds
from ..system.bare_actor import BareActor
from ..system.ray_cluster import local_runtime

_TARGET = Target("under", 3)
_TOKENS = 5
_THINKING_S = 0.1
"""How long the server is silent: no provider answers sooner. Meanwhile the news of the turn's beginning are through.

A round trip comes after as long a silence: processes that have slept take twice as long for one.
"""

_PLACEMENTS: Mapping[str, Placement] = {"dedicated": rc.Dedicated(), "packed": rc.Packed()}
_SCRIPTED = rc.Scripted(script=Script(answers=((Say(text="abcd" * _TOKENS),),)))


async def measure(options: Options) -> AsyncIterator[Row]:
    """Over HTTP, as providers are reached, and with the scripted provider, which says all in the same moment."""
    with load_server(Pace(first_token_s=_THINKING_S)) as url:
        async with local_runtime(options.address) as runtime:
            found = await _milliseconds(runtime, config_of(ANTHROPIC, url), options.scale)
            for placement in _PLACEMENTS:
                yield _row(f"first token, {placement}, over HTTP", found[placement], found, _TARGET)
            found = await _milliseconds(runtime, _SCRIPTED, options.scale)
            for placement in _PLACEMENTS:
                yield _row(f"first token, {placement}, scripted", found[placement], found, None)


def _row(what: str, ours: Sample, found: Mapping[str, Sample], target: Target | None) -> Row:
    trip = found["round trip"].median
    return Row(
        what=what,
        unit="ms",
        ours=ours,
        peer=f"the client alone (a round trip: {trip:.2f} ms)",
        theirs=found["direct"],
        figure=ours.above(found["direct"]).times(1 / trip),
        figure_unit="round trips more",
        target=target,
    )


async def _milliseconds(runtime: rc.Runtime, config: ProviderConfig, scale: Scale) -> dict[str, Sample]:
    bare = BareActor.options(num_cpus=0).remote()
    client = Direct(config)

    async def trip() -> float:
        await asyncio.sleep(_THINKING_S)
        begun_at = time.perf_counter()
        await bare.nothing.remote()
        return (time.perf_counter() - begun_at) * 1e3

    async def direct() -> float:
        return await client.first_text_s(_TOKENS) * 1e3

    sides: dict[str, Side] = {"round trip": trip, "direct": direct}
    for name, placement in _PLACEMENTS.items():
        session = await runtime.spawn(rc.SessionConfig(provider=config, max_output_tokens=_TOKENS), placement=placement)
        sides[name] = _through(session)
    found = await rounds(scale.of(11, 8, 2), sides)
    await client.aclose()
    return found


def _through(session: rc.SessionHandle) -> Side:
    async def first_text_ms() -> float:
        came_at: float | None = None
        begun_at = time.perf_counter()
        async with aclosing(aiter(session.ask("Hi"))) as answer:
            async for event in answer:
                if came_at is None and isinstance(event, rc.TextChunk):
                    came_at = time.perf_counter()
        await session.clear()  # so that it is always the first turn, as for the client alone
        await session.status()  # and what was said of that is behind us
        assert came_at is not None
        return (came_at - begun_at) * 1e3

    return first_text_ms


if __name__ == "__main__":
    run(measure)
