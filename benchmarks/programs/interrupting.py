"""Time from an interrupt to its ``Interrupted`` and to the end of the provider's connection, in bare Ray round trips.

In every phase of a turn, of sessions alone and next to many that are being answered.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random

import rayconteur as rc

from ..comparison.workloads import percentiles
from ..interrupts.phases import ON_RAY, PHASES, TOKENS_PER_S, session_config
from ..interrupts.provider_side import provider_side
from ..interrupts.subject import Subject, Times
from ..load.answers import ANTHROPIC
from ..load.reports import Reports
from ..program import Options, run_program
from ..readers.runtime_client import provider_config
from ..report.findings import Chart, Distribution, Finding
from ..report.rows import Row, Sample, Target
from ..system.ray_baselines import BareActor
from ..system.ray_cluster import ONE_ACTOR, kill_actor, local_runtime

_ENDLESS = 1_000_000
"""The tokens of an answer that does not end while others are interrupted."""

_FIRST_TOKENS = 5_000
"""The tokens of the first session's request. Each has another number, by which the servers tell them apart."""

_FAST_TOKENS = 1_000_000
"""The same for a server that sends thousands in a second."""

_SEED = 5
_TARGET = Target("under", 3)
_ON_RAY_TARGET = Target("under", 10)
_PERCENTILES = (50.0, 99.0)
_TRIP = "a bare Ray round trip"
_CHART = Chart("From an interrupt to its event", "part of the interrupts", "ms", y_scale="log")


async def measure(options: Options) -> AsyncIterator[Finding]:
    """A session in each phase, without others, then next to many that are being answered."""
    scale = options.scale
    of_each_phase = scale.pick(60, 6, 1)  # 780 in all, 300 with a connection, 240 on Ray: enough for a 99th percentile
    async with provider_side() as (urls, reports), local_runtime(options.address) as runtime:
        subjects = await _open_subjects(runtime, urls, reports)
        for number in (0, *(options.sessions or scale.pick((200,), (200,), (3,)))):
            config = rc.SessionConfig(provider=provider_config(ANTHROPIC, urls["paced"]), max_output_tokens=_ENDLESS)
            others = await runtime.spawn_many(config, number, ONE_ACTOR)
            async with _being_answered(others):
                times = await _interrupt_in_turn(subjects, of_each_phase)
            for finding in _findings(number, times):
                yield finding


async def _open_subjects(runtime: rc.Runtime, urls: Mapping[str, str], reports: Reports) -> list[Subject]:
    subjects: list[Subject] = []
    for number, phase in enumerate(PHASES):
        tokens = number + (_FAST_TOKENS if phase.server == "fast" else _FIRST_TOKENS)
        session = await runtime.spawn(session_config(phase, urls, tokens), placement=ONE_ACTOR)
        subjects.append(Subject(session, phase, reports, tokens))
        await subjects[-1].prepare()
    return subjects


@asynccontextmanager
async def _being_answered(sessions: Sequence[rc.SessionHandle]) -> AsyncGenerator[None]:
    """All *sessions* are being answered, and what they say is read. An error in one of them is raised here."""
    async with asyncio.TaskGroup() as group:
        have_text = [asyncio.Event() for _ in sessions]
        tasks = [group.create_task(_read_answer(*each)) for each in zip(sessions, have_text, strict=True)]
        await asyncio.gather(*(each.wait() for each in have_text))
        yield
        for task in tasks:
            task.cancel()
    await asyncio.gather(*(session.close() for session in sessions))


async def _read_answer(session: rc.SessionHandle, has_text: asyncio.Event) -> None:
    async for event in session.ask("Hi"):
        if isinstance(event, rc.TextChunk):
            has_text.set()
    raise RuntimeError("an endless answer has ended")


async def _interrupt_in_turn(subjects: Sequence[Subject], of_each: int) -> list[Times]:
    """Interrupt each of *subjects* so many times, one at a time, in an order drawn by seed, after a warm-up."""
    bare = BareActor.options(num_cpus=0).remote()

    async def trip_ms() -> float:
        started_at = time.perf_counter()
        await bare.do_nothing.remote()
        return (time.perf_counter() - started_at) * 1e3

    order = [subject for subject in subjects for _ in range(subject.weight * of_each)]
    Random(_SEED).shuffle(order)
    for subject in subjects:
        await subject.interrupt(trip_ms)
    times = [await subject.interrupt(trip_ms) for subject in order]
    kill_actor(bare)
    return times


def _findings(number: int, times: Sequence[Times]) -> Iterator[Finding]:
    load = f"while {number:,} sessions get {TOKENS_PER_S:g} tokens/s each" if number else "alone"
    on_ray = [each for each in times if each.phase == ON_RAY]
    closed = [each for each in times if each.closed_ms is not None and each.phase != ON_RAY]
    for what, measured, of_each, target in (
        ("interrupt to its event", times, _event_ms, _TARGET),
        ("interrupt to the end of the provider's connection", closed, _closed_ms, _TARGET),
        ("interrupt to the end of a tool on Ray", on_ray, _closed_ms, _ON_RAY_TARGET),
    ):
        for percent in _PERCENTILES:
            yield _row(f"{what}, {load}, p{percent:g} of {len(measured)}", measured, of_each, percent).held_to(target)
        for phase in PHASES if measured is not on_ray else ():
            if of_phase := [each for each in measured if each.phase == phase.name]:
                yield _row(f"{what}, {load}, {phase.name}, p50", of_phase, of_each, 50.0)
    side = f"next to {number:,} sessions" if number else "alone"
    yield Distribution(_CHART, f"ours, {side}", percentiles(each.event_ms for each in times))
    yield Distribution(_CHART, f"{_TRIP}, {side}", percentiles(each.trip_ms for each in times))


def _row(what: str, times: Sequence[Times], of_each: Callable[[Times], float], percent: float) -> Row:
    """The same percentile of both sides: their distributions have the same load behind them."""
    row = Row.measured(what, "ms", _percentile(map(of_each, times), percent))
    row = row.beside(_TRIP, _percentile((each.trip_ms for each in times), percent))
    return row.judged_by(row.figure, "round trips").better_if("less")


def _event_ms(times: Times) -> float:
    return times.event_ms


def _closed_ms(times: Times) -> float:
    assert times.closed_ms is not None
    return times.closed_ms


def _percentile(values: Iterable[float], percent: float) -> Sample:
    return Sample.of([dict(percentiles(values))[percent]])


if __name__ == "__main__":
    run_program(measure)
