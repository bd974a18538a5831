"""Writes the report of a result into the result's folder: table, page, plots and comparison."""

from pathlib import Path

from .comparison import compare, comparison_table
from .markdown import conditions, markdown, tables, targets_met
from .page import page
from .plots import draw_plots
from .result import Result, read_result

TABLE = "table.md"
PAGE = "page.html"
COMPARISON = "comparison.md"
PLOTS = "plots"


def write_report(folder: Path, old: Result | None = None) -> str:
    """Write the report of the findings in *folder*, compared with *old* if given; returns its text for a terminal.

    Files of an earlier report are overwritten.
    """
    result = read_result(folder)
    plots = draw_plots(result.findings)
    comparison = compare(old, result) if old else None
    (folder / TABLE).write_text(markdown(result), encoding="utf-8")
    (folder / PAGE).write_text(page(result, plots, comparison), encoding="utf-8")
    if plots:
        (folder / PLOTS).mkdir(exist_ok=True)
    for plot in plots:
        (folder / PLOTS / f"{plot.name}.svg").write_text(plot.svg, encoding="utf-8")
        (folder / PLOTS / f"{plot.name}.png").write_bytes(plot.png)
    parts = [tables(result)]
    if comparison:
        changes = comparison_table(comparison)
        (folder / COMPARISON).write_text(f"# What has changed\n\n{changes}\n", encoding="utf-8")
        parts.append(changes)
    parts += [f"{targets_met(result)} {conditions(result)}", f"The whole report: {folder / PAGE}"]
    return "\n" + "\n\n".join(filter(None, parts))
