"""Results: a run and its findings as JSON Lines, written as they come, so that an aborted run keeps its findings.

The first line is the ``Run``. The findings of each benchmark follow, and after them its ``Ended``.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec

from rayconteur.errors import ConfigError

from ..program import Options
from ..system.machine import Machine
from .findings import Curve, Distribution, Finding, json_line
from .rows import Row

FINDINGS = "findings.jsonl"


class Run(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="run"):
    """The benchmarks (*programs*) of a run, the machine, the start time and the options."""

    machine: Machine
    began: datetime
    options: Options
    programs: tuple[str, ...]


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="ended"):
    """The end of the benchmark *program*; *problem* is empty if it completed."""

    program: str
    took_s: float
    problem: str = ""


class Result(msgspec.Struct, frozen=True):
    """A run with its findings. A benchmark in *run* but not in *ended* never started, or the run was killed."""

    run: Run
    findings: tuple[Finding, ...]
    ended: tuple[Ended, ...]

    @property
    def rows(self) -> list[Row]:
        """The findings that are rows."""
        return [finding for finding in self.findings if isinstance(finding, Row)]

    @property
    def took_s(self) -> float:
        """The duration of all benchmarks together."""
        return sum(ended.took_s for ended in self.ended)

    @property
    def unfinished(self) -> dict[str, str]:
        """The benchmarks that did not complete, and why."""
        problems = {ended.program: ended.problem for ended in self.ended}
        outcomes = {name: problems.get(name, "not run") for name in self.run.programs}
        return {name: problem for name, problem in outcomes.items() if problem}


Line = Run | Row | Curve | Distribution | Ended

_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class ResultWriter:
    """Writes a result to a file, starting with *run*. Each line is flushed as soon as it is written."""

    def __init__(self, file: TextIO, run: Run) -> None:
        self._file = file
        self._write(msgspec.json.encode(run).decode())

    def write_finding(self, finding: Finding) -> None:
        """Append *finding*."""
        self._write(json_line(finding))

    def write_end(self, ended: Ended) -> None:
        """Append the end of a benchmark."""
        self._write(msgspec.json.encode(ended).decode())

    def _write(self, text: str) -> None:
        self._file.write(f"{text}\n")
        self._file.flush()


def read_result(path: Path) -> Result:
    """The result in the file *path*, or in the folder of one.

    Raises:
        ConfigError: the file cannot be read, or is no result; the message names file and line.
    """
    file = path / FINDINGS if path.is_dir() else path
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from None
    if not lines:
        raise ConfigError(f"{file} is empty")
    first, *rest = [_decode_line(file, number, each) for number, each in enumerate(lines, start=1)]
    if not isinstance(first, Run):
        raise ConfigError(f"{file}, line 1: not a run, which comes first")
    findings: list[Finding] = []
    ended: list[Ended] = []
    for number, each in enumerate(rest, start=2):
        match each:
            case Run():
                raise ConfigError(f"{file}, line {number}: a second run")
            case Ended():
                ended.append(each)
            case _:
                findings.append(each)
    return Result(first, tuple(findings), tuple(ended))


def current_time() -> datetime:
    """The current time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def _decode_line(file: Path, number: int, text: bytes) -> Line:
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{file}, line {number}: {error}") from None
