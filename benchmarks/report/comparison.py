"""Comparison: what has changed between two results, row by row."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from .result import Result
from .rows import Direction, Row
from .table import figure, lined_up

Verdict = Literal["better", "worse", "changed", ""]
Key = tuple[str, str, str, str, int]

_NOTABLE = 0.1
_MORE_IS_BETTER = ("/s", "times less")
_LESS_IS_BETTER = ("s", "ms", "µs", "KB", "MB", "GB", "times the limit", "round trips more")
HEAD = ("what", "compared with", "old", "new", "quotient", "verdict")

_ORDER: dict[Verdict, int] = {"worse": 0, "better": 1, "changed": 2, "": 3}


class Change(msgspec.Struct, frozen=True):
    """One row, as it was and as it is."""

    old: Row
    new: Row

    @property
    def quotient(self) -> float | None:
        """The new figure over the old; ``None`` where that says nothing, since one of them is not above 0."""
        old, new = self.old.figure.median, self.new.figure.median
        return new / old if old > 0 and new > 0 else None

    @property
    def verdict(self) -> Verdict:
        """Whether the figure has changed: by more than either's quartiles are apart, and by over 10 % of the old.

        ``changed`` where nobody said which way is better, and empty where it has not.
        """
        old, new = self.old.figure, self.new.figure
        change = new.median - old.median
        if abs(change) <= max(old.high - old.low, new.high - new.low, _NOTABLE * abs(old.median)):
            return ""
        match direction(self.new):
            case None:
                return "changed"
            case "more":
                return "better" if change > 0 else "worse"
            case "less":
                return "better" if change < 0 else "worse"


class Comparison(msgspec.Struct, frozen=True):
    """The *changes* of rows that are in both results, those that are *gone* and those that are *added*.

    *notes* say what else differs, for figures of two machines or two scales are not worth much side by side.
    """

    changes: tuple[Change, ...]
    gone: tuple[Row, ...]
    added: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def ordered(self) -> list[Change]:
        """The changes, what counts first."""
        return sorted(self.changes, key=lambda change: _ORDER[change.verdict])


def compare(old: Result, new: Result) -> Comparison:
    """What *new* changes. Rows belong together by program, by what they measure, beside whom and in what unit."""
    before, after = dict(_keyed(old.rows)), dict(_keyed(new.rows))
    return Comparison(
        changes=tuple(Change(before[key], row) for key, row in after.items() if key in before),
        gone=tuple(row for key, row in before.items() if key not in after),
        added=tuple(row for key, row in after.items() if key not in before),
        notes=tuple(_notes(old, new)),
    )


def direction(row: Row) -> Direction | None:
    """Which way the figure of *row* is better: by its own word, its target, its unit; ``None`` if none tells."""
    if row.better:
        return row.better
    if row.target:
        return "more" if row.target.bound == "at least" else "less"
    unit = row.figure_unit
    if unit.endswith(_MORE_IS_BETTER):
        return "more"
    return "less" if unit in _LESS_IS_BETTER else None


def comparison_table(comparison: Comparison) -> str:
    """The comparison in Markdown: a line for each row, what counts first."""
    parts = [*comparison.notes, summary(comparison)]
    if comparison.changes:
        parts.append(lined_up([HEAD, *map(cells, comparison.ordered)]))
    for title, rows in (("Only in the old one", comparison.gone), ("Only in the new one", comparison.added)):
        if rows:
            parts.append(f"{title}:\n\n" + "\n".join(f"- {name(row)}" for row in rows))
    return "\n\n".join(parts)


def cells(change: Change) -> tuple[str, ...]:
    """A line of the table."""
    old, new, quotient = change.old, change.new, change.quotient
    return (
        f"{new.program}: {new.what}" if new.program else new.what,
        new.peer,
        figure(old.figure, old.figure_unit),
        figure(new.figure, new.figure_unit),
        "" if quotient is None else f"{quotient:.2f}",
        change.verdict.upper() if change.verdict == "worse" else change.verdict,
    )


def name(row: Row) -> str:
    """What *row* is called where it stands alone."""
    return f"{row.program}: {row.what}" + (f", beside {row.peer}" if row.peer else "")


def summary(comparison: Comparison) -> str:
    """How many rows have changed."""
    counts = Counter(change.verdict for change in comparison.changes)
    told = [f"{counts[verdict]} {verdict}" for verdict in ("worse", "better", "changed") if counts[verdict]]
    told.append(f"{counts['']} as before")
    return f"{len(comparison.changes)} rows in both: {', '.join(told)}."


def _keyed(rows: Sequence[Row]) -> Iterator[tuple[Key, Row]]:
    """Rows by what they are. A peer's words in brackets are figures of that run, and no part of it."""
    seen: Counter[tuple[str, str, str, str]] = Counter()
    for row in rows:
        which = (row.program, row.what, row.peer.partition(" (")[0], row.figure_unit)
        yield (*which, seen[which]), row
        seen[which] += 1


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
