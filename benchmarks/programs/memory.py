"""Memory: of a session, packed or dedicated, beside a bare Ray actor; and over the 100,000 turns of a long life."""

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence

import msgspec

import rayconteur as rc
from rayconteur.compaction import Window
from rayconteur.providers import ModelFacts, ProviderConfig
from rayconteur.runtime import RouterLimits
from rayconteur.scripted import Call, Say, Script

from ..load.answers import ANTHROPIC, OPENAI_CHAT, Api
from ..load.pace import Pace
from ..load.process import load_server
from ..program import Options, Scale, run_mode
from ..readers.runtime_client import provider_config
from ..report.findings import Chart, Curve, Finding
from ..report.rows import KB, MB, Row, Sample, Target
from ..system.processes import tree_unique_bytes
from ..system.ray_baselines import BareActor
from ..system.ray_cluster import (
    ONE_ACTOR,
    actor_of,
    kill_actor,
    local_runtime,
    total_blocks,
    total_unique_bytes,
    unique_bytes,
)

_PACKED_TARGET = Target("under", 25)
_DEDICATED_TARGET = Target("under", 15)
_TOKENS = 50
_SCRIPTED = rc.Scripted(script=Script(answers=((Say(text="abcd" * _TOKENS),),)))
_TURNS_AT_ONCE = 200
_SLOW = Pace(tokens_per_s=2, first_token_s=0.1)
"""Slow, so that what the earlier sessions say meanwhile hardly counts."""

_ENDLESS = 1_000_000
"""The tokens of an answer that does not end while it is measured."""

_GIB = 1 << 30

IdleAndUsed = tuple[float, float]
"""The bytes of an idle session, and after one turn."""


async def sessions(options: Options) -> AsyncIterator[Row]:
    """Packed sessions, then dedicated ones for each provider."""
    scale = options.scale
    with load_server() as url:
        async with local_runtime(options.address) as runtime:
            for row in await packed_rows(runtime, scale.pick(1_000, 500, 20), scale.pick(2, 1, 1)):
                yield row
            for row in await _talking_rows(runtime, scale.pick(300, 200, 5), scale.pick(2, 1, 1)):
                yield row
            apis: tuple[Api | None, ...] = (None, ANTHROPIC, OPENAI_CHAT)
            for api in scale.pick(apis, apis[1:2], apis[1:2]):
                for row in await _dedicated_rows(runtime, api, url, scale.pick(2, 1, 1)):
                    yield row


async def packed_rows(runtime: rc.Runtime, number: int, runs: int) -> list[Row]:
    """The growth of all processes of the runtime, the driver included, per packed session."""
    opened: list[rc.SessionHandle] = []

    async def growth() -> IdleAndUsed:
        before = await total_unique_bytes()
        opened.extend(await runtime.spawn_many(rc.SessionConfig(provider=_SCRIPTED), number, ONE_ACTOR))
        idle = await total_unique_bytes() - before
        for first in range(len(opened) - number, len(opened), _TURNS_AT_ONCE):
            await asyncio.gather(*(session.ask("Hi").answer() for session in opened[first : first + _TURNS_AT_ONCE]))
        return idle, await total_unique_bytes() - before

    await growth()  # the first sessions also pay for what they all share
    idle, used = _samples([await growth() for _ in range(runs)], number * KB)
    return [
        Row.measured("memory of a packed idle session", "KB", idle).held_to(_PACKED_TARGET),
        Row.measured("memory of a packed session after a turn", "KB", used),
        _per_gib("packed idle sessions", idle.scaled(KB)),
    ]


async def _talking_rows(runtime: rc.Runtime, number: int, runs: int) -> list[Row]:
    """The same for sessions that are being answered over HTTP, each on its own connection."""
    with load_server(_SLOW) as url:
        config = rc.SessionConfig(provider=provider_config(ANTHROPIC, url), max_output_tokens=_ENDLESS)
        opened: list[rc.SessionHandle] = []

        async def growth() -> float:
            before = await total_unique_bytes()
            more = await runtime.spawn_many(config, number, ONE_ACTOR)
            opened.extend(more)
            await asyncio.gather(*(_wait_for_text(session.ask("Hi", on_abandon="leave")) for session in more))
            return (await total_unique_bytes() - before) / number

        await growth()
        per_session = Sample.of([await growth() for _ in range(runs)])
        await asyncio.gather(*(session.close() for session in opened))
    return [
        Row.measured("memory of a packed session while it talks", "KB", per_session.scaled(1 / KB)),
        _per_gib("packed talking sessions", per_session),
    ]


