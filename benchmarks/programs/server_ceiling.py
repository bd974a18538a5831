"""What the load server itself can send, to a client that only receives: no other figure can be above it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import psutil

from ..load.event_loop import event_loop
from ..load.load_client import Sink
from ..load.pace import Pace
from ..load.process import LoadProcess, load_process
from ..program import Options, run
from ..report.rows import Row, Sample
from ..system.processes import CLOCK_S

_SHORT_TOKENS = 200
_LONG_TOKENS = 4_000  # so that no answer ends while it is measured
_PACES = (50.0, 75.0, 100.0, 150.0, 200.0, 300.0, 400.0, 600.0)
_HOLDS = 0.95
_WARM_UP_S = 0.2


@dataclass(frozen=True, slots=True)
class _Flow:
    """How fast tokens came, and how many for a second of the server's CPU time."""

    per_s: float
    per_cpu_s: float


async def measure(options: Options) -> AsyncIterator[Row]:
    """Saturated; then paced, ever faster until less comes than is offered."""
    scale = options.scale
    for_s = options.duration_s or scale.of(0.4, 0.4, 0.1)
    crowds = options.sessions or scale.of((1, 100, 1_000), (1, 1_000), (1, 5))
    with load_process() as server:
        for connections in crowds:
            flow = await _flow(server, Sink(server.url, connections, _SHORT_TOKENS), for_s)
            for row in _rows(f"saturated, {_many(connections)}", flow):
                yield row
    connections = max(crowds)
    pace, flow = await _highest(connections, for_s, scale.of(_PACES, _PACES, _PACES[:1]))
    for row in _rows(f"{_many(connections)}, {pace:g} tokens/s each, the fastest that it keeps up with", flow):
        yield row


async def _highest(connections: int, for_s: float, paces: Sequence[float]) -> tuple[float, _Flow]:
    """The last of *paces* that held, and what came of it; the first, where none did."""
    found: tuple[float, _Flow] | None = None
    for pace in paces:
        flow = await _paced(pace, connections, for_s)
        if found and flow.per_s < _HOLDS * pace * connections:
            flow = await _paced(pace, connections, for_s)  # whatever else the machine did may be over
            if flow.per_s < _HOLDS * pace * connections:
                return found
        found = pace, flow
    assert found
    return found


async def _paced(pace: float, connections: int, for_s: float) -> _Flow:
    with load_process(Pace(tokens_per_s=pace)) as server:
        return await _flow(server, Sink(server.url, connections, _LONG_TOKENS), for_s)


async def _flow(server: LoadProcess, sink: Sink, for_s: float) -> _Flow:
    def receive() -> _Flow:
        with asyncio.Runner(loop_factory=event_loop) as runner:
            return runner.run(_received(server, sink, for_s))

    return await asyncio.to_thread(receive)  # in a loop of its own: this program's may be slower than the server


async def _received(server: LoadProcess, sink: Sink, for_s: float) -> _Flow:
    await sink.open()
    await asyncio.sleep(_WARM_UP_S)
    begun_at, tokens, cpu_s = time.perf_counter(), sink.tokens(), _cpu_s(server)
    await asyncio.sleep(for_s)
    tokens, cpu_s, spent_s = sink.tokens() - tokens, _cpu_s(server) - cpu_s, time.perf_counter() - begun_at
    sink.close()
    return _Flow(tokens / spent_s, tokens / max(cpu_s, CLOCK_S))


def _cpu_s(server: LoadProcess) -> float:
    times = psutil.Process(server.pid).cpu_times()
    return times.user + times.system


def _many(connections: int) -> str:
    return f"{connections:,} connection{'s' if connections > 1 else ''}"


def _rows(what: str, flow: _Flow) -> Iterator[Row]:
    yield _row(f"the load server, {what}", "tokens/s", flow.per_s)
    yield _row(f"the load server, {what}", "tokens per CPU second", flow.per_cpu_s)


def _row(what: str, unit: str, value: float) -> Row:
    found = Sample.of([value])
    return Row(what=what, unit=unit, ours=found, figure=found, figure_unit=unit, better="more")


if __name__ == "__main__":
    run(measure)
