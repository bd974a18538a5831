"""How a run of benchmarks goes on: a live table for people, plain lines for whatever else reads."""

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
from .report.markdown import minutes
from .report.result import Ended
from .report.rows import Row
from .report.table import figure
from .runner import Watcher

_REFRESHES_PER_S = 4
_MARKS = {True: "met", False: "NOT MET", None: ""}


@contextmanager
def show_progress(output: Output, programs: Sequence[str]) -> Generator[Watcher]:
    """What shows on *output* how *programs* go on."""
    if not output.terminal:
        yield _Lines(output)
        return
    console = Console(file=output.stream, highlight=False)
    table = _Table(programs)
    with Live(get_renderable=table.picture, console=console, refresh_per_second=_REFRESHES_PER_S) as live:
        table.above = live.console
        yield table


class _Lines:
    """A line for all that happens."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def began(self, program: str) -> None:
        self._output.line(f"{program} ...")

    def found(self, finding: Finding) -> None:
        if isinstance(finding, Row):
            self._output.line(f"  {_sentence(finding)}")

    def ended(self, ended: Ended) -> None:
        self._output.line(f"{ended.program}: {ended.problem or 'done'}, {minutes(ended.took_s)}")


class _Table:
    """A line for each program, and above it what was found. Rich calls ``picture`` from a thread of its own."""

    def __init__(self, programs: Sequence[str]) -> None:
        self._programs = programs
        self._begun_at: dict[str, float] = {}
        self._ended: dict[str, Ended] = {}
        self._found: dict[str, int] = dict.fromkeys(programs, 0)
        self.above: Console | None = None

    def began(self, program: str) -> None:
        self._begun_at[program] = time.monotonic()

    def found(self, finding: Finding) -> None:
        self._found[finding.program] += 1
        if self.above and isinstance(finding, Row):
            self.above.print(Text(_sentence(finding), style="red" if finding.met is False else ""))

    def ended(self, ended: Ended) -> None:
        self._ended[ended.program] = ended

    def picture(self) -> Table:
        """What there is to see now."""
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.add_column("benchmark", no_wrap=True)
        table.add_column("state", overflow="fold")
        table.add_column("time", justify="right", no_wrap=True)
        table.add_column("findings", justify="right", no_wrap=True)
        for program in self._programs:
            table.add_row(program, *self._state(program), str(self._found[program] or ""))
        return table

    def _state(self, program: str) -> tuple[Text, str]:
        if ended := self._ended.get(program):
            state = Text(ended.problem, style="red") if ended.problem else Text("done", style="green")
            return state, minutes(ended.took_s)
        if program in self._begun_at:
            return Text("running", style="cyan"), minutes(time.monotonic() - self._begun_at[program])
        return Text("waiting", style="dim"), ""


def _sentence(row: Row) -> str:
    beside = f", beside {row.peer}" if row.peer else ""
    mark = _MARKS[row.met]
    return f"{row.what}{beside}: {figure(row.figure, row.figure_unit)}" + (f"  {mark}" if mark else "")
