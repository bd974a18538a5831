"""One host with very many sessions: memory, how long it leaves others waiting, and the cost of listing and closing all.

And the cost of a turn on a very long history.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from typing import TypeVar

import rayconteur as rc
from rayconteur.scripted import Say, Script

from ..load.answers import ANTHROPIC
from ..load.process import LoadProcess, load_process
from ..program import Options, run_program
from ..readers.runtime_client import provider_config
from ..report.rows import KB, Row, Sample, Target
from ..rounds import Measurement, measure_in_rounds
from ..system.call_watch import CallWatch, watch_calls
from ..system.processes import CpuMeter, process_tree
from ..system.ray_cluster import (
    NAMESPACE,
    ONE_ACTOR,
    joined_address,
    local_runtime,
    packed_actor,
    total_unique_bytes,
    unique_bytes,
)

T = TypeVar("T")

_STALL_MS = Target("under", 50)
_LISTING_S = Target("under", 2)
_CLOSING_S = Target("under", 5)
_LONG_HISTORY = Target("under", 1.3)

_TOKENS = 20
_ASKED_SHARE = 0.1
_MINUTE_S = 60.0
_PAGE = 1_000


async def measure(options: Options) -> AsyncIterator[Row]:
    """The host first, then the history."""
    scale = options.scale
    sessions = next(iter(options.sessions), scale.pick(100_000, 10_000, 20))
    asking_s = options.duration_s or scale.pick(_MINUTE_S, 10.0, 0.5)
    with load_process() as server:
        async with local_runtime(options.address) as runtime:
            async for row in _host_rows(runtime, server, sessions, asking_s):
                yield row
            yield await _history_row(runtime, options)


async def _host_rows(runtime: rc.Runtime, server: LoadProcess, number: int, asking_s: float) -> AsyncIterator[Row]:
    config = rc.SessionConfig(provider=provider_config(ANTHROPIC, server.url), max_output_tokens=_TOKENS)
    probe = await runtime.spawn(config, placement=ONE_ACTOR)
    await probe.ask("Hi").answer()  # what all sessions share is there from now on
    asked = round(number * _ASKED_SHARE)
    host = packed_actor()
    async with watch_calls(joined_address(), NAMESPACE, probe.id) as watch:
        moments = _Moments(watch, server)
        before = await unique_bytes(host), await total_unique_bytes()
        sessions = await moments.during("opening all", runtime.spawn_many(config, number, ONE_ACTOR))
        after = await unique_bytes(host), await total_unique_bytes()
        each_kb = [_kb_more(*each, number) for each in zip(before, after, strict=True)]
        for whose, kb in zip(("the host's", "all processes'"), each_kb, strict=True):
            yield Row.measured(f"memory of one of {number:,} idle sessions, {whose}", "KB", Sample.of([kb]))
        await moments.during(f"{asked:,} turns within {asking_s:g} s", _ask_spread(sessions[:asked], asking_s))
        grown_kb = _kb_more(after[0], await unique_bytes(host), asked)
        yield Row.measured("memory that a turn adds to a session, the host's", "KB", Sample.of([grown_kb]))
        listed = await moments.during("listing all", _list_in_pages(runtime))
        assert listed == number + 1
        await moments.during("closing all", _close(sessions))
        for row in moments.rows(number):
            yield row
    await probe.close()


def _kb_more(before: int, after: int, sessions: int) -> float:
    """What each of *sessions* added; not zero, for it may be a divisor."""
    return max(1, after - before) / sessions / KB


class _Moments:
    """What happens to a host: the CPU time that it takes, and how long the host leaves another program waiting."""

    def __init__(self, watch: CallWatch, server: LoadProcess) -> None:
        self._watch = watch
        self._without = (server.pid, watch.pid)
        self._cpu_s: dict[str, float] = {}
        self._stalls_ms: dict[str, float] = {}

    async def during(self, what: str, work: Awaitable[T]) -> T:
        """The result of *work*."""
        await self._watch.calls()
        meter = CpuMeter([each for each in process_tree() if each.pid not in self._without])
        result = await work
        self._cpu_s[what] = meter.spent_s()
        self._stalls_ms[what] = (await self._watch.calls()).stall_ms
        return result

    def rows(self, number: int) -> Iterator[Row]:
        """The stalls of each moment, the longest of all, and the CPU time of listing and closing."""
        of_all = f"of {number:,} sessions"
        for what, stall_ms in self._stalls_ms.items():
            yield Row.measured(f"longest wait for a host {of_all}, {what}", "ms", Sample.of([stall_ms]))
        longest = Row.measured(f"longest wait for a host {of_all}", "ms", Sample.of([max(self._stalls_ms.values())]))
        yield longest.held_to(_STALL_MS)
        for what, target in (("opening all", None), ("listing all", _LISTING_S), ("closing all", _CLOSING_S)):
            row = Row.measured(f"CPU of {what} {of_all}", "CPU s", Sample.of([self._cpu_s[what]]))
            yield row.better_if("less").held_to(target)


async def _ask_spread(sessions: Sequence[rc.SessionHandle], within_s: float) -> None:
    """One turn of each, spread evenly."""
    started_at = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number, session in enumerate(sessions):
            due_at = started_at + within_s * number / len(sessions)
            await asyncio.sleep(max(0.0, due_at - time.monotonic()))
            group.create_task(_ask(session))


async def _ask(session: rc.SessionHandle) -> None:
    await session.ask("Any news of the ravens?").answer()


async def _list_in_pages(runtime: rc.Runtime) -> int:
    """Read the status of every session; returns their number."""
    listed, last = 0, ""
    while page := await runtime.sessions(_PAGE, last):
        listed, last = listed + len(page), page[-1].id
    return listed


async def _close(sessions: Sequence[rc.SessionHandle]) -> None:
    await asyncio.gather(*(session.close() for session in sessions))


# A long history. Answers are scripted: a request over HTTP has to carry the whole history to the provider.

_HISTORY = rc.SessionConfig(
    provider=rc.Scripted(script=Script(answers=((Say(text="abcd" * _TOKENS),),))), compaction=None
)
_AT_ONCE = 500


async def _history_row(runtime: rc.Runtime, options: Options) -> Row:
    """The CPU time of a turn on a long history, beside one on a short history."""
    short, long = options.scale.pick((200, 20_000), (200, 2_000), (4, 20))
    turns = options.scale.pick(200, 100, 5)
    long_session = await _with_history(runtime, long)

    async def on_long() -> float:
        return await _cpu_ms_of_turns(long_session, turns)

    async def on_short() -> float:
        session = await _with_history(runtime, short)
        cost = await _cpu_ms_of_turns(session, turns)
        await session.close()
        return cost

    sides: dict[str, Measurement] = {"long": on_long, "short": on_short}
    samples = await measure_in_rounds(options.scale.pick(5, 3, 1), sides)
    await long_session.close()
    row = Row.measured(f"CPU of a turn after {long:,} messages", "CPU ms", samples["long"])
    return row.beside(f"after {short:,} messages", samples["short"]).held_to(_LONG_HISTORY)


async def _with_history(runtime: rc.Runtime, messages: int) -> rc.SessionHandle:
    """A session with so many messages. Its turns wait in its mailbox, for nobody needs to read them."""
    session = await runtime.spawn(_HISTORY, placement=ONE_ACTOR)
    missing = messages // 2
    while missing:
        turns = min(missing, _AT_ONCE)
        await asyncio.gather(*(session.send(rc.UserMessage.of("Any news?")) for _ in range(turns - 1)))
        await session.ask("Any news?").answer()
        missing -= turns
    return session


async def _cpu_ms_of_turns(session: rc.SessionHandle, turns: int) -> float:
    meter = CpuMeter(process_tree())
    for _ in range(turns):
        await _ask(session)
    return meter.spent_s() / turns * 1e3


if __name__ == "__main__":
    run_program(measure)
