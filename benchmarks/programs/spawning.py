"""Sessions spawned per second, and what a dedicated session of each provider costs, against bare Ray actors."""

import asyncio
import time
from collections.abc import AsyncIterator
from compileall import compile_dir
from contextlib import aclosing
from pathlib import Path

import psutil

import rayconteur as rc
from rayconteur.providers import ProviderConfig
from rayconteur.runtime import Placement

from ..load.answers import ANTHROPIC, BEDROCK, COHERE, GEMINI, OPENAI_RESPONSES, Api
from ..load.process import load_server
from ..program import Options, run_program
from ..readers.runtime_client import ClientReader, provider_config
from ..report.rows import MB, Row, Sample, Target
from ..rounds import measure_in_rounds
from ..system.ray_baselines import BareActor, bare_start_ms, start_empty_actor
from ..system.ray_cluster import (
    ONE_ACTOR,
    actor_of,
    kill_actor,
    local_runtime,
    process_of,
    total_unique_bytes,
)

_TARGET = Target("at least", 1_000)
_PROCESS_TARGETS = Target("under", 1.5), Target("under", 15)
"""CPU in times, and MB more, than a bare actor's."""

_FIRST_TEXT_TARGET = Target("under", 50)
_CONFIG = rc.SessionConfig(provider=rc.Scripted())
_APIS = (ANTHROPIC, OPENAI_RESPONSES, GEMINI, COHERE, BEDROCK)
_HELD = (ANTHROPIC, OPENAI_RESPONSES)
"""The providers whose sessions are held to the targets."""

_TOKENS = 50

_REPLACED_S = 0.2
"""After it the replacement of a warm actor has been started. The next measurement begins when all actors are ready."""

CpuAndMemory = tuple[float, float]
"""Seconds and bytes."""


async def measure(options: Options) -> AsyncIterator[Row]:
    """Packed sessions add to those of earlier rounds; dedicated ones and bare actors are ended after each."""
    scale = options.scale
    # As pip does with what it installs, Ray included; an editable install is compiled as it is used, or never.
    await asyncio.to_thread(compile_dir, Path(rc.__file__).parent, quiet=2)
    async with local_runtime(options.address) as runtime:
        spawning = _Spawning(runtime, scale.pick(2_000, 1_000, 20), scale.pick(2, 2, 1))
        samples = await measure_in_rounds(scale.pick(5, 3, 1), {"packed": spawning.packed_per_s})
        yield Row.measured("packed sessions spawned", "/s", samples["packed"]).held_to(_TARGET)
        samples = await measure_in_rounds(
            scale.pick(2, 1, 1), {"dedicated": spawning.dedicated_per_s, "bare": spawning.bare_per_s}
        )
        row = Row.measured("dedicated sessions spawned", "/s", samples["dedicated"])
        yield row.beside("bare Ray actors", samples["bare"]).better_if("more")
        async for row in _first_events(runtime, options):
            yield row
        with load_server() as url:
            for api in _APIS:
                async for row in _process_rows(runtime, api, url, scale.pick(3, 2, 1)):
                    yield row
            async for row in _first_texts(options, url):
                yield row


async def _first_events(runtime: rc.Runtime, options: Options) -> AsyncIterator[Row]:
    """From ``spawn`` to the first event; dedicated sessions also in a runtime that keeps an idle actor ready."""
    async with local_runtime(options.address, warm=1) as warm:

        async def cold_ms() -> float:
            return await _first_event_ms(runtime, rc.Dedicated())

        async def warm_ms() -> float:
            first_ms = await _first_event_ms(warm, rc.Dedicated())
            await asyncio.sleep(_REPLACED_S)
            return first_ms

        async def packed_ms() -> float:
            return await _first_event_ms(runtime, ONE_ACTOR)

        sides = {
            "bare": bare_start_ms,
            "dedicated": cold_ms,
            "dedicated, of a warm actor": warm_ms,
            "packed": packed_ms,
        }
        samples = await measure_in_rounds(options.scale.pick(2, 1, 1), sides)
    bare = samples.pop("bare")
    for what, sample in samples.items():
        row = Row.measured(f"from spawn to the first event, {what}", "ms", sample)
        yield row.beside("a bare Ray actor's first answer", bare).better_if("less")


