"""Rounds: the sides of a comparison are measured in turn, so that other load on the machine affects all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from .report.rows import Sample

Measurement = Callable[[], Awaitable[float]]
"""Measures one thing once."""


async def measure_in_rounds(rounds: int, sides: Mapping[str, Measurement]) -> dict[str, Sample]:
    """Measure each of *sides* *rounds* times, in turn (A B, A B, ...), after a warm-up round that does not count."""
    values: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(-1, rounds):
        for name, measure in sides.items():
            await asyncio.sleep(0)  # without it, a measurement that never awaits could not be cancelled
            value = await measure()
            if number >= 0:
                values[name].append(value)
    return {name: Sample.of(each) for name, each in values.items()}
