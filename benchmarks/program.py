"""A program: a module that measures one thing, run in a process of its own, and prints its rows as JSON."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import TypeVar

import msgspec

from .report.rows import Row

T = TypeVar("T")


class Scale(StrEnum):
    """How much is measured. ``TINY`` shows that a program runs; its figures mean nothing."""

    FULL = "full"
    QUICK = "quick"
    TINY = "tiny"

    def of(self, full: T, quick: T, tiny: T) -> T:
        """Which of the three is for this scale."""
        return {Scale.FULL: full, Scale.QUICK: quick, Scale.TINY: tiny}[self]


Measure = Callable[[Scale], AsyncIterator[Row]]


def add_scale(parser: argparse.ArgumentParser) -> None:
    """Let *parser* take a scale."""
    scales = parser.add_mutually_exclusive_group()
    for scale, meaning in (
        (Scale.FULL, "the default"),
        (Scale.QUICK, "measure less, in less time"),
        (Scale.TINY, "only see that it runs"),
    ):
        scales.add_argument(f"--{scale}", dest="scale", action="store_const", const=scale, help=meaning)
    parser.set_defaults(scale=Scale.FULL)


def run(measure: Measure) -> None:
    """Print the rows of *measure*, a line of JSON each, as soon as they are there."""
    module = sys.modules[measure.__module__]
    parser = argparse.ArgumentParser(description=module.__doc__)
    add_scale(parser)
    scale: Scale = parser.parse_args().scale

    async def print_rows() -> None:
        async for row in measure(scale):
            print(msgspec.json.encode(row.plain()).decode(), flush=True)

    asyncio.run(print_rows())
