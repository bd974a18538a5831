"""Rounds: the sides of a comparison measured in turn, so that whatever else the machine does meets all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from .report.rows import Sample

Side = Callable[[], Awaitable[float]]
"""Measures one thing once."""


async def rounds(number: int, sides: Mapping[str, Side]) -> dict[str, Sample]:
    """What each of *sides* measured in so many rounds, after one that does not count: A B, A B, A B ..."""
    measured: dict[str, list[float]] = {name: [] for name in sides}
    for round_number in range(-1, number):
        for name, side in sides.items():
            await asyncio.sleep(0)  # a side that never waits could not be interrupted
            value = await side()
            if round_number >= 0:
                measured[name].append(value)
    return {name: Sample.of(values) for name, values in measured.items()}
