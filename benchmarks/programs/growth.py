"""How costs grow with the numbers of sessions, messages, tokens and events: exponents, none above linear."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import rayconteur as rc
from rayconteur.compaction import Layered, compact
from rayconteur.scripted import Call, Say, Script

from ..load.answers import ANTHROPIC
from ..load.process import LoadProcess, load_process
from ..program import Options, Scale, run_program
from ..readers.runtime_client import provider_config
from ..report.findings import Finding
from ..scaling import Cost, ScaledCost, measure_scaling
from ..system.processes import CpuMeter, process_tree, router_processes
from ..system.ray_cluster import ONE_ACTOR, local_runtime
from .histories import TEXT, plain_history, unreachable_budget
from .request_building import RequestCost

_CONFIG = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Say(text="abcd" * 50),),))))
_ANSWERS = 10
_TALKERS = 2
_EVENT_SESSIONS = 100
_EVENTS_PER_S = 100.0
"""Of each session: slow enough that every event reaches the router in a segment of its own."""

_MOST_SPAWNED = 20_000


async def measure(options: Options) -> AsyncIterator[Finding]:
    """Requests and compaction in this process; then the whole runtime."""
    scale = options.scale
    messages = scale.pick((250, 500, 1_000, 2_000), (250, 500, 1_000, 2_000), (100, 200))
    with load_process() as server:
        async with RequestCost(ANTHROPIC, server.url, plain_history(messages[-1])) as requests:
            for cost in (
                Cost("the next request of a conversation", "messages", messages, requests.next_request_s, 10),
                Cost("shortening a history, all layers", "messages", messages, _compaction_cpu_s, 10),
            ):
                for finding in (await measure_scaling(cost, scale.pick(5, 5, 1))).findings():
                    yield finding
        async with local_runtime(options.address) as runtime:
            async for finding in _whole_runtime(runtime, server, options):
                yield finding


async def _whole_runtime(runtime: rc.Runtime, server: LoadProcess, options: Options) -> AsyncIterator[Finding]:
    scale = options.scale
    if scale is not Scale.QUICK:  # building a long history takes time
        marks = scale.pick(range(100, 1_001, 100), (), range(4, 9, 4))
        for finding in (await _long_conversation(runtime, server, marks)).findings():
            yield finding
    events = scale.pick((1_000, 4_000, 16_000), (1_000, 4_000, 16_000), (100, 200))
    sessions = options.sessions or scale.pick((10, 100, 500, 2_000), (10, 50, 250), (2, 4))
    tokens = scale.pick((100, 1_000, 5_000, 20_000), (100, 1_000, 5_000), (10, 20))
    spawned = scale.pick((500, 1_500, 4_500), (500, 2_000, 8_000), (10, 20))
    turns, answers = _Turns(runtime), _Answers(runtime, server)
    spawning = _Spawning(options.address)
    for cost in (
        Cost("routing, a segment for each event", "events", events, _Routing(runtime).cpu_s, 4),
        Cost("a turn of each of many sessions", "sessions", sessions, turns.cpu_s, 4),
        Cost("ten answers over HTTP", "tokens", tokens, answers.cpu_s, 4),
        Cost("spawning packed sessions", "sessions", spawned, spawning.cpu_s, 4),
    ):
        for finding in (await measure_scaling(cost, scale.pick(2, 1, 1))).findings():
            yield finding
    await spawning.close()
    await turns.close()


async def _compaction_cpu_s(messages: int) -> float:
    """The CPU time of all layers; none of them reaches the budget."""
    job = unreachable_budget(plain_history(messages))
    gc.collect()  # garbage of the preparation is no part of it
    before_s = time.process_time()
    await compact(job, Layered())
    return time.process_time() - before_s


class _Routing:
    """Events of many sessions through the router to a driver that reads all of them."""

    def __init__(self, runtime: rc.Runtime) -> None:
        self._runtime = runtime

    async def cpu_s(self, events: int) -> float:
        """The router's CPU time for *events* events, the pieces of a tool's input."""
        call = Call(name="write", input={"text": "abcd" * (events // _EVENT_SESSIONS)})
        script = Script(answers=((call,),), tokens_per_s=_EVENTS_PER_S)
        config = rc.SessionConfig(provider=rc.Scripted(script=script))
        sessions = await self._runtime.spawn_many(config, _EVENT_SESSIONS, ONE_ACTOR)
        meter = CpuMeter(router_processes())
        await asyncio.gather(*(_read_tool_call(session) for session in sessions))
        spent_s = meter.spent_s()
        await asyncio.gather(*(session.close() for session in sessions))
        return spent_s


async def _read_tool_call(session: rc.SessionHandle) -> None:
    async for event in session.ask("Go"):
        if isinstance(event, rc.ToolBatch):
            return
    raise RuntimeError("no tool was called")


class _Turns:
    """One turn of each of many sessions, all at once."""

    def __init__(self, runtime: rc.Runtime) -> None:
        self._runtime = runtime
        self._sessions: list[rc.SessionHandle] = []

    async def cpu_s(self, sessions: int) -> float:
        """The CPU time of all processes."""
        await self._resize(sessions)
        meter = CpuMeter(process_tree())
        await asyncio.gather(*(_have_turn(session) for session in self._sessions))
        return meter.spent_s()

    async def close(self) -> None:
        """Close the sessions."""
        await self._resize(0)

    async def _resize(self, sessions: int) -> None:
        missing = sessions - len(self._sessions)
        if missing > 0:
            self._sessions += await self._runtime.spawn_many(_CONFIG, missing, ONE_ACTOR)
        await asyncio.gather(*(session.close() for session in self._sessions[sessions:]))
        del self._sessions[sessions:]


class _Answers:
    """Answers of several lengths over HTTP, from sessions of their own for each length."""

    def __init__(self, runtime: rc.Runtime, server: LoadProcess) -> None:
        self._runtime = runtime
        self._server = server
        self._sessions: dict[int, list[rc.SessionHandle]] = {}

    async def cpu_s(self, tokens: int) -> float:
        """The CPU time of all processes but the load server's, for a turn of each of these sessions."""
        if tokens not in self._sessions:
            config = rc.SessionConfig(provider=provider_config(ANTHROPIC, self._server.url), max_output_tokens=tokens)
            self._sessions[tokens] = await self._runtime.spawn_many(config, _ANSWERS, ONE_ACTOR)
        meter = CpuMeter(process_tree(without=self._server.pid))
        await asyncio.gather(*(_have_turn(session) for session in self._sessions[tokens]))
        return meter.spent_s()


