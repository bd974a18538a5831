"""Measure how fast failures are reported, and print the table of ``docs/failure.md``.

    cd tests && python -m detection.run --rounds 20

Each scenario is played in processes of its own, with a Ray of their own. The exit code is 1 if one fails, or takes
longer than it may.
"""

import argparse
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from detection.play import LIMIT_S, SCENARIOS, SKIPPED

_TESTS = Path(__file__).parents[1]
_LONGEST_S = 1_200


class Skipped(Exception):
    """What a scenario needs is not there."""


def seconds_of(name: str, rounds: int) -> list[float]:
    """The seconds of each of so many *rounds* of a scenario, played in one Ray.

    Raises:
        AssertionError: it failed.
        Skipped: it can't be played here.
    """
    command = [sys.executable, "-m", "detection.play", name, str(rounds)]
    done = subprocess.run(command, cwd=_TESTS, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    if done.returncode == SKIPPED:
        raise Skipped(done.stderr.strip())
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    said = f"{name} failed:\n{done.stdout[-2_000:]}\n{done.stderr[-6_000:]}"
    assert done.returncode == 0, said
    assert "never retrieved" not in done.stderr, said
    return msgspec.json.decode(lines[-1], type=list[float])


class Results:
    """The seconds of all rounds, by scenario: in a file, if one is given, to which later runs add."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._seconds: dict[str, list[float]] = {}
        if file and file.exists():
            self._seconds = msgspec.json.decode(file.read_bytes(), type=dict[str, list[float]])

    def of(self, name: str) -> list[float]:
        """Those of a scenario."""
        return self._seconds.get(name, [])

    def add(self, name: str, seconds: list[float]) -> None:
        """Add those of more rounds."""
        self._seconds[name] = self.of(name) + seconds
        if self._file:
            self._file.write_bytes(msgspec.json.encode(self._seconds))

    def row(self, name: str) -> str:
        """The row of the table."""
        scenario, seconds = SCENARIOS[name], self.of(name)
        figures = f"{len(seconds)} | {statistics.median(seconds):.2f} | {max(seconds):.2f}"
        return f"| {scenario.fails} | {scenario.told} | {figures} |"


def measure(name: str, results: Results, rounds: int, ends_at: float) -> bool:
    """Play a scenario until there are so many *rounds* of it, or the time is over. False if it failed."""
    while (missing := rounds - len(results.of(name))) > 0 and time.monotonic() < ends_at:
        try:
            results.add(name, seconds_of(name, min(missing, SCENARIOS[name].at_once)))
        except Skipped as reason:
            print(f"{name} was skipped: {reason}", file=sys.stderr)
            return True
        except AssertionError as problem:
            print(problem, file=sys.stderr)
            return False
    return True


def main() -> int:
    """Read the command line, and measure. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", help=f"of {', '.join(SCENARIOS)}; all of them by default")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--results", type=Path, help="a JSON file of the seconds: what is missing there is added to it")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin nothing more after this time")
    arguments = parser.parse_args()
    results, ends_at = Results(arguments.results), time.monotonic() + 60 * arguments.minutes
    code = 0
    for name in arguments.scenarios or SCENARIOS:
        succeeded = measure(name, results, arguments.rounds, ends_at)
        if seconds := results.of(name):
            print(results.row(name), flush=True)
        if not succeeded or max(seconds, default=0.0) > LIMIT_S:
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
