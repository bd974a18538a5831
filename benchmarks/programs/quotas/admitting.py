"""What it costs to have a request admitted: turns with limits that nobody reaches, beside turns without any."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import rayconteur as rc
from rayconteur.runtime import QuotaRule, Quotas

from ...load.answers import ANTHROPIC
from ...load.process import load_server
from ...program import Options, run_program
from ...readers.runtime_client import provider_config
from ...report.rows import Row, Target
from ...rounds import Measurement, measure_in_rounds
from ...system.processes import CpuMeter, process_tree
from ...system.ray_baselines import BareActor, BareHandle
from ...system.ray_cluster import ONE_ACTOR, joined_address, kill_actor, local_runtime

_TOKENS = 20
_CALLS_IN_FLIGHT = 16
_TARGET = Target("under", 0.1)
_QUOTAS = Quotas(rules=(QuotaRule(models="*/*", requests=10_000_000, output_tokens=1_000_000_000, concurrent=100_000),))


@dataclass(frozen=True, slots=True)
class _Side:
    """The sessions of one namespace, each of which has *turns* turns in a measurement."""

    sessions: Sequence[rc.SessionHandle]
    turns: int

    async def turn_us(self) -> float:
        """The CPU time of a turn, in all processes together, while all sessions have turns."""
        meter = CpuMeter(process_tree())
        await asyncio.gather(*map(self._converse, self.sessions))
        spent_s = meter.spent_s()
        await asyncio.gather(*(session.clear() for session in self.sessions))
        return spent_s / self.turns / len(self.sessions) * 1e6

    async def _converse(self, session: rc.SessionHandle) -> None:
        for _ in range(self.turns):
            await session.ask("Any news of the ravens?").answer()


async def measure(options: Options) -> AsyncIterator[Row]:
    """Sessions that are asked again and again, with quotas and without, and Ray calls."""
    number = next(iter(options.sessions), options.scale.pick(500, 200, 3))
    turns = options.scale.pick(20, 10, 1)
    with load_server() as url:
        config = rc.SessionConfig(provider=provider_config(ANTHROPIC, url), max_output_tokens=_TOKENS)
        async with AsyncExitStack() as stack:
            sides: dict[str, Measurement] = {}
            address = options.address
            for name, quotas in (("with", _QUOTAS), ("without", None)):
                namespace = f"admitting-{name}-{uuid.uuid4().hex[:8]}"
                runtime = await stack.enter_async_context(local_runtime(address, namespace=namespace, quotas=quotas))
                address = joined_address()
                sides[name] = _Side(await runtime.spawn_many(config, number, ONE_ACTOR), turns).turn_us
            actor = BareActor.options(num_cpus=0).remote()
            calls = options.scale.pick(4_000, 2_000, 32)
            sides["calls"] = lambda: _call_us(actor, calls)
            samples = await measure_in_rounds(options.scale.pick(7, 5, 1), sides)
            kill_actor(actor)
    with_quotas, without = samples["with"], samples["without"]
    turn = Row.measured("CPU of a turn with quotas, all processes", "µs", with_quotas).better_if("less")
    yield turn.beside("without", without)
    admission = Row.measured("CPU of an admission, all processes", "µs", with_quotas.minus(without)).better_if("less")
    yield admission.beside("a Ray call", samples["calls"]).held_to(_TARGET)


async def _call_us(actor: BareHandle, calls: int) -> float:
    """The CPU time of a Ray call, in all processes together, with some in flight at a time."""
    meter = CpuMeter(process_tree())
    for _ in range(0, calls, _CALLS_IN_FLIGHT):
        await asyncio.gather(*(actor.do_nothing.remote() for _ in range(_CALLS_IN_FLIGHT)))
    return meter.spent_s() / calls * 1e6


if __name__ == "__main__":
    run_program(measure)