class _Spawning:
    """Sessions spawned in a runtime of their own, which is replaced when it has too many."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._exit_stack = AsyncExitStack()
        self._runtime: rc.Runtime | None = None
        self._spawned = 0

    async def cpu_s(self, sessions: int) -> float:
        """The CPU time of all processes for spawning *sessions* more."""
        if self._spawned + sessions > _MOST_SPAWNED:
            await self.close()
        if self._runtime is None:
            self._runtime = await self._exit_stack.enter_async_context(local_runtime(self._address))
            await self._runtime.spawn(_CONFIG, placement=ONE_ACTOR)  # starts the actor
        self._spawned += sessions
        meter = CpuMeter(process_tree())
        await self._runtime.spawn_many(_CONFIG, sessions, ONE_ACTOR)
        return meter.spent_s()

    async def close(self) -> None:
        """Leave the runtime."""
        self._runtime, self._spawned = None, 0
        await self._exit_stack.aclose()


async def _long_conversation(runtime: rc.Runtime, server: LoadProcess, marks: Sequence[int]) -> ScaledCost:
    """The cost of a turn by the length of its history, of two sessions on their way from mark to mark."""
    config = rc.SessionConfig(provider=provider_config(ANTHROPIC, server.url), max_output_tokens=10, compaction=None)
    sessions = await runtime.spawn_many(config, _TALKERS, ONE_ACTOR)

    async def ask(session: rc.SessionHandle, turns: int) -> None:
        for _ in range(turns):
            await session.ask(TEXT).answer()

    length, sizes, cpu_s = 0, list[float](), list[list[float]]()
    for mark in marks:
        turns = (mark - length) // 2
        meter = CpuMeter(process_tree(without=server.pid))
        await asyncio.gather(*(ask(session, turns) for session in sessions))
        sizes.append((length + mark) / 2)
        cpu_s.append([meter.spent_s() / turns / _TALKERS])
        length = mark
    await asyncio.gather(*(session.close() for session in sessions))
    return ScaledCost("a turn of a long conversation over HTTP", "messages", sizes, cpu_s)


async def _have_turn(session: rc.SessionHandle) -> None:
    await session.ask("Any news of the ravens?").answer()
    await session.clear()


if __name__ == "__main__":
    run_program(measure)
