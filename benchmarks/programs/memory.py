"""Memory of sessions: a packed one's share, and a dedicated one next to a bare Ray actor with the SDK that it uses."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable

import rayconteur as rc
from rayconteur.providers import ProviderConfig
from rayconteur.scripted import Say, Script

from ..load.answers import ANTHROPIC, OPENAI_CHAT, Api
from ..load.pace import Pace
from ..load.process import load_server
from ..program import Options, run
from ..readers.runtime_client import config_of
from ..report.rows import KB, MB, Row, Sample, Target
from ..system.bare_actor import BareActor
from ..system.ray_cluster import all_unique_bytes, end, local_runtime, named, unique_bytes

_PACKED_TARGET = Target("under", 25)
_DEDICATED_TARGET = Target("under", 5)
_TOKENS = 50
_SCRIPTED = rc.Scripted(script=Script(answers=((Say(text="abcd" * _TOKENS),),)))
_AT_ONCE = 200
_ROOM = 1_000_000
_TALKING = Pace(tokens_per_s=2, first_token_s=0.1)
"""Slow, so that what those say that were there before hardly counts."""

_ENDLESS = 1_000_000
"""The tokens of an answer: nobody hears the end of it."""
_GIB = 1 << 30

Twice = tuple[float, float]
"""The bytes of something idle, and after it was asked once."""


async def measure(options: Options) -> AsyncIterator[Row]:
    """Packed sessions, then dedicated ones for each provider."""
    scale = options.scale
    with load_server() as url:
        async with local_runtime(options.address) as runtime:
            idle, asked = await packed(runtime, scale.of(1_000, 500, 20), scale.of(2, 1, 1))
            for row in (idle, asked, _per_gib("packed idle sessions", idle.ours.times(KB))):
                yield row
            for row in await talking(runtime, scale.of(300, 200, 5), scale.of(2, 1, 1)):
                yield row
            apis: tuple[Api | None, ...] = (None, ANTHROPIC, OPENAI_CHAT)
            for api in scale.of(apis, apis[1:2], apis[1:2]):
                for row in await _dedicated(runtime, api, url, scale.of(2, 1, 1)):
                    yield row


async def packed(runtime: rc.Runtime, sessions: int, runs: int) -> list[Row]:
    """What all processes of the runtime, the driver's included, grow by."""
    opened: list[rc.SessionHandle] = []

    async def grown() -> Twice:
        before = await all_unique_bytes()
        config = rc.SessionConfig(provider=_SCRIPTED)
        opened.extend(await runtime.spawn_many(config, sessions, rc.Packed(sessions_per_actor=_ROOM)))
        idle = await all_unique_bytes() - before
        for first in range(len(opened) - sessions, len(opened), _AT_ONCE):
            await asyncio.gather(*(session.ask("Hi").answer() for session in opened[first : first + _AT_ONCE]))
        return idle, await all_unique_bytes() - before

    await grown()  # the first ones find nothing ready
    idle, asked = _samples([await grown() for _ in range(runs)], sessions * KB)
    return [
        Row(
            what=what,
            unit="KB",
            ours=sample,
            figure=sample,
            figure_unit="KB",
            target=target,
        )
        for what, sample, target in (
            ("memory of a packed idle session", idle, _PACKED_TARGET),
            ("memory of a packed session after a turn", asked, None),
        )
    ]


async def talking(runtime: rc.Runtime, sessions: int, runs: int) -> list[Row]:
    """The same for sessions that are being answered over HTTP, each on a connection of its own."""
    with load_server(_TALKING) as url:
        config = rc.SessionConfig(provider=config_of(ANTHROPIC, url), max_output_tokens=_ENDLESS)
        opened: list[rc.SessionHandle] = []

        async def grown() -> float:
            before = await all_unique_bytes()
            more = await runtime.spawn_many(config, sessions, rc.Packed(sessions_per_actor=_ROOM))
            opened.extend(more)
            await asyncio.gather(*(_speaks(session.ask("Hi")) for session in more))
            return (await all_unique_bytes() - before) / sessions

        await grown()
        taken = Sample.of([await grown() for _ in range(runs)])
        await asyncio.gather(*(session.close() for session in opened))
    kb = taken.times(1 / KB)
    row = Row(what="memory of a packed session while it talks", unit="KB", ours=kb, figure=kb, figure_unit="KB")
    return [row, _per_gib("packed talking sessions", taken)]


async def _speaks(answer: AsyncIterable[rc.FromLLM]) -> None:
    """Come back with its first text."""
    async for event in answer:
        if isinstance(event, rc.TextChunk):
            return
    raise RuntimeError("it said nothing")


async def _dedicated(runtime: rc.Runtime, api: Api | None, url: str, runs: int) -> list[Row]:
    """What the process of one session has for itself."""
    ours: list[Twice] = []
    bare: list[Twice] = []
    for _ in range(runs):
        mine, its = await asyncio.gather(
            _of_session(runtime, config_of(api, url) if api else _SCRIPTED), _of_bare(api, url)
        )
        ours.append(mine)
        bare.append(its)
    name = api.name if api else "scripted"
    fitting = _per_gib(f"dedicated idle sessions, {name}", Sample.of(idle for idle, _ in ours))
    return [*_beside_bare(api, ours, bare), fitting]


def _beside_bare(api: Api | None, ours: Iterable[Twice], bare: Iterable[Twice]) -> list[Row]:
    return [
        Row(
            what=f"memory of a dedicated session, {api.name if api else 'scripted'}{moment}",
            unit="MB",
            ours=mine,
            peer=f"a bare Ray actor with {api.name}'s SDK" if api else "a bare Ray actor",
            theirs=its,
            figure=mine.above(its),
            figure_unit="MB more",
            target=target,
        )
        for mine, its, moment, target in zip(
            _samples(ours, MB), _samples(bare, MB), ("", ", after a turn"), (_DEDICATED_TARGET, None), strict=True
        )
    ]


async def _of_session(runtime: rc.Runtime, provider: ProviderConfig) -> Twice:
    session = await runtime.spawn(rc.SessionConfig(provider=provider, max_output_tokens=_TOKENS))
    actor = named(session.id)
    idle = await unique_bytes(actor)
    await session.ask("Hi").answer()
    asked = await unique_bytes(actor)
    await session.close()
    return idle, asked


async def _of_bare(api: Api | None, url: str) -> Twice:
    actor = BareActor.options(num_cpus=0).remote(api, url)
    idle = await unique_bytes(actor)
    await actor.read.remote(_TOKENS)
    asked = await unique_bytes(actor)
    end(actor)
    return idle, asked


def _per_gib(what: str, taken: Sample) -> Row:
    """How many fit, by the bytes that each of them has *taken*."""
    found = Sample.of(_GIB / bytes_ for bytes_ in taken.values)
    return Row(what=what, unit="per GiB", ours=found, figure=found, figure_unit="per GiB", better="more")


def _samples(measured: Iterable[Twice], unit: float) -> tuple[Sample, Sample]:
    idle, asked = zip(*measured, strict=True)
    return Sample.of(bytes_ / unit for bytes_ in idle), Sample.of(bytes_ / unit for bytes_ in asked)


if __name__ == "__main__":
    run(measure)
