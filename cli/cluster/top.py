"""`rayconteur top`: what happens on a cluster, by model, as a table that is redrawn."""

import asyncio
import time
from collections import deque

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ...runtime.driver.operations.cluster_metrics import cluster_metrics
from ...runtime.metrics.snapshot import Snapshot
from ..command_run import CommandRun
from ..exit_codes import ExitCode
from ..formatting import printable
from ..sessions import NamespaceOptions, cluster_address, namespace_of
from .figures import HEADER, Figures, figures_of

_WINDOW_S = 15.0
"""What rates are over: session actors report every 5 s."""

_PIPE_CHARS = 200
"""The width of a table that goes to a file or another program."""


async def show_top(options: NamespaceOptions, interval_s: float | None, run: CommandRun) -> ExitCode:
    """Print a table of totals; or draw one with rates every *interval_s* seconds, until Ctrl-C."""
    address, namespace = cluster_address(options), namespace_of(options)
    first = await cluster_metrics(namespace, address, time.time)
    run.install_signal_handlers()
    if first is None:
        run.output.line(f"nothing runs in namespace {namespace!r}")
        return ExitCode.NOTHING_RUNS
    console = Console(file=run.output.stream, highlight=False, width=None if run.output.terminal else _PIPE_CHARS)
    if interval_s is None or not run.output.terminal:
        console.print(_table(figures_of(first)))
        return ExitCode.COMPLETED
    return await _redraw(console, first, namespace, interval_s)


async def _redraw(console: Console, first: Snapshot, namespace: str, interval_s: float) -> ExitCode:
    before = deque([first])
    with Live(_table(figures_of(first)), console=console, auto_refresh=False) as live:
        while now := await cluster_metrics(namespace, None, time.time):
            while len(before) > 1 and now.at - before[0].at > _WINDOW_S:
                before.popleft()
            live.update(_table(figures_of(now, before[0])), refresh=True)
            before.append(now)
            await asyncio.sleep(interval_s)
    return ExitCode.COMPLETED  # the namespace has ended


def _table(figures: Figures) -> Group:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1), pad_edge=False)
    for number, name in enumerate(HEADER):
        table.add_column(name, no_wrap=True, justify="right" if number else "left")
    for row in figures.rows:
        table.add_row(*map(printable, row))
    return Group(table, *map(Text, figures.lines))
