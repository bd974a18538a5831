"""The report of a result, in the result's own folder: table, page, plots."""

from pathlib import Path

from .comparison import compare, comparison_table
from .markdown import markdown, verdict
from .result import Result, read

TABLE = "table.md"
PAGE = "page.html"
COMPARISON = "comparison.md"


def write_report(folder: Path, old: Result | None) -> str:
    """Write what belongs to the findings in *folder*, and what has changed since *old*; what there is to say of it."""
    result = read(folder)
    table = markdown(result)
    (folder / TABLE).write_text(table, encoding="utf-8")
    told = ["", table.partition("\n## ")[2] and "## " + table.partition("\n## ")[2]]
    if old:
        changes = comparison_table(compare(old, result))
        (folder / COMPARISON).write_text(f"# What has changed\n\n{changes}\n", encoding="utf-8")
        told.append(changes + "\n")
    told.append(f"{verdict(result)} All of it: {folder / PAGE}")
    return "\n".join(told)
