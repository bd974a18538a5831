"""Turns per second with a journal, beside the same sessions without one."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import rayconteur as rc
from rayconteur.runtime import JournalConfig, MemoryJournalConfig, NoJournal, SQLiteJournalConfig

from ...load.answers import ANTHROPIC
from ...load.process import load_server
from ...program import Options, run_program
from ...readers.runtime_client import provider_config
from ...report.rows import Row, Sample, Target
from ...rounds import measure_in_rounds
from ...system.journals import postgres_config
from ...system.processes import CpuMeter, process_tree
from ...system.ray_cluster import ONE_ACTOR, joined_address, local_runtime

_TARGET = Target("at least", 0.7)
_TOKENS = 20
_NONE = "no journal"


async def measure(options: Options) -> AsyncIterator[Row]:
    """100 sessions that are asked again and again, in namespaces that differ in their journal only."""
    number = next(iter(options.sessions), options.scale.pick(100, 100, 3))
    turns = options.scale.pick(20, 10, 1)
    with load_server() as url, TemporaryDirectory() as folder:
        config = rc.SessionConfig(provider=provider_config(ANTHROPIC, url), max_output_tokens=_TOKENS)
        async with AsyncExitStack() as stack:
            sides: dict[str, _Side] = {}
            address = options.address
            for name, journal in _journals(Path(folder)).items():
                namespace = f"turns-with-{name.replace(' ', '-')}-{Path(folder).name}"
                runtime = local_runtime(address, namespace=namespace, journal=journal)
                await stack.enter_async_context(runtime)
                address = joined_address()
                sides[name] = _Side(await runtime.spawn_many(config, number, ONE_ACTOR), turns)
            samples = await measure_in_rounds(
                options.scale.pick(5, 3, 1), {name: side.turns_per_s for name, side in sides.items()}
            )
    without = samples.pop(_NONE)
    for name, sample in samples.items():
        row = Row.measured(f"turns/s of {number:,} sessions with {name}", "/s", sample)
        yield row.beside(_NONE, without).held_to(None if name == "a journal in memory" else _TARGET).better_if("more")
    limit = Sample.of(sides[_NONE].cpu_us)
    for name in samples:
        row = Row.measured(f"CPU of a turn with {name}, all processes", "µs", Sample.of(sides[name].cpu_us))
        yield row.beside(_NONE, limit).better_if("less")


def _journals(folder: Path) -> dict[str, JournalConfig]:
    journals: dict[str, JournalConfig] = {
        _NONE: NoJournal(),
        "a journal in memory": MemoryJournalConfig(),
        "SQLite": SQLiteJournalConfig(str(folder / "turns.db")),
    }
    if postgres := postgres_config(folder.name):
        journals["PostgreSQL"] = postgres
    return journals


@dataclass(slots=True)
class _Side:
    """The sessions of one namespace; *cpu_us* has the CPU time of a turn in each measurement that counts."""

    sessions: Sequence[rc.SessionHandle]
    turns: int
    cpu_us: list[float] = field(default_factory=list[float])
    _is_warm: bool = False

    async def turns_per_s(self) -> float:
        """All sessions at once, each asked *turns* times."""
        meter, started_at = CpuMeter(process_tree()), time.perf_counter()
        await asyncio.gather(*map(self._converse, self.sessions))
        spent_s, number = time.perf_counter() - started_at, self.turns * len(self.sessions)
        if self._is_warm:
            self.cpu_us.append(meter.spent_s() / number * 1e6)
        self._is_warm = True
        await asyncio.gather(*(session.clear() for session in self.sessions))
        return number / spent_s

    async def _converse(self, session: rc.SessionHandle) -> None:
        for _ in range(self.turns):
            await session.ask("Any news of the ravens?").answer()


if __name__ == "__main__":
    run_program(measure)
