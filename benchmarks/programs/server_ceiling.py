"""What the load server itself can send, to a client that only receives: an upper bound for all other figures."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import psutil

from ..load.event_loop import new_event_loop
from ..load.load_client import LoadClient
from ..load.pace import Pace
from ..load.process import LoadProcess, load_process
from ..program import Options, run_program
from ..report.rows import Row, Sample
from ..system.processes import CpuMeter

_SHORT_TOKENS = 200
_LONG_TOKENS = 4_000  # so that no answer ends while it is measured
_PACES = (50.0, 75.0, 100.0, 150.0, 200.0, 300.0, 400.0, 600.0)
_KEEPS_UP = 0.95
_WARM_UP_S = 0.2


@dataclass(frozen=True, slots=True)
class _Rate:
    """Tokens per second, and per second of the server's CPU time."""

    per_s: float
    per_cpu_s: float


async def measure(options: Options) -> AsyncIterator[Row]:
    """Saturated; then paced, ever faster until less arrives than is offered."""
    scale = options.scale
    duration_s = options.duration_s or scale.pick(0.4, 0.4, 0.1)
    numbers = options.sessions or scale.pick((1, 100, 1_000), (1, 1_000), (1, 5))
    with load_process() as server:
        for connections in numbers:
            rate = await _measure_rate(server, LoadClient(server.url, connections, _SHORT_TOKENS), duration_s)
            for row in _rows(f"saturated, {_connections_text(connections)}", rate):
                yield row
    connections = max(numbers)
    pace, rate = await _fastest_pace(connections, duration_s, scale.pick(_PACES, _PACES, _PACES[:1]))
    what = f"{_connections_text(connections)}, {pace:g} tokens/s each, the fastest that it keeps up with"
    for row in _rows(what, rate):
        yield row


async def _fastest_pace(connections: int, duration_s: float, paces: Sequence[float]) -> tuple[float, _Rate]:
    """The last of *paces* that the server kept up with, or the first, and its rate."""
    best: tuple[float, _Rate] | None = None
    for pace in paces:
        rate = await _measure_pace(pace, connections, duration_s)
        if best and rate.per_s < _KEEPS_UP * pace * connections:
            rate = await _measure_pace(pace, connections, duration_s)  # other load on the machine may be over
            if rate.per_s < _KEEPS_UP * pace * connections:
                return best
        best = pace, rate
    assert best
    return best


async def _measure_pace(pace: float, connections: int, duration_s: float) -> _Rate:
    with load_process(Pace(tokens_per_s=pace)) as server:
        return await _measure_rate(server, LoadClient(server.url, connections, _LONG_TOKENS), duration_s)


async def _measure_rate(server: LoadProcess, client: LoadClient, duration_s: float) -> _Rate:
    def run_client() -> _Rate:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(_receive(server, client, duration_s))

    return await asyncio.to_thread(run_client)  # in its own loop: that of this program may be slower than the server


async def _receive(server: LoadProcess, client: LoadClient, duration_s: float) -> _Rate:
    await client.open()
    await asyncio.sleep(_WARM_UP_S)
    started_at, before, meter = time.perf_counter(), client.tokens(), CpuMeter([psutil.Process(server.pid)])
    await asyncio.sleep(duration_s)
    tokens, cpu_s, spent_s = client.tokens() - before, meter.spent_s(), time.perf_counter() - started_at
    client.close()
    return _Rate(tokens / spent_s, tokens / cpu_s)


def _connections_text(connections: int) -> str:
    return f"{connections:,} connection{'s' if connections > 1 else ''}"


def _rows(what: str, rate: _Rate) -> Iterator[Row]:
    for unit, value in (("tokens/s", rate.per_s), ("tokens per CPU second", rate.per_cpu_s)):
        yield Row.measured(f"the load server, {what}", unit, Sample.of([value])).better_if("more")


if __name__ == "__main__":
    run_program(measure)