async def _process_rows(runtime: rc.Runtime, api: Api, url: str, runs: int) -> AsyncIterator[Row]:
    """The CPU and the unique memory of a dedicated session's process from its start to the end of its first turn."""
    ours: list[CpuAndMemory] = []
    bare: list[CpuAndMemory] = []
    for number in range(-1, runs):
        session, actor = await _session_process(runtime, api, url), await _bare_process()
        if number >= 0:  # the first one makes the SDK's request forms here
            ours.append(session)
            bare.append(actor)
    peer, targets = "a bare Ray actor", _PROCESS_TARGETS if api in _HELD else (None, None)
    mine, its = (Sample.of(cpu for cpu, _ in each) for each in (ours, bare))
    yield (
        Row.measured(f"CPU of a dedicated session's process, {api.name}", "s", mine)
        .beside(peer, its)
        .held_to(targets[0])
        .better_if("less")
    )
    mine, its = (Sample.of(size / MB for _, size in each) for each in (ours, bare))
    row = Row.measured(f"memory of a dedicated session's process, {api.name}", "MB", mine)
    yield row.more_than(peer, its, "MB more").held_to(targets[1])


async def _session_process(runtime: rc.Runtime, api: Api, url: str) -> CpuAndMemory:
    config = rc.SessionConfig(provider=provider_config(api, url), max_output_tokens=_TOKENS)
    session = await runtime.spawn(config, placement=rc.Dedicated())
    await session.ask("Hi").answer()
    actor = await actor_of(session.id)
    spent = _spent(await process_of(actor))
    await session.close()
    return spent


async def _bare_process() -> CpuAndMemory:
    actor = start_empty_actor()
    await actor.do_nothing.remote()
    spent = _spent(await process_of(actor))
    kill_actor(actor)
    return spent


def _spent(process: psutil.Process) -> CpuAndMemory:
    times = process.cpu_times()
    return times.user + times.system, float(process.memory_full_info().uss)


async def _first_texts(options: Options, url: str) -> AsyncIterator[Row]:
    """From ``spawn`` on an actor that is kept warm for its provider to the first text, beside the client alone."""
    for api in _HELD:
        config = provider_config(api, url)
        client = ClientReader(config)

        async def alone_ms(client: ClientReader = client) -> float:
            return await client.first_text_s(_TOKENS) * 1e3

        async with local_runtime(options.address, warm={config.name: 1}) as runtime:

            async def warm_ms(runtime: rc.Runtime = runtime, config: ProviderConfig = config) -> float:
                first_ms = await _first_event_ms(runtime, rc.Dedicated(), config, rc.TextChunk)
                await asyncio.sleep(_REPLACED_S)
                return first_ms

            samples = await measure_in_rounds(
                options.scale.pick(5, 3, 1), {"warm": warm_ms, "the client alone": alone_ms}
            )
        await client.aclose()
        row = Row.measured(f"from spawn on a warm actor to the first text, {api.name}", "ms", samples["warm"])
        yield row.more_than("the client alone", samples["the client alone"], "ms more").held_to(_FIRST_TEXT_TARGET)


class _Spawning:
    """Spawns *packed* sessions in one actor, or *dedicated* ones or bare actors, at a time."""

    def __init__(self, runtime: rc.Runtime, packed: int, dedicated: int) -> None:
        self._runtime = runtime
        self._packed = packed
        self._dedicated = dedicated

    async def packed_per_s(self) -> float:
        """Sessions per second until all can be asked."""
        started_at = time.perf_counter()
        await self._runtime.spawn_many(_CONFIG, self._packed, ONE_ACTOR)
        return self._packed / (time.perf_counter() - started_at)

    async def dedicated_per_s(self) -> float:
        """Sessions per second until all can be asked."""
        started_at = time.perf_counter()
        sessions = await self._runtime.spawn_many(_CONFIG, self._dedicated, rc.Dedicated())
        spent_s = time.perf_counter() - started_at
        await asyncio.gather(*(session.close() for session in sessions))
        return self._dedicated / spent_s

    async def bare_per_s(self) -> float:
        """Actors per second until all have answered a call."""
        started_at = time.perf_counter()
        actors = [BareActor.options(num_cpus=0).remote() for _ in range(self._dedicated)]
        await asyncio.gather(*(actor.do_nothing.remote() for actor in actors))
        spent_s = time.perf_counter() - started_at
        for actor in actors:
            kill_actor(actor)
        return self._dedicated / spent_s


async def _first_event_ms(
    runtime: rc.Runtime,
    placement: Placement,
    provider: ProviderConfig = _CONFIG.provider,
    kind: type[rc.FromLLM] | None = None,
) -> float:
    """From ``spawn`` to the first event, or to the first of *kind*."""
    await total_unique_bytes()  # returns when all actors are ready, the idle one too
    config = rc.SessionConfig(provider=provider, max_output_tokens=_TOKENS)
    started_at = time.perf_counter()
    session = await runtime.spawn(config, placement=placement)
    spent_s = 0.0
    async with aclosing(aiter(session.ask("Hi"))) as answer:
        async for event in answer:
            if not spent_s and (kind is None or isinstance(event, kind)):
                spent_s = time.perf_counter() - started_at
    await session.close()
    return spent_s * 1e3


if __name__ == "__main__":
    run_program(measure)
