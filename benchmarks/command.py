"""`rayconteur bench`: runs the benchmarks and writes their report. The command line imports it when it is used."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from rayconteur.errors import ConfigError
from rayconteur.runtime import probe

from ..cli.bounded import LONGEST_S, MOST_SESSIONS, require_number
from ..cli.command_run import CommandRun, run_command
from ..cli.exit_codes import ExitCode
from .adapters.registry import ADAPTERS
from .catalog import BENCHMARKS
from .program import Options, Scale

# `bench --help` imports this module: no Ray, psutil, matplotlib or rich here.

_REQUIRED_MODULES = ("psutil", "matplotlib")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """The options of the command: which benchmarks to run, how, and what to compare them with."""

    only: tuple[str, ...]
    options: Options
    compare: Path | None
    new: Path | None
    out: Path | None


async def bench(options: BenchOptions, run: CommandRun) -> ExitCode:
    """Run the benchmarks and write the report, or compare two existing results.

    If interrupted, it ends the running benchmark and reports the findings so far.

    Raises:
        ConfigError: an option cannot be satisfied; nothing was run.
        RayUnreachable: nothing listens at the address.
    """
    _check_extra_is_installed()
    from .progress import show_progress  # these need the extra
    from .report.comparison import compare, comparison_table
    from .report.folder import write_report
    from .report.result import read_result
    from .runner import Plan, open_result, run_benchmarks

    names = selected_benchmarks(options.only, options.options.scale)
    _check_peers(options.options.peers)
    old = read_result(options.compare) if options.compare else None
    if options.new:
        if old is None:
            raise ConfigError("--with needs --compare: the older result")
        run.output.line(comparison_table(compare(old, read_result(options.new))))
        return ExitCode.COMPLETED
    if address := options.options.address:
        probe(address)
    out = options.out or Path("rayconteur-bench") / f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    plan = Plan(names, options.options, out)
    with open_result(plan) as writer:
        try:
            with show_progress(run.output, names) as listener:
                completed = await run_benchmarks(plan, writer, listener)
        finally:
            run.output.line(write_report(out, old))
    return ExitCode.COMPLETED if completed else ExitCode.FAILED


def selected_benchmarks(only: Iterable[str], scale: Scale) -> tuple[str, ...]:
    """The benchmarks named by *only*, or all that belong to a run of *scale*, in the order in which they run.

    Raises:
        ConfigError: there is no benchmark of that name.
    """
    in_run = {name for name, each in BENCHMARKS.items() if each.in_quick_run or scale is not Scale.QUICK}
    wanted = set(only) or in_run
    if unknown := wanted - set(BENCHMARKS):
        raise ConfigError(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    return tuple(name for name in BENCHMARKS if name in wanted)


def _check_peers(peers: Iterable[str]) -> None:
    if unknown := set(peers) - set(ADAPTERS):
        raise ConfigError(f"there is no peer {', '.join(sorted(unknown))}; there are {', '.join(ADAPTERS)}")


def _check_extra_is_installed() -> None:
    if missing := [module for module in _REQUIRED_MODULES if find_spec(module) is None]:
        raise ConfigError(f"{', '.join(missing)} not installed: pip install 'rayconteur[bench]'")


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

Only = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help=f"Run only this benchmark: {', '.join(BENCHMARKS)}.", show_default="all"),
]
Sessions = Annotated[
    list[int] | None,
    typer.Option(
        min=1, max=MOST_SESSIONS, metavar="N", help="Number of sessions.", show_default="each benchmark's own"
    ),
]
Duration = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        max=LONGEST_S,
        callback=require_number,
        metavar="SECONDS",
        help="Length of a measurement, for benchmarks that measure for a fixed time.",
        show_default="each benchmark's own",
    ),
]
Peers = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help=f"Compare only with this system: {', '.join(ADAPTERS)}.", show_default="all"),
]
Address = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="The Ray cluster to join.", show_default="RAY_ADDRESS, or Ray started here"),
]
Compare = Annotated[
    Path | None, typer.Option(metavar="OLD", help="Report changes since this result: its folder or its file.")
]
With = Annotated[Path | None, typer.Option("--with", metavar="NEW", help="Run nothing: compare OLD with this result.")]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Folder for the result.", show_default="rayconteur-bench/ and the time"),
]


@app.command(name="bench")
def bench_command(
    only: Only = None,
    quick: Annotated[bool, typer.Option("--quick", help="Measure less: a minute.")] = False,
    tiny: Annotated[bool, typer.Option("--tiny", hidden=True)] = False,
    sessions: Sessions = None,
    duration: Duration = None,
    peers: Peers = None,
    address: Address = None,
    compare: Compare = None,
    new: With = None,
    out: Out = None,
) -> None:
    """Measure what the runtime costs on this machine, beside what one would use instead.

    --only, --sessions and --peers may be repeated. Nothing leaves the machine. The result is a folder with
    findings.jsonl, table.md, page.html and the plots. Ctrl-C ends the run and reports the findings so far.

    \b
    Examples:
      rayconteur bench
      rayconteur bench --only throughput --sessions 100 --sessions 1000
      rayconteur bench --quick --compare rayconteur-bench/20261121-104500
    """
    options = Options(
        scale=Scale.QUICK if quick else Scale.TINY if tiny else Scale.FULL,
        sessions=tuple(sessions or ()),
        duration_s=duration,
        peers=tuple(peers or ()),
        address=address,
    )
    asked = BenchOptions(only=tuple(only or ()), options=options, compare=compare, new=new, out=out)
    raise typer.Exit(run_command(lambda run: bench(asked, run)))
