"""How a cost scales: measured at several sizes, and the exponent of the power law that fits best."""

import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import linear_regression

from .report.findings import Chart, Curve, Finding
from .report.rows import Row, Sample, Target

LINEAR = Target("under", 1.05)
"""Linear costs come out at 1, or less if a part of them does not grow; *n* log *n* at 1.1 or more."""

MeasureCpu = Callable[[int], Awaitable[float]]
"""Does once, at a size, what is measured; returns the seconds of CPU time."""


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The *k* for which ``cost = c * size ** k`` fits best: least squares between the logarithms of both.

    1 is linear growth, 2 quadratic. A part of the cost that does not grow makes it smaller.

    Raises:
        ValueError: there are not two different sizes, or one of the figures is not above 0.
    """
    return linear_regression([math.log(size) for size in sizes], [math.log(cost) for cost in costs]).slope


@dataclass(frozen=True, slots=True)
class Cost:
    """*what* is done at each of *sizes*, which count *things*; the largest is last."""

    what: str
    things: str
    sizes: Sequence[int]
    measure_cpu: MeasureCpu
    max_repeats: int = 1

    def repeats(self, size: int) -> int:
        """The repetitions for one figure: more at small sizes, for CPU time is counted in steps of 10 ms."""
        return max(1, min(self.max_repeats, self.sizes[-1] // size))


@dataclass(frozen=True, slots=True)
class ScaledCost:
    """The seconds that *what* took at each of *sizes*, the same number of runs each."""

    what: str
    things: str
    sizes: Sequence[float]
    cpu_s: Sequence[Sequence[float]]

    def findings(self) -> Iterator[Finding]:
        """The exponent of each run, and the curve."""
        largest_ms = Sample.of(self.cpu_s[-1]).scaled(1e3)
        exponents = Sample.of(exponent(self.sizes, run) for run in zip(*self.cpu_s, strict=True))
        row = Row.measured(f"{self.what}, {self.sizes[-1]:,.0f} {self.things}", "CPU ms", largest_ms)
        yield row.judged_by(exponents, f"is the exponent over {self.things}").held_to(LINEAR)
        chart = Chart(f"How the cost grows: {self.what}", self.things, "CPU ms")
        sizes = tuple(map(float, self.sizes))
        yield Curve(chart, "ours", sizes, tuple(Sample.of(runs).scaled(1e3) for runs in self.cpu_s))
        linear = tuple(Sample.of([largest_ms.median * size / sizes[-1]]) for size in sizes)
        yield Curve(chart, "the limit: linear", sizes, linear)


async def measure_scaling(cost: Cost, runs: int) -> ScaledCost:
    """Measure all sizes in turn, *runs* times, after a warm-up run that does not count."""
    for size in cost.sizes:
        await cost.measure_cpu(size)
    cpu_s: dict[int, list[float]] = {size: [] for size in cost.sizes}
    for _ in range(runs):
        for size in cost.sizes:
            repeats = cost.repeats(size)
            cpu_s[size].append(sum([await cost.measure_cpu(size) for _ in range(repeats)]) / repeats)
    return ScaledCost(cost.what, cost.things, cost.sizes, list(cpu_s.values()))
