"""From an interrupt to its ``Interrupted``, while many sessions are being answered, in bare Ray round trips."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from random import Random

import rayconteur as rc

from ..comparison.workloads import percentiles
from ..load.answers import ANTHROPIC
from ..load.pace import Pace
from ..load.process import load_server
from ..program import Options, run
from ..readers.runtime_client import config_of
from ..report.findings import Chart, Distribution, Finding
from ..report.rows import Row, Sample
from ..system.bare_actor import BareActor
from ..system.ray_cluster import end, local_runtime

_TOKENS_PER_S = 50.0
_ENDLESS = 1_000_000
"""The tokens of an answer: nobody hears the end of it."""

_ROOM = 1_000_000
_SEED = 5
_PERCENTILES = (50.0, 95.0, 99.0)
_TRIP = "a bare Ray round trip"
_CHART = Chart("From an interrupt to its event", "part of the interrupts", "ms", y_scale="log")

Pair = tuple[float, float]
"""The milliseconds of an interrupt, and of a round trip right before it."""


async def measure(options: Options) -> AsyncIterator[Finding]:
    """One session alone, then many; each that was interrupted asks again, so that all are always being answered."""
    scale = options.scale
    runs, interrupts = scale.of(3, 2, 1), scale.of(30, 20, 3)
    with load_server(Pace(tokens_per_s=_TOKENS_PER_S)) as url:
        async with local_runtime(options.address) as runtime:
            for number in (1, *(options.sessions or scale.of((200,), (200,), (3,)))):
                config = rc.SessionConfig(provider=config_of(ANTHROPIC, url), max_output_tokens=_ENDLESS)
                sessions = await runtime.spawn_many(config, number, rc.Packed(sessions_per_actor=_ROOM))
                async with _listening(sessions) as listeners:
                    found = [await _interrupt(listeners, interrupts, seed) for seed in range(_SEED, _SEED + runs)]
                for finding in _findings(number, found):
                    yield finding


class _Listener:
    """Somebody who asks *session* and reads what it says, again and again."""

    def __init__(self, session: rc.SessionHandle) -> None:
        self._session = session
        self._speaks = asyncio.Event()
        self._interrupted_at: asyncio.Future[float] | None = None

    async def listen(self) -> None:
        """Until this is cancelled."""
        while True:
            async for event in self._session.ask("Hi"):
                match event:
                    case rc.TextChunk():
                        self._speaks.set()
                    case rc.Interrupted() if self._interrupted_at:
                        self._interrupted_at.set_result(time.perf_counter())
                    case rc.Completed() | rc.Failed() | rc.Interrupted():
                        raise RuntimeError(f"nobody asked for that: {event}")
                    case _:
                        pass

    async def speaks(self) -> None:
        """Come back when text has come since the last interrupt."""
        await self._speaks.wait()

    async def interrupt_ms(self) -> float:
        """Interrupt it, and come back when the event has reached the one who reads."""
        self._speaks.clear()
        self._interrupted_at = asyncio.get_running_loop().create_future()
        begun_at = time.perf_counter()
        if not await self._session.interrupt():
            raise RuntimeError("there was nothing to interrupt")
        spent_s = await self._interrupted_at - begun_at
        self._interrupted_at = None
        return spent_s * 1e3


@asynccontextmanager
async def _listening(sessions: Sequence[rc.SessionHandle]) -> AsyncGenerator[Sequence[_Listener]]:
    """Those who read *sessions*, all of which are being answered. What fails for one, fails here."""
    listeners = [_Listener(session) for session in sessions]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(listener.listen()) for listener in listeners]
        await asyncio.gather(*(listener.speaks() for listener in listeners))
        yield listeners
        for task in tasks:
            task.cancel()
    await asyncio.gather(*(session.close() for session in sessions))


async def _interrupt(listeners: Sequence[_Listener], interrupts: int, seed: int) -> list[Pair]:
    """So many, one after the other, each of a session drawn by *seed*."""
    chance = Random(seed)
    bare = BareActor.options(num_cpus=0).remote()
    await bare.nothing.remote()
    pairs: list[Pair] = []
    for _ in range(interrupts):
        listener = chance.choice(listeners)
        await listener.speaks()
        trip_ms = await _milliseconds(bare.nothing.remote)
        pairs.append((await listener.interrupt_ms(), trip_ms))
    end(bare)
    return pairs


async def _milliseconds(call: Callable[[], Awaitable[None]]) -> float:
    begun_at = time.perf_counter()
    await call()
    return (time.perf_counter() - begun_at) * 1e3


def _findings(sessions: int, runs: Sequence[Sequence[Pair]]) -> Iterator[Finding]:
    load = "alone" if sessions == 1 else f"while {sessions:,} sessions get {_TOKENS_PER_S:g} tokens/s each"
    taken = [dict(percentiles(ours for ours, _ in pairs)) for pairs in runs]
    trips = [dict(percentiles(theirs for _, theirs in pairs)) for pairs in runs]
    for percentile in _PERCENTILES:
        ours = Sample.of(each[percentile] for each in taken)
        theirs = Sample.of(each[percentile] for each in trips)
        yield Row(
            what=f"interrupt to its event, {load}, p{percentile:g}",
            unit="ms",
            ours=ours,
            peer=_TRIP,
            theirs=theirs,
            figure=ours.over(theirs),
            figure_unit="round trips",
            better="less",
        )
    many = "one session" if sessions == 1 else f"{sessions:,} sessions"
    both = [pair for pairs in runs for pair in pairs]
    yield Distribution(_CHART, f"ours, {many}", percentiles(ours for ours, _ in both))
    yield Distribution(_CHART, f"{_TRIP}, {many}", percentiles(theirs for _, theirs in both))


if __name__ == "__main__":
    run(measure)
