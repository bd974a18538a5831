"""Rows: what a benchmark found, as it is printed and kept."""

from collections.abc import Iterable
from statistics import quantiles
from typing import Any, Literal, Self

import msgspec

KB = 1_000
MB = 1_000_000

Direction = Literal["more", "less"]


class Sample(msgspec.Struct, frozen=True):
    """One thing measured several times: the *values* in the order taken, their median and quartiles."""

    median: float
    low: float
    high: float
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """The sample of *values*, at least one."""
        taken = tuple(values)
        low, middle, high = quantiles(taken, n=4, method="inclusive") if len(taken) > 1 else [*taken] * 3
        return cls(middle, low, high, taken)

    def over(self, other: "Sample") -> "Sample":
        """The quotients of what was measured in the same round. In a round both sides met the same weather."""
        return Sample.of(mine / its for mine, its in zip(self.values, other.values, strict=True))

    def above(self, other: "Sample") -> "Sample":
        """The differences of what was measured in the same round."""
        return Sample.of(mine - its for mine, its in zip(self.values, other.values, strict=True))

    def times(self, factor: float) -> "Sample":
        """The same in another unit."""
        return Sample.of(value * factor for value in self.values)


class Target(msgspec.Struct, frozen=True):
    """What a row's figure is held to."""

    bound: Literal["at least", "under"]
    value: float

    def met_by(self, figure: float) -> bool:
        """Whether *figure* is on the right side."""
        return figure >= self.value if self.bound == "at least" else figure < self.value


class Row(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="row"):
    """One finding: *ours* and *theirs* in *unit*, *theirs* being *peer*'s in the same rounds.

    *figure*, in *figure_unit*, is what counts, and what the target, where there is one, is for. *better* says which way
    is better where neither target nor unit does. *program* is added by the runner.
    """

    what: str
    unit: str
    ours: Sample
    peer: str = ""
    theirs: Sample | None = None
    figure: Sample
    figure_unit: str
    target: Target | None = None
    better: Direction | None = None
    program: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the median of the figure meets the target."""
        return None if self.target is None else self.target.met_by(self.figure.median)

    def plain(self) -> dict[str, Any]:
        """The row as JSON has it, the verdict included."""
        return {**msgspec.to_builtins(self), "met": self.met}
