"""The table: rows as people read them, in Markdown, which is plain text, too."""

from collections.abc import Sequence

from .rows import Row, Sample

_HEAD = ("what", "ours", "compared with", "ratio", "target", "met")
_VERDICTS = {True: "yes", False: "NO", None: ""}


def table(rows: Sequence[Row]) -> str:
    """A line for each of *rows*: medians, and what lies between the quartiles of the figure that counts."""
    lines = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    made = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([made[0] + " |", rule, *(line + " |" for line in made[1:])])


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.what,
        f"{short(row.ours.median)} {row.unit}",
        f"{row.peer}: {short(row.theirs.median)} {row.unit}" if row.theirs else "",
        _figure(row.figure, row.figure_unit),
        f"{row.target.bound} {short(row.target.value)}" if row.target else "",
        _VERDICTS[row.met],
    )


def _figure(figure: Sample, unit: str) -> str:
    spread = f" ({short(figure.low)} to {short(figure.high)})" if len(figure.values) > 1 else ""
    return f"{short(figure.median)} {unit}{spread}"


def short(value: float) -> str:
    """*value* in three digits or so, which is more than a benchmark knows."""
    if abs(value) >= 100:
        digits = len(str(int(abs(value)))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"
