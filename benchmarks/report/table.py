"""Rows as a Markdown table, which reads well as plain text too."""

from collections.abc import Sequence

from .rows import Row, Sample

HEAD = ("what", "ours", "compared with", "ratio", "target", "met")
_VERDICTS = {True: "yes", False: "NO", None: ""}


def table(rows: Sequence[Row]) -> str:
    """One line per row: the medians, and the quartiles of the figure to judge by."""
    return aligned_table([HEAD, *map(row_cells, rows)])


def aligned_table(lines: Sequence[Sequence[str]]) -> str:
    """*lines*, the first of which is the head, as a table with aligned columns."""
    safe = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)]
    head, *body = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in safe]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([head, rule, *body])


def row_cells(row: Row) -> tuple[str, ...]:
    """The cells of *row*, in the order of ``HEAD``."""
    return (
        row.what,
        f"{short_number(row.ours.median)} {row.unit}",
        f"{row.peer}: {short_number(row.theirs.median)} {row.unit}" if row.theirs else "",
        figure_text(row.figure, row.figure_unit),
        f"{row.target.bound} {short_number(row.target.value)}" if row.target else "",
        _VERDICTS[row.met],
    )


def figure_text(sample: Sample, unit: str) -> str:
    """The median of *sample* and its quartiles."""
    quartiles = f" ({short_number(sample.low)} to {short_number(sample.high)})" if len(sample.values) > 1 else ""
    return f"{short_number(sample.median)} {unit}{quartiles}"


def short_number(value: float) -> str:
    """*value* to about three digits, more than a benchmark can resolve."""
    if abs(value) >= 100:
        digits = len(str(int(abs(value)))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"
