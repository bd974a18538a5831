"""`rayconteur bench`: the benchmarks, and their report."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from ..benchmarks.catalogue import LONG, PROGRAMS
from ..benchmarks.crowds.open import NAMES
from ..benchmarks.program import Options, Scale
from ..providers.schema.errors import ConfigError
from ..runtime.cluster.probe import knock
from .exits import ExitCode
from .program import Program

_NEEDED = ("psutil", "matplotlib")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """What the command line asks for."""

    only: tuple[str, ...]
    options: Options
    compare: Path | None
    new: Path | None
    out: Path | None


async def bench(options: BenchOptions, program: Program) -> ExitCode:
    """Run the programs and write the report; or compare two results that there are.

    Interrupted, it ends what runs, and writes the report of what was found.

    Raises:
        ConfigError: what was asked for can't be had; nothing was run.
        RayUnreachable: nobody listens at the address.
    """
    _look_for_the_extra()
    from ..benchmarks.report.comparison import compare, comparison_table  # now that what they need is there
    from ..benchmarks.report.folder import write_report
    from ..benchmarks.report.result import read
    from ..benchmarks.runner import Plan, recording, run_programs
    from .progress import watching

    programs = programs_of(options.only, options.options.scale)
    _check_peers(options.options.peers)
    old = read(options.compare) if options.compare else None
    if options.new:
        if old is None:
            raise ConfigError("--with needs --compare: the older result")
        program.output.line(comparison_table(compare(old, read(options.new))))
        return ExitCode.COMPLETED
    if address := options.options.address:
        knock(address)
    out = options.out or Path("rayconteur-bench") / f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    plan = Plan(programs, options.options, out)
    with recording(plan) as lines:
        try:
            with watching(program.output, programs) as watcher:
                completed = await run_programs(plan, lines, watcher)
        finally:
            program.output.line(write_report(out, old))
    return ExitCode.COMPLETED if completed else ExitCode.FAILED


def programs_of(only: Iterable[str], scale: Scale) -> tuple[str, ...]:
    """Those that are asked for, else all that can be run at that scale, in the order in which they run."""
    wanted = set(only) or set(PROGRAMS) - (LONG if scale is Scale.QUICK else set())
    if unknown := wanted - set(PROGRAMS):
        raise ConfigError(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(PROGRAMS)}")
    return tuple(name for name in PROGRAMS if name in wanted)


def _check_peers(peers: Iterable[str]) -> None:
    if unknown := set(peers) - set(NAMES):
        raise ConfigError(f"there is no peer {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")


def _look_for_the_extra() -> None:
    if missing := [module for module in _NEEDED if find_spec(module) is None]:
        raise ConfigError(f"{', '.join(missing)} not installed: pip install 'rayconteur[bench]'")
