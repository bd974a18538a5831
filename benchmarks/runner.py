"""The runner: runs benchmarks one after the other, each in its own process, and stores their findings as they come."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import msgspec

from rayconteur.errors import ConfigError

from .catalog import BENCHMARKS
from .program import Options
from .report.findings import Finding
from .report.result import FINDINGS, Ended, ResultWriter, Run, current_time
from .system.machine import this_machine
from .system.processes import wait_or_kill
from .system.shared_ray import SETTINGS
from .system.shared_ray_process import SharedRay

LOGS = "logs"
"""The folder for the standard error of each benchmark: Ray writes much, and after a failure it is needed."""

_TIMEOUT_S = 1_800
"""A benchmark that takes longer hangs: all of them together take half an hour."""

_SHUTDOWN_S = 30.0
"""How long a benchmark may take to shut down its Ray."""

_MAX_LINE_BYTES = 16 << 20
_LOG_LINES_IN_ERROR = 3

_decoder: msgspec.json.Decoder[Finding] = msgspec.json.Decoder(Finding)


class ProgressListener(Protocol):
    """Is notified of the progress of a run."""

    def benchmark_started(self, name: str) -> None:
        """The benchmark *name* runs now."""
        ...

    def finding_made(self, finding: Finding) -> None:
        """The running benchmark has printed a finding."""
        ...

    def benchmark_ended(self, ended: Ended) -> None:
        """The benchmark runs no longer."""
        ...


class Plan(msgspec.Struct, frozen=True):
    """The names of the benchmarks to run, their options, and the folder of the result."""

    names: tuple[str, ...]
    options: Options
    out: Path


@contextmanager
def open_result(plan: Plan) -> Generator[ResultWriter]:
    """Start the result of *plan* in its folder, for ``run_benchmarks`` to write to.

    Raises:
        ConfigError: the folder holds a result already, or cannot be written.
    """
    run = Run(machine=this_machine(), began=current_time(), options=plan.options, programs=plan.names)
    try:
        (plan.out / LOGS).mkdir(parents=True, exist_ok=True)
        file = (plan.out / FINDINGS).open("x", encoding="utf-8")
    except FileExistsError:
        raise ConfigError(f"{plan.out} holds a result already: give another folder with --out") from None
    except OSError as error:
        raise ConfigError(f"{plan.out} can't be written: {error.strerror}") from None
    with file:
        yield ResultWriter(file, run)


async def run_benchmarks(plan: Plan, writer: ResultWriter, listener: ProgressListener) -> bool:
    """Run the benchmarks of *plan*; returns True if all completed.

    Cancelling it ends the running benchmark and its Ray; *writer* has the findings so far.
    """
    shared_ray = SharedRay()
    try:
        ended = [await _run_benchmark(name, plan, shared_ray, writer, listener) for name in plan.names]
    finally:
        await shared_ray.stop()
    return not any(each.problem for each in ended)


async def _run_benchmark(
    name: str, plan: Plan, shared_ray: SharedRay, writer: ResultWriter, listener: ProgressListener
) -> Ended:
    """Run one benchmark, and write its findings and how it ended, even if cancelled."""
    started_at = time.monotonic()
    listener.benchmark_started(name)
    problem = "interrupted"
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            async for finding in _findings(name, plan, await _ray_environment(name, plan, shared_ray)):
                named = msgspec.structs.replace(finding, program=name)
                writer.write_finding(named)
                listener.finding_made(named)
        problem = ""
    except TimeoutError:
        problem = f"took longer than {_TIMEOUT_S} s"
    except _BenchmarkFailed as error:
        problem = str(error)
    finally:
        ended = Ended(program=name, took_s=round(time.monotonic() - started_at, 1), problem=problem)
        writer.write_end(ended)
        listener.benchmark_ended(ended)
    return ended


class _BenchmarkFailed(Exception):
    """A benchmark failed; the message says why."""


async def _ray_environment(name: str, plan: Plan, shared_ray: SharedRay) -> Mapping[str, str]:
    """The variables by which the benchmark finds *shared_ray*; empty if it joins another Ray or needs none.

    A benchmark that needs no Ray runs while there is none.
    """
    if plan.options.address or "RAY_ADDRESS" in os.environ:
        return {}
    if name in BENCHMARKS and not BENCHMARKS[name].needs_ray:
        await shared_ray.stop()
        return {}
    return await shared_ray.environment()


async def _findings(name: str, plan: Plan, ray: Mapping[str, str]) -> AsyncIterator[Finding]:
    """What the benchmark *name* prints."""
    log = plan.out / LOGS / f"{name}.txt"
    benchmark = BENCHMARKS.get(name)
    module, mode = (benchmark.module, benchmark.mode) if benchmark else (name, "")
    arguments = [f"{__package__}.programs.{module}", *filter(None, [mode]), *plan.options.arguments()]
    async with _process(arguments, log, ray) as process:
        assert process.stdout
        async for line in process.stdout:
            try:
                finding = _decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise _BenchmarkFailed(f"printed a line that is no finding: {error}") from None
            yield finding
        code = await process.wait()
    if code:
        raise _BenchmarkFailed(f"exit code {code}: {_last_lines(log)} (full output: {log})")


@asynccontextmanager
async def _process(arguments: Sequence[str], log: Path, ray: Mapping[str, str]) -> AsyncGenerator[Process]:
    """``python -m`` with *arguments*; when the context is left, it and its descendants are ended."""
    environment = {**os.environ, **SETTINGS, **ray}
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *arguments),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=errors,
            limit=_MAX_LINE_BYTES,
            start_new_session=True,  # the terminal's Ctrl-C must reach only this process, which passes it on once
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            await _end_process(process)


async def _end_process(process: Process) -> None:
    """Interrupt *process*, so that it can shut down its Ray, and kill it if that takes too long."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    await wait_or_kill(process, _SHUTDOWN_S)


def _last_lines(log: Path) -> str:
    """The last lines of *log* that are not blank."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        kept = deque((line.strip() for line in lines if line.strip()), maxlen=_LOG_LINES_IN_ERROR)
    return " / ".join(kept) or "no output"
