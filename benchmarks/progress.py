"""Progress of a run of benchmarks: a live table at a terminal, plain lines elsewhere."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..cli.output import Output
from .report.findings import Finding
from .report.markdown import duration_text
from .report.result import Ended
from .report.rows import Row
from .report.table import figure_text
from .runner import ProgressListener

_REFRESHES_PER_S = 4
_MARKS = {True: "met", False: "NOT MET", None: ""}


@contextmanager
def show_progress(output: Output, names: Sequence[str]) -> Generator[ProgressListener]:
    """Shows on *output* how the benchmarks *names* progress."""
    if not output.terminal:
        yield _ProgressLines(output)
        return
    console = Console(file=output.stream, highlight=False)
    table = _ProgressTable(names)
    with Live(get_renderable=table.render, console=console, refresh_per_second=_REFRESHES_PER_S) as live:
        table.above = live.console
        yield table


class _ProgressLines:
    """One line per event."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def benchmark_started(self, name: str) -> None:
        self._output.line(f"{name} ...")

    def finding_made(self, finding: Finding) -> None:
        if isinstance(finding, Row):
            self._output.line(f"  {_row_sentence(finding)}")

    def benchmark_ended(self, ended: Ended) -> None:
        self._output.line(f"{ended.program}: {ended.problem or 'done'}, {duration_text(ended.took_s)}")


class _ProgressTable:
    """One line per benchmark, and the rows found above the table. Rich calls ``render`` from its own thread."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._started_at: dict[str, float] = {}
        self._ended: dict[str, Ended] = {}
        self._findings: dict[str, int] = dict.fromkeys(names, 0)
        self.above: Console | None = None

    def benchmark_started(self, name: str) -> None:
        self._started_at[name] = time.monotonic()

    def finding_made(self, finding: Finding) -> None:
        self._findings[finding.program] += 1
        if self.above and isinstance(finding, Row):
            self.above.print(Text(_row_sentence(finding), style="red" if finding.met is False else ""))

    def benchmark_ended(self, ended: Ended) -> None:
        self._ended[ended.program] = ended

    def render(self) -> Table:
        """The table as of now."""
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.add_column("benchmark", no_wrap=True)
        table.add_column("state", overflow="fold")
        table.add_column("time", justify="right", no_wrap=True)
        table.add_column("findings", justify="right", no_wrap=True)
        for name in self._names:
            table.add_row(name, *self._state(name), str(self._findings[name] or ""))
        return table

    def _state(self, name: str) -> tuple[Text, str]:
        if ended := self._ended.get(name):
            state = Text(ended.problem, style="red") if ended.problem else Text("done", style="green")
            return state, duration_text(ended.took_s)
        if name in self._started_at:
            return Text("running", style="cyan"), duration_text(time.monotonic() - self._started_at[name])
        return Text("waiting", style="dim"), ""


def _row_sentence(row: Row) -> str:
    beside = f", beside {row.peer}" if row.peer else ""
    mark = _MARKS[row.met]
    return f"{row.what}{beside}: {figure_text(row.figure, row.figure_unit)}" + (f"  {mark}" if mark else "")
