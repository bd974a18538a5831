"""Rows: what a benchmark found, as printed and stored."""

from collections.abc import Iterable
from statistics import quantiles
from typing import Any, Literal, Self

import msgspec

KB = 1_000
MB = 1_000_000

Direction = Literal["more", "less"]


class Sample(msgspec.Struct, frozen=True):
    """Repeated measurements of one quantity: the *values* in the order taken, their median and quartiles."""

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
        """Quotients, round by round: both sides of a round ran under the same conditions."""
        return Sample.of(mine / theirs for mine, theirs in zip(self.values, other.values, strict=True))

    def minus(self, other: "Sample") -> "Sample":
        """Differences, round by round."""
        return Sample.of(mine - theirs for mine, theirs in zip(self.values, other.values, strict=True))

    def scaled(self, factor: float) -> "Sample":
        """The sample in another unit."""
        return Sample.of(value * factor for value in self.values)


class Target(msgspec.Struct, frozen=True):
    """The bound that a row's figure should keep."""

    bound: Literal["at least", "under"]
    value: float

    def met_by(self, figure: float) -> bool:
        """True if *figure* is on the right side of the bound."""
        return figure >= self.value if self.bound == "at least" else figure < self.value


class Row(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="row"):
    """One finding: *ours* and *theirs* in *unit*, where *theirs* is the *peer*'s sample from the same rounds.

    *figure*, in *figure_unit*, is the value to judge by; *target* applies to it. *better* is the better direction if
    neither target nor unit implies one. The runner sets *program*, the name of the benchmark.
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

    @classmethod
    def measured(cls, what: str, unit: str, sample: Sample) -> Self:
        """A row compared with nothing; the figure is the sample itself."""
        return cls(what=what, unit=unit, ours=sample, figure=sample, figure_unit=unit)

    def beside(self, peer: str, theirs: Sample) -> "Row":
        """The row compared with *peer*, which may have had fewer rounds; the figure is the quotient, in "times"."""
        ours = Sample.of(self.ours.values[: len(theirs.values)])
        return msgspec.structs.replace(
            self, ours=ours, peer=peer, theirs=theirs, figure=ours.over(theirs), figure_unit="times"
        )

    def more_than(self, peer: str, theirs: Sample, figure_unit: str) -> "Row":
        """The row compared with *peer*; the figure is the difference."""
        figure = self.ours.minus(theirs)
        return msgspec.structs.replace(self, peer=peer, theirs=theirs, figure=figure, figure_unit=figure_unit)

    def judged_by(self, figure: Sample, unit: str) -> "Row":
        """The row with another figure."""
        return msgspec.structs.replace(self, figure=figure, figure_unit=unit)

    def held_to(self, target: Target | None) -> "Row":
        """The row with *target*."""
        return msgspec.structs.replace(self, target=target)

    def better_if(self, direction: Direction) -> "Row":
        """The row with its better direction stated."""
        return msgspec.structs.replace(self, better=direction)

    @property
    def met(self) -> bool | None:
        """True if the median of the figure meets the target; ``None`` without a target."""
        return None if self.target is None else self.target.met_by(self.figure.median)

    def plain(self) -> dict[str, Any]:
        """The row as its JSON has it, the verdict included."""
        return {**msgspec.to_builtins(self), "met": self.met}
