"""Measure how fast failures are reported, and print the table of ``docs/failure.md``.

    cd tests && python -m detection.run --rounds 20

Each scenario is played in processes of its own, with a Ray of their own. The exit code is 1 if one fails, or takes
longer than it may.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

import msgspec
from detection.play import LIMIT_S, SCENARIOS, SKIPPED

_TESTS = Path(__file__).parents[1]
_LONGEST_S = 1_200


class Skipped(Exception):
    """What a scenario needs is not there."""


def seconds_of(name: str, rounds: int) -> list[float]:
    """The seconds of each of so many *rounds* of a scenario.

    Raises:
        AssertionError: it failed.
        Skipped: it can't be played here.
    """
    seconds: list[float] = []
    while len(seconds) < rounds:
        number = min(SCENARIOS[name].at_once, rounds - len(seconds))
        command = [sys.executable, "-m", "detection.play", name, str(number)]
        done = subprocess.run(command, cwd=_TESTS, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
        if done.returncode == SKIPPED:
            raise Skipped(done.stderr.strip())
        lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
        said = f"{name} failed:\n{done.stdout[-2_000:]}\n{done.stderr[-6_000:]}"
        assert done.returncode == 0, said
        assert "never retrieved" not in done.stderr, said
        seconds += msgspec.json.decode(lines[-1], type=list[float])
    return seconds


def row(name: str, seconds: list[float]) -> str:
    """The row of the table."""
    scenario = SCENARIOS[name]
    return f"| {scenario.fails} | {scenario.told} | {statistics.median(seconds):.2f} | {max(seconds):.2f} |"


def main() -> int:
    """Read the command line, and measure. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", help=f"of {', '.join(SCENARIOS)}; all of them by default")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    code = 0
    for name in arguments.scenarios or SCENARIOS:
        try:
            seconds = seconds_of(name, arguments.rounds)
        except Skipped as reason:
            print(f"{name} was skipped: {reason}", file=sys.stderr)
        except AssertionError as problem:
            print(problem, file=sys.stderr)
            code = 1
        else:
            print(row(name, seconds), flush=True)
            code = 1 if max(seconds) > LIMIT_S else code
    return code


if __name__ == "__main__":
    sys.exit(main())