async def _wait_for_text(answer: AsyncIterable[rc.FromLLM]) -> None:
    async for event in answer:
        if isinstance(event, rc.TextChunk):
            return
    raise RuntimeError("the answer had no text")


async def _dedicated_rows(runtime: rc.Runtime, api: Api | None, url: str, runs: int) -> list[Row]:
    """The unique memory of a session's own process, beside that of a bare actor, which has no SDK either."""
    provider = provider_config(api, url) if api else _SCRIPTED
    pairs = [await asyncio.gather(_session_bytes(runtime, provider), _bare_bytes()) for _ in range(runs)]
    ours, bare = zip(*pairs, strict=True)
    name = api.name if api else "scripted"
    moments = (("", _DEDICATED_TARGET), (", after a turn", None))
    rows = [
        Row.measured(f"memory of a dedicated session, {name}{moment}", "MB", mine)
        .more_than("a bare Ray actor", its, "MB more")
        .held_to(target)
        for mine, its, (moment, target) in zip(_samples(ours, MB), _samples(bare, MB), moments, strict=True)
    ]
    return [*rows, _per_gib(f"dedicated idle sessions, {name}", Sample.of(idle for idle, _ in ours))]


async def _session_bytes(runtime: rc.Runtime, provider: ProviderConfig) -> IdleAndUsed:
    session = await runtime.spawn(rc.SessionConfig(provider=provider, max_output_tokens=_TOKENS))
    actor = await actor_of(session.id)
    idle = await unique_bytes(actor)
    await session.ask("Hi").answer()
    used = await unique_bytes(actor)
    await session.close()
    return idle, used


async def _bare_bytes() -> IdleAndUsed:
    actor = BareActor.options(num_cpus=0).remote()
    idle = await unique_bytes(actor)
    await actor.do_nothing.remote()
    used = await unique_bytes(actor)
    kill_actor(actor)
    return idle, used


def _per_gib(what: str, bytes_each: Sample) -> Row:
    """How many fit into a GiB."""
    return Row.measured(what, "per GiB", Sample.of(_GIB / each for each in bytes_each.values)).better_if("more")


def _samples(measured: Iterable[IdleAndUsed], unit: float) -> tuple[Sample, Sample]:
    idle, used = zip(*measured, strict=True)
    return Sample.of(idle).scaled(1 / unit), Sample.of(used).scaled(1 / unit)


# Endurance: the histories are bounded, so that memory must not grow.

_FLAT = Target("under", 3)
"""%. Of 250 MB over 60,000 turns, this is 125 bytes per turn: less than the router keeps of the smallest event."""

_NONE_KEPT = Target("under", 0.1)
"""Memory blocks per turn: one in ten turns. Keeping an event of each turn, or only its number, takes one or more."""

_TOOL_USERS = 10
"""Every tenth session calls a tool in each of its turns."""

_CLEARED_AFTER = 25
"""Turns. The sessions clear their histories at different times, so that all together always hold the same."""

_WARM_UP = 0.2
"""The share of turns before the first quarter: by then each history was cleared, and the router's log is full."""

_CONTEXT_TOKENS = 250
"""Full after some ten turns, so that the window drops old ones before the history is cleared."""

_ROUTER_LIMITS = RouterLimits(session_bytes=8 << 10)
"""The router's log of a session, for late readers: full after some ten turns."""

_SAYS = Say(text="abcd" * 10)
_CALLS = Call(name="look", input={"where": "roof"})
_CHART = Chart("Memory over a long life", "turns", "MB", x_scale="linear", y_scale="linear")


class _Point(msgspec.Struct, frozen=True):
    """After *turns* turns: the unique memory of driver and actors, that with Ray's processes, and the blocks."""

    turns: int
    ours: int
    with_ray: int
    blocks: int


