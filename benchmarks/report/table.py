"""The table: rows as people read them, in Markdown, which is plain text, too."""

from collections.abc import Sequence

from .rows import Row, Sample

HEAD = ("what", "ours", "compared with", "ratio", "target", "met")
_VERDICTS = {True: "yes", False: "NO", None: ""}


def table(rows: Sequence[Row]) -> str:
    """A line for each of *rows*: medians, and what lies between the quartiles of the figure that counts."""
    return lined_up([HEAD, *map(cells, rows)])


def lined_up(lines: Sequence[Sequence[str]]) -> str:
    """*lines*, the first of which is the head, as a table whose columns are lined up."""
    safe = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)]
    made = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in safe]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([made[0] + " |", rule, *(line + " |" for line in made[1:])])


def cells(row: Row) -> tuple[str, ...]:
    """A line of the table, as ``HEAD`` names its cells."""
    return (
        row.what,
        f"{short(row.ours.median)} {row.unit}",
        f"{row.peer}: {short(row.theirs.median)} {row.unit}" if row.theirs else "",
        figure(row.figure, row.figure_unit),
        f"{row.target.bound} {short(row.target.value)}" if row.target else "",
        _VERDICTS[row.met],
    )


def figure(sample: Sample, unit: str) -> str:
    """The median of *sample*, and its quartiles."""
    spread = f" ({short(sample.low)} to {short(sample.high)})" if len(sample.values) > 1 else ""
    return f"{short(sample.median)} {unit}{spread}"


def short(value: float) -> str:
    """*value* in three digits or so, which is more than a benchmark knows."""
    if abs(value) >= 100:
        digits = len(str(int(abs(value)))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"
