"""Results: a run and what it found, as JSON Lines. They are written as they come: what broke off keeps its findings.

The first line is the ``Run``. Then come the findings of each program, and after them its ``Ended``.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec

from rayconteur.providers.schema.errors import ConfigError

from ..program import Options
from ..system.machine import Machine
from .findings import Curve, Distribution, Finding, line
from .rows import Row

FINDINGS = "findings.jsonl"


class Run(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="run"):
    """Which *programs* were to be run, where, when it *began*, and what they were asked for."""

    machine: Machine
    began: datetime
    options: Options
    programs: tuple[str, ...]


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="ended"):
    """*program* has ended; *problem* is empty where nothing went wrong."""

    program: str
    took_s: float
    problem: str = ""


class Result(msgspec.Struct, frozen=True):
    """All of it. A program that is in *run* and not in *ended* never began, or the run was killed meanwhile."""

    run: Run
    findings: tuple[Finding, ...]
    ended: tuple[Ended, ...]

    @property
    def rows(self) -> list[Row]:
        """The findings that are rows."""
        return [finding for finding in self.findings if isinstance(finding, Row)]

    @property
    def took_s(self) -> float:
        """How long all programs took together."""
        return sum(ended.took_s for ended in self.ended)

    @property
    def unfinished(self) -> dict[str, str]:
        """The programs that did not come to their end, and why."""
        problems = {ended.program: ended.problem for ended in self.ended}
        found = {name: problems.get(name, "not run") for name in self.run.programs}
        return {name: problem for name, problem in found.items() if problem}


Line = Run | Row | Curve | Distribution | Ended

_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class Lines:
    """A result on its way to a file: each line is there for others as soon as it is written."""

    def __init__(self, file: TextIO, run: Run) -> None:
        self._file = file
        self._write(msgspec.json.encode(run).decode())

    def found(self, finding: Finding) -> None:
        """Keep *finding*."""
        self._write(line(finding))

    def ended(self, ended: Ended) -> None:
        """Keep how a program ended."""
        self._write(msgspec.json.encode(ended).decode())

    def _write(self, text: str) -> None:
        self._file.write(f"{text}\n")
        self._file.flush()


def read(path: Path) -> Result:
    """The result in the file *path*, or in the folder of one.

    Raises:
        ConfigError: it can't be read, or a line of it is none of a result; file and line are named.
    """
    file = path / FINDINGS if path.is_dir() else path
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from None
    if not lines:
        raise ConfigError(f"{file} is empty")
    decoded = [_decoded(file, number, each) for number, each in enumerate(lines, start=1)]
    first, *rest = decoded
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


def now() -> datetime:
    """This moment, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def _decoded(file: Path, number: int, text: bytes) -> Line:
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{file}, line {number}: {error}") from None