async def endurance(options: Options) -> AsyncIterator[Finding]:
    """The same number of turns between consecutive measurements."""
    scale = options.scale
    number = (options.sessions or scale.pick((400,), (100,), (10,)))[0]
    measurements, turns = scale.pick(12, 10, 8), scale.pick(21, 5, 1)
    async with local_runtime(options.address, router_limits=_ROUTER_LIMITS) as runtime:
        conversations = await _open_conversations(runtime, number, measurements * turns)
        points = [await _measure_point(0)]
        started_at = time.monotonic()
        while len(points) <= measurements or time.monotonic() - started_at < (options.duration_s or 0):
            await asyncio.gather(*(conversation.run(turns) for conversation in conversations))
            points.append(await _measure_point(len(points) * number * turns))
    for finding in _findings(number, points, with_ray=options.address is None, judged=scale is Scale.FULL):
        yield finding


class _Conversation:
    """A session that has *turns* turns behind it, as far as clearing its history is concerned."""

    def __init__(self, session: rc.SessionHandle, turns: int) -> None:
        self._session = session
        self._turns = turns

    async def run(self, turns: int) -> None:
        """Have *turns* more turns."""
        for _ in range(turns):
            await self._session.ask("Any news of the ravens?").answer(_look)
            self._turns += 1
            if self._turns % _CLEARED_AFTER == 0:
                await self._session.clear()


async def _look(use: rc.ToolUse) -> str:
    return f"three ravens on the {use.input['where']}"


async def _open_conversations(runtime: rc.Runtime, number: int, turns: int) -> list[_Conversation]:
    talker = Script(answers=((_SAYS,),))
    tool_user = Script(answers=((_CALLS,), (_SAYS,)) * turns)  # a turn of two requests, over and over
    tool_users = number // _TOOL_USERS
    opened: list[rc.SessionHandle] = []
    for script, count in ((talker, number - tool_users), (tool_user, tool_users)):
        config = rc.SessionConfig(
            provider=rc.Scripted(script=script, facts=ModelFacts(context_limit_tokens=_CONTEXT_TOKENS)),
            compaction=Window(keep_recent_turns=2),
            max_output_tokens=100,
        )
        opened += await runtime.spawn_many(config, count, rc.Packed(sessions_per_actor=number))
    return [_Conversation(session, place) for place, session in enumerate(opened)]


async def _measure_point(turns: int) -> _Point:
    blocks = await total_blocks()
    return _Point(turns, await total_unique_bytes(), tree_unique_bytes(), blocks)


def _findings(number: int, points: Sequence[_Point], with_ray: bool, judged: bool) -> Iterator[Finding]:
    """*with_ray*: all processes descend from this one. Only a life that is long enough to warm up is *judged*."""
    after = f"{points[-1].turns:,} turns of {number:,} packed sessions"
    turns = [point.turns for point in points]
    start = next(place for place, turn in enumerate(turns) if turn >= _WARM_UP * turns[-1])
    quarter = (len(turns) - start) // 4
    turns_between = turns[-quarter] - turns[start]

    def row(what: str, unit: str, values: Sequence[float]) -> Row:
        """The last quarter beside the first after the warm-up."""
        first, last = Sample.of(values[start : start + quarter]), Sample.of(values[-quarter:])
        measured = Row.measured(what, unit, last).better_if("less")
        return measured.more_than("the first quarter after the warm-up", first, "")

    mb = {"driver, router and sessions": [point.ours / MB for point in points]}
    if with_ray:
        mb["with Ray's own processes"] = [point.with_ray / MB for point in points]
    for place, (side, values) in enumerate(mb.items()):
        yield Curve(_CHART, f"ours: {side}", tuple(map(float, turns)), tuple(Sample.of([value]) for value in values))
        more = row(f"memory after {after}: {side}", "MB", values)
        assert more.theirs
        percent = more.figure.over(more.theirs).scaled(100)
        yield more.judged_by(percent, "% more").held_to(_FLAT if judged and place == 0 else None)
        yield more.judged_by(more.figure.scaled(MB / turns_between), "bytes more a turn")
    more = row(f"pieces of memory after {after}", "pieces", [float(point.blocks) for point in points])
    yield more.judged_by(more.figure.scaled(1 / turns_between), "more a turn").held_to(_NONE_KEPT if judged else None)


if __name__ == "__main__":
    run_mode({"sessions": sessions, "endurance": endurance})
