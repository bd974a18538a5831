"""Compares two results, row by row."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from .result import Result
from .rows import Direction, Row
from .table import aligned_table, figure_text

Verdict = Literal["better", "worse", "changed", ""]
Key = tuple[str, str, str, str, int]

_NOTABLE = 0.1
_MORE_IS_BETTER = ("/s", "times less")
_LESS_IS_BETTER = ("s", "ms", "µs", "KB", "MB", "GB", "times the limit", "round trips more")
HEAD = ("what", "compared with", "old", "new", "quotient", "verdict")

_ORDER: dict[Verdict, int] = {"worse": 0, "better": 1, "changed": 2, "": 3}


class Change(msgspec.Struct, frozen=True):
    """The old and the new version of one row."""

    old: Row
    new: Row

    @property
    def quotient(self) -> float | None:
        """The new figure divided by the old; ``None`` if one of them is not above 0."""
        old, new = self.old.figure.median, self.new.figure.median
        return new / old if old > 0 and new > 0 else None

    @property
    def verdict(self) -> Verdict:
        """The verdict on a change beyond noise: beyond the interquartile range of either, and 10 % of the old.

        ``changed`` if the better direction is unknown, empty if the figure has not changed.
        """
        old, new = self.old.figure, self.new.figure
        change = new.median - old.median
        if abs(change) <= max(old.high - old.low, new.high - new.low, _NOTABLE * abs(old.median)):
            return ""
        match better_direction(self.new):
            case None:
                return "changed"
            case "more":
                return "better" if change > 0 else "worse"
            case "less":
                return "better" if change < 0 else "worse"


class Comparison(msgspec.Struct, frozen=True):
    """The *changes* of rows that both results have, and the rows that only the old or only the new one has.

    *notes* name other differences: figures of two machines or two scales say little about the code.
    """

    changes: tuple[Change, ...]
    gone: tuple[Row, ...]
    added: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def by_verdict(self) -> list[Change]:
        """The changes, worst verdict first."""
        return sorted(self.changes, key=lambda change: _ORDER[change.verdict])


def compare(old: Result, new: Result) -> Comparison:
    """Compare two results. Rows are paired by benchmark, name, peer and unit."""
    before, after = dict(_keyed(old.rows)), dict(_keyed(new.rows))
    return Comparison(
        changes=tuple(Change(before[key], row) for key, row in after.items() if key in before),
        gone=tuple(row for key, row in before.items() if key not in after),
        added=tuple(row for key, row in after.items() if key not in before),
        notes=tuple(_notes(old, new)),
    )


def better_direction(row: Row) -> Direction | None:
    """The better direction of *row*'s figure: as stated, by its target, or by its unit; ``None`` if unknown."""
    if row.better:
        return row.better
    if row.target:
        return "more" if row.target.bound == "at least" else "less"
    unit = row.figure_unit
    if unit.endswith(_MORE_IS_BETTER):
        return "more"
    return "less" if unit in _LESS_IS_BETTER else None


def comparison_table(comparison: Comparison) -> str:
    """The comparison in Markdown, one line per row, worst verdict first."""
    parts = [*comparison.notes, summary(comparison)]
    if comparison.changes:
        parts.append(aligned_table([HEAD, *map(change_cells, comparison.by_verdict)]))
    for title, rows in (("Only in the old one", comparison.gone), ("Only in the new one", comparison.added)):
        if rows:
            parts.append(f"{title}:\n\n" + "\n".join(f"- {full_name(row)}" for row in rows))
    return "\n\n".join(parts)


def change_cells(change: Change) -> tuple[str, ...]:
    """The cells of *change*, in the order of ``HEAD``."""
    old, new, quotient = change.old, change.new, change.quotient
    return (
        f"{new.program}: {new.what}" if new.program else new.what,
        new.peer,
        figure_text(old.figure, old.figure_unit),
        figure_text(new.figure, new.figure_unit),
        "" if quotient is None else f"{quotient:.2f}",
        change.verdict.upper() if change.verdict == "worse" else change.verdict,
    )


def full_name(row: Row) -> str:
    """The name of *row* outside its table."""
    return f"{row.program}: {row.what}" + (f", beside {row.peer}" if row.peer else "")


def summary(comparison: Comparison) -> str:
    """The number of rows per verdict."""
    counts = Counter(change.verdict for change in comparison.changes)
    parts = [f"{counts[verdict]} {verdict}" for verdict in ("worse", "better", "changed") if counts[verdict]]
    parts.append(f"{counts['']} as before")
    return f"{len(comparison.changes)} rows in both: {', '.join(parts)}."


def _keyed(rows: Sequence[Row]) -> Iterator[tuple[Key, Row]]:
    """Rows by identity. Text in brackets after a peer's name holds figures of that run, and is not part of it."""
    seen: Counter[tuple[str, str, str, str]] = Counter()
    for row in rows:
        identity = (row.program, row.what, row.peer.partition(" (")[0], row.figure_unit)
        yield (*identity, seen[identity]), row
        seen[identity] += 1


def _notes(old: Result, new: Result) -> Iterator[str]:
    before, after = old.run.machine, new.run.machine
    for what, was, now in (
        ("commit", before.commit, after.commit),
        ("scale", str(old.run.options.scale), str(new.run.options.scale)),
        ("processor", f"{before.processor}, {before.cpus} CPUs", f"{after.processor}, {after.cpus} CPUs"),
        ("Python", before.python, after.python),
    ):
        if was != now:
            yield f"Another {what}: {was} then, {now} now."
    versions = [
        f"{package} {was} then, {now} now"
        for package, was in before.packages.items()
        if (now := after.packages.get(package, "none")) != was
    ]
    if versions:
        yield f"Other versions: {'; '.join(versions)}."
