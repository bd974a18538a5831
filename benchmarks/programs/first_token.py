"""Time to first token through an idle runtime, minus that of the client alone, in bare Ray round trips."""

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
from ..program import Options, Scale, run_program
from ..readers.runtime_client import ClientReader, provider_config
from ..report.rows import Row, Sample, Target
from ..rounds import Measurement, measure_in_rounds
from ..system.ray_baselines import BareActor
from ..system.ray_cluster import local_runtime

_TARGET = Target("under", 1)
_TOKENS = 5
_FIRST_TOKEN_S = 0.1
"""The server's silence before the first token: no provider is faster. The events of the turn's start come earlier.

A bare round trip is made after an equally long pause: it takes twice as long between processes that have slept.
"""

_PLACEMENTS: Mapping[str, Placement] = {"dedicated": rc.Dedicated(), "packed": rc.Packed()}
_SCRIPTED = rc.Scripted(script=Script(answers=((Say(text="abcd" * _TOKENS),),)))


async def measure(options: Options) -> AsyncIterator[Row]:
    """Over HTTP, as with real providers, and with the scripted provider, which answers at once."""
    with load_server(Pace(first_token_s=_FIRST_TOKEN_S)) as url:
        async with local_runtime(options.address) as runtime:
            for way, config, target in (
                ("over HTTP", provider_config(ANTHROPIC, url), _TARGET),
                ("scripted", _SCRIPTED, None),
            ):
                samples = await _measure_ms(runtime, config, options.scale)
                trip_ms = samples["round trip"].median
                for placement in _PLACEMENTS:
                    row = Row.measured(f"first token, {placement}, {way}", "ms", samples[placement])
                    peer = f"the client alone (a round trip: {trip_ms:.2f} ms)"
                    row = row.more_than(peer, samples["direct"], "ms more")
                    yield row.judged_by(row.figure.scaled(1 / trip_ms), "round trips more").held_to(target)


async def _measure_ms(runtime: rc.Runtime, config: ProviderConfig, scale: Scale) -> dict[str, Sample]:
    bare = BareActor.options(num_cpus=0).remote()
    client = ClientReader(config)

    async def round_trip() -> float:
        await asyncio.sleep(_FIRST_TOKEN_S)
        started_at = time.perf_counter()
        await bare.do_nothing.remote()
        return (time.perf_counter() - started_at) * 1e3

    async def direct() -> float:
        return await client.first_text_s(_TOKENS) * 1e3

    sides: dict[str, Measurement] = {"round trip": round_trip, "direct": direct}
    for name, placement in _PLACEMENTS.items():
        session = await runtime.spawn(rc.SessionConfig(provider=config, max_output_tokens=_TOKENS), placement=placement)
        sides[name] = _first_text_of(session)
    samples = await measure_in_rounds(scale.pick(11, 8, 2), sides)
    await client.aclose()
    return samples


def _first_text_of(session: rc.SessionHandle) -> Measurement:
    async def first_text_ms() -> float:
        first_at: float | None = None
        started_at = time.perf_counter()
        async with aclosing(aiter(session.ask("Hi"))) as answer:
            async for event in answer:
                if first_at is None and isinstance(event, rc.TextChunk):
                    first_at = time.perf_counter()
        await session.clear()  # always the first turn, as for the client alone
        await session.status()  # the events of clearing have been delivered
        assert first_at is not None
        return (first_at - started_at) * 1e3

    return first_text_ms


if __name__ == "__main__":
    run_program(measure)
