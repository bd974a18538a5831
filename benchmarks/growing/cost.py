"""A cost, measured at several sizes, and what it says about the next larger one."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from ..exponent import exponent
from ..report.findings import Chart, Curve, Finding
from ..report.rows import Row, Sample, Target

LINEAR = Target("under", 1.05)
"""What is linear comes out at 1, or below it for what does not grow; *n* log *n* at 1.1 and more."""

Spend = Callable[[int], Awaitable[float]]
"""Does once, at a size, what is measured; the seconds of CPU time that it took."""


@dataclass(frozen=True, slots=True)
class Cost:
    """*what* is done at each of *sizes*, which count *things*, the largest last."""

    what: str
    things: str
    sizes: Sequence[int]
    spend: Spend
    most_times: int = 1

    def times(self, size: int) -> int:
        """How often it is done for one figure: the smaller, the oftener, for CPU time is counted in steps of 10 ms."""
        return max(1, min(self.most_times, self.sizes[-1] // size))


@dataclass(frozen=True, slots=True)
class Grown:
    """What *what* took at each of *sizes*, the same number of times each."""

    what: str
    things: str
    sizes: Sequence[float]
    spent_s: Sequence[Sequence[float]]

    def findings(self) -> Iterator[Finding]:
        """The exponent of each time, and the curve."""
        largest = Sample.of(1e3 * spent_s for spent_s in self.spent_s[-1])
        yield Row(
            what=f"{self.what}, {self.sizes[-1]:,.0f} {self.things}",
            unit="CPU ms",
            ours=largest,
            figure=Sample.of(exponent(self.sizes, spent_s) for spent_s in zip(*self.spent_s, strict=True)),
            figure_unit=f"is the exponent over {self.things}",
            target=LINEAR,
        )
        chart = Chart(f"How the cost grows: {self.what}", self.things, "CPU ms")
        sizes = tuple(map(float, self.sizes))
        yield Curve(chart, "ours", sizes, tuple(Sample.of(1e3 * spent for spent in each) for each in self.spent_s))
        linear = (largest.median * size / sizes[-1] for size in sizes)
        yield Curve(chart, "the limit: linear", sizes, tuple(Sample.of([spent]) for spent in linear))


async def grow(cost: Cost, runs: int) -> Grown:
    """All sizes in turn, so many times over, after one that does not count."""
    for size in cost.sizes:
        await cost.spend(size)
    spent_s: dict[int, list[float]] = {size: [] for size in cost.sizes}
    for _ in range(runs):
        for size in cost.sizes:
            times = cost.times(size)
            spent_s[size].append(sum([await cost.spend(size) for _ in range(times)]) / times)
    return Grown(cost.what, cost.things, cost.sizes, list(spent_s.values()))
