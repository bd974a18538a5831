"""Runs the programs, each in a process of its own, prints one table and keeps the rows.

python -m rayconteur.benchmarks [--quick] [--only NAME] [--out PATH]
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from .machine import ROOT, Machine, this_machine
from .program import Options, Scale, add_scale
from .report.rows import Row
from .report.table import table

PROGRAMS = ("throughput", "first_token", "spawning", "memory", "delta_cost", "request_building", "compacting")
_OUT = ROOT / "benchmarks" / "out"
_LIMIT_S = 300
_row = msgspec.json.Decoder(Row).decode


def main() -> int:
    """Run what the command line asks for. 1 if a program failed; a target that is missed is no failure."""
    given = _command_line()
    machine = this_machine()
    rows: list[Row] = []
    failed: list[str] = []
    for name in given.only or PROGRAMS:
        begun_at = time.monotonic()
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        found = _rows(name, given.scale)
        print(f"{time.monotonic() - begun_at:.0f} s", file=sys.stderr)
        if found is None:
            failed.append(name)
        else:
            rows += found
    path = given.out or _OUT / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    _keep(path, given.scale, machine, rows)
    _print(machine, rows, path)
    for name in failed:
        print(f"{name} failed; what it said is above", file=sys.stderr)
    return 1 if failed else 0


def _command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m rayconteur.benchmarks", description="Measure what the runtime costs."
    )
    parser.add_argument("--only", action="append", choices=PROGRAMS, help="this program only; may be given again")
    parser.add_argument("--out", type=Path, help="where the rows go as JSON; benchmarks/out/ if not given")
    add_scale(parser)
    return parser.parse_args()


def _rows(name: str, scale: Scale) -> list[Row] | None:
    """What the program *name* found; ``None`` if it failed or took too long."""
    command = [sys.executable, "-m", f"rayconteur.benchmarks.programs.{name}", *Options(scale=scale).words()]
    quiet = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}  # nothing leaves the machine
    with subprocess.Popen(command, env=quiet, stdout=subprocess.PIPE) as program:
        try:
            output, _ = program.communicate(timeout=_LIMIT_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as error:
            _stop(program)
            if isinstance(error, KeyboardInterrupt):
                raise
            return None
    return [_row(line) for line in output.splitlines()] if program.returncode == 0 else None


def _stop(program: subprocess.Popen[bytes]) -> None:
    """End *program*, with a chance to take its Ray along."""
    program.send_signal(signal.SIGINT)
    try:
        program.wait(timeout=30)
    except subprocess.TimeoutExpired:
        program.kill()


def _keep(path: Path, scale: Scale, machine: Machine, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"scale": scale, "machine": machine, "rows": [row.plain() for row in rows]}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n")


def _print(machine: Machine, rows: list[Row], path: Path) -> None:
    print(table(rows))
    held = [row.met for row in rows if row.met is not None]
    versions = ", ".join(f"{name} {version}" for name, version in machine.packages.items())
    print(f"\n{sum(held)} of {len(held)} targets met. Commit {machine.commit}. {machine.processor},", end=" ")
    print(f"{machine.cpus} CPUs, load {machine.load:.1f} before the start. Python {machine.python}, {versions}.")
    print(f"All values and spreads: {path}")


if __name__ == "__main__":
    sys.exit(main())
