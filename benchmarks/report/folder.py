"""The report of a result, in the result's own folder: table, page, plots, and what has changed."""

from pathlib import Path

from .comparison import compare, comparison_table
from .markdown import conditions, markdown, tables, verdict
from .page import page
from .plots import pictures
from .result import Result, read

TABLE = "table.md"
PAGE = "page.html"
COMPARISON = "comparison.md"
PLOTS = "plots"


def write_report(folder: Path, old: Result | None = None) -> str:
    """Write what belongs to the findings in *folder*, and what has changed since *old*; what there is to say of it.

    What stands there of an earlier report is written over.
    """
    result = read(folder)
    drawn = pictures(result.findings)
    comparison = compare(old, result) if old else None
    (folder / TABLE).write_text(markdown(result), encoding="utf-8")
    (folder / PAGE).write_text(page(result, drawn, comparison), encoding="utf-8")
    if drawn:
        (folder / PLOTS).mkdir(exist_ok=True)
    for picture in drawn:
        (folder / PLOTS / f"{picture.name}.svg").write_text(picture.svg, encoding="utf-8")
        (folder / PLOTS / f"{picture.name}.png").write_bytes(picture.png)
    told = [tables(result)]
    if comparison:
        changes = comparison_table(comparison)
        (folder / COMPARISON).write_text(f"# What has changed\n\n{changes}\n", encoding="utf-8")
        told.append(changes)
    told += [f"{verdict(result)} {conditions(result)}", f"All of it: {folder / PAGE}"]
    return "\n" + "\n\n".join(filter(None, told))
