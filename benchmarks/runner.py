"""The runner: programs one after the other, each in a process of its own, and what they found kept as it comes."""

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

from rayconteur.providers.schema.errors import ConfigError

from .catalog import WITHOUT_RAY
from .program import Options
from .report.findings import Finding
from .report.result import FINDINGS, Ended, Lines, Run, now
from .system.machine import this_machine
from .system.processes import wait_or_kill
from .system.shared_ray_process import Holder

SAID = "said"
"""The folder of what the programs say to people: Ray is talkative, and where one fails it is needed."""

_LIMIT_S = 1_800
"""Beyond it a program hangs: all of them take ten minutes together."""

_PATIENCE_S = 30.0
"""For a program to shut down its Ray."""

_LONGEST_LINE_BYTES = 16 << 20
_LAST_LINES = 3

_finding: msgspec.json.Decoder[Finding] = msgspec.json.Decoder(Finding)


class Watcher(Protocol):
    """Is told how a run goes on."""

    def began(self, program: str) -> None:
        """*program* runs now."""
        ...

    def found(self, finding: Finding) -> None:
        """It has found something."""
        ...

    def ended(self, ended: Ended) -> None:
        """It runs no longer."""
        ...


class Plan(msgspec.Struct, frozen=True):
    """Which *programs* to run, what to ask of them, and the folder that the result goes to."""

    programs: tuple[str, ...]
    options: Options
    out: Path


@contextmanager
def recording(plan: Plan) -> Generator[Lines]:
    """The result of *plan*, begun in its folder, for ``run_programs`` to write to.

    Raises:
        ConfigError: the folder holds a result already, or can't be written.
    """
    run = Run(machine=this_machine(), began=now(), options=plan.options, programs=plan.programs)
    try:
        (plan.out / SAID).mkdir(parents=True, exist_ok=True)
        file = (plan.out / FINDINGS).open("x", encoding="utf-8")
    except FileExistsError:
        raise ConfigError(f"{plan.out} holds a result already: give another folder with --out") from None
    except OSError as error:
        raise ConfigError(f"{plan.out} can't be written: {error.strerror}") from None
    with file:
        yield Lines(file, run)


async def run_programs(plan: Plan, lines: Lines, watcher: Watcher) -> bool:
    """Run them; whether all came to their end.

    Cancelled, it ends the program that runs, and its Ray with it. What was found by then is in *lines*.
    """
    holder = Holder()
    try:
        ended = [await _one(name, plan, holder, lines, watcher) for name in plan.programs]
    finally:
        await holder.end()
    return not any(each.problem for each in ended)


async def _one(name: str, plan: Plan, holder: Holder, lines: Lines, watcher: Watcher) -> Ended:
    """Run the program *name*, and keep what it finds, and how it ended, however that is."""
    begun_at = time.monotonic()
    watcher.began(name)
    problem = "interrupted"
    try:
        async with asyncio.timeout(_LIMIT_S):
            async for finding in _findings(name, plan, await _ray(name, plan, holder)):
                found = msgspec.structs.replace(finding, program=name)
                lines.found(found)
                watcher.found(found)
        problem = ""
    except TimeoutError:
        problem = f"took longer than {_LIMIT_S} s"
    except _ProgramFailed as error:
        problem = str(error)
    finally:
        ended = Ended(program=name, took_s=round(time.monotonic() - begun_at, 1), problem=problem)
        lines.ended(ended)
        watcher.ended(ended)
    return ended


class _ProgramFailed(Exception):
    """In words for people."""


async def _ray(name: str, plan: Plan, holder: Holder) -> Mapping[str, str]:
    """What tells the program *name* of *holder*'s Ray, where no other is named. Those without one are alone."""
    if plan.options.address or "RAY_ADDRESS" in os.environ:
        return {}
    if name in WITHOUT_RAY:
        await holder.end()
        return {}
    return await holder.environ()


async def _findings(name: str, plan: Plan, ray: Mapping[str, str]) -> AsyncIterator[Finding]:
    """What the program *name* prints."""
    said = plan.out / SAID / f"{name}.txt"
    async with _process(f"{__package__}.programs.{name}", plan.options.words(), said, ray) as process:
        assert process.stdout
        async for line in process.stdout:
            try:
                finding = _finding.decode(line)
            except msgspec.MsgspecError as error:
                raise _ProgramFailed(f"printed what is no finding: {error}") from None
            yield finding
        code = await process.wait()
    if code:
        raise _ProgramFailed(f"exit code {code}: {_last_of(said)} (all it said: {said})")


@asynccontextmanager
async def _process(module: str, words: Sequence[str], said: Path, ray: Mapping[str, str]) -> AsyncGenerator[Process]:
    """*module* in a process of its own, ended with all its own at the latest when this is left."""
    quiet = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **ray}  # nothing leaves the machine
    with said.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *words),
            env=quiet,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=errors,
            limit=_LONGEST_LINE_BYTES,
            start_new_session=True,  # Ctrl-C is for us, who tell it once
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            await _end(process)


async def _end(process: Process) -> None:
    """End *process*, with a chance to take its Ray along."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    await wait_or_kill(process, _PATIENCE_S)


def _last_of(said: Path) -> str:
    """The last lines that say something."""
    with said.open(encoding="utf-8", errors="replace") as lines:
        kept = deque((line.strip() for line in lines if line.strip()), maxlen=_LAST_LINES)
    return " / ".join(kept) or "it said nothing"
