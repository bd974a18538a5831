"""Time from an interrupt to its ``Interrupted`` while many sessions are being answered, in bare Ray round trips."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from random import Random

import rayconteur as rc

from ..comparison.workloads import percentiles
from ..load.answers import ANTHROPIC
from ..load.pace import Pace
from ..load.process import load_server
from ..program import Options, run_program
from ..readers.runtime_client import provider_config
from ..report.findings import Chart, Distribution, Finding
from ..report.rows import Row, Sample
from ..system.ray_baselines import BareActor
from ..system.ray_cluster import ONE_ACTOR, kill_actor, local_runtime

_TOKENS_PER_S = 50.0
_ENDLESS = 1_000_000
"""The tokens of an answer that is always interrupted."""

_SEED = 5
_PERCENTILES = (50.0, 95.0, 99.0)
_TRIP = "a bare Ray round trip"
_CHART = Chart("From an interrupt to its event", "part of the interrupts", "ms", y_scale="log")

Pair = tuple[float, float]
"""The milliseconds of an interrupt, and of a round trip right before it."""


async def measure(options: Options) -> AsyncIterator[Finding]:
    """One session alone, then many. An interrupted session asks again, so that all are always being answered."""
    scale = options.scale
    runs, interrupts = scale.pick(3, 2, 1), scale.pick(30, 20, 3)
    with load_server(Pace(tokens_per_s=_TOKENS_PER_S)) as url:
        async with local_runtime(options.address) as runtime:
            for number in (1, *(options.sessions or scale.pick((200,), (200,), (3,)))):
                config = rc.SessionConfig(provider=provider_config(ANTHROPIC, url), max_output_tokens=_ENDLESS)
                sessions = await runtime.spawn_many(config, number, ONE_ACTOR)
                async with _talking(sessions) as conversations:
                    pairs = [
                        await _measure_interrupts(conversations, interrupts, seed)
                        for seed in range(_SEED, _SEED + runs)
                    ]
                for finding in _findings(number, pairs):
                    yield finding


class _Conversation:
    """Asks *session* and reads its events, again and again."""

    def __init__(self, session: rc.SessionHandle) -> None:
        self._session = session
        self._has_text = asyncio.Event()
        self._interrupted_at: asyncio.Future[float] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            async for event in self._session.ask("Hi"):
                match event:
                    case rc.TextChunk():
                        self._has_text.set()
                    case rc.Interrupted() if self._interrupted_at:
                        self._interrupted_at.set_result(time.perf_counter())
                    case rc.Completed() | rc.Failed() | rc.Interrupted():
                        raise RuntimeError(f"unexpected end of a turn: {event}")
                    case _:
                        pass

    async def wait_for_text(self) -> None:
        """Wait until text has come since the last interrupt."""
        await self._has_text.wait()

    async def interrupt_ms(self) -> float:
        """Interrupt the session, and wait until the event has reached its reader."""
        self._has_text.clear()
        self._interrupted_at = asyncio.get_running_loop().create_future()
        started_at = time.perf_counter()
        if not await self._session.interrupt():
            raise RuntimeError("there was nothing to interrupt")
        spent_s = await self._interrupted_at - started_at
        self._interrupted_at = None
        return spent_s * 1e3


@asynccontextmanager
async def _talking(sessions: Sequence[rc.SessionHandle]) -> AsyncGenerator[Sequence[_Conversation]]:
    """Conversations with *sessions*, all being answered. An error in one of them is raised here."""
    conversations = [_Conversation(session) for session in sessions]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(conversation.run()) for conversation in conversations]
        await asyncio.gather(*(conversation.wait_for_text() for conversation in conversations))
        yield conversations
        for task in tasks:
            task.cancel()
    await asyncio.gather(*(session.close() for session in sessions))


async def _measure_interrupts(conversations: Sequence[_Conversation], interrupts: int, seed: int) -> list[Pair]:
    """One after the other, each of a session drawn by *seed*."""
    random = Random(seed)
    bare = BareActor.options(num_cpus=0).remote()
    await bare.do_nothing.remote()
    pairs: list[Pair] = []
    for _ in range(interrupts):
        conversation = random.choice(conversations)
        await conversation.wait_for_text()
        started_at = time.perf_counter()
        await bare.do_nothing.remote()
        trip_ms = (time.perf_counter() - started_at) * 1e3
        pairs.append((await conversation.interrupt_ms(), trip_ms))
    kill_actor(bare)
    return pairs


def _findings(sessions: int, runs: Sequence[Sequence[Pair]]) -> Iterator[Finding]:
    load = "alone" if sessions == 1 else f"while {sessions:,} sessions get {_TOKENS_PER_S:g} tokens/s each"
    interrupts = [dict(percentiles(ours for ours, _ in pairs)) for pairs in runs]
    trips = [dict(percentiles(theirs for _, theirs in pairs)) for pairs in runs]
    for percentile in _PERCENTILES:
        ours = Sample.of(each[percentile] for each in interrupts)
        row = Row.measured(f"interrupt to its event, {load}, p{percentile:g}", "ms", ours)
        row = row.beside(_TRIP, Sample.of(each[percentile] for each in trips))
        yield row.judged_by(row.figure, "round trips").better_if("less")
    many = "one session" if sessions == 1 else f"{sessions:,} sessions"
    all_pairs = [pair for pairs in runs for pair in pairs]
    yield Distribution(_CHART, f"ours, {many}", percentiles(ours for ours, _ in all_pairs))
    yield Distribution(_CHART, f"{_TRIP}, {many}", percentiles(theirs for _, theirs in all_pairs))


if __name__ == "__main__":
    run_program(measure)
