"""A program: a module that measures one thing, run in a process of its own, and prints its findings as JSON."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import TypeVar

import msgspec

from .report.findings import Finding, line

T = TypeVar("T")


class Scale(StrEnum):
    """How much is measured. ``TINY`` shows that a program runs; its figures mean nothing."""

    FULL = "full"
    QUICK = "quick"
    TINY = "tiny"

    def of(self, full: T, quick: T, tiny: T) -> T:
        """Which of the three is for this scale."""
        return {Scale.FULL: full, Scale.QUICK: quick, Scale.TINY: tiny}[self]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a program is asked for. What it has no use for, it passes over.

    *sessions* and *peers* stand in place of its own where there are any; *duration_s* is how long each measurement is.
    *address* is the Ray cluster to join, without which one is started here.
    """

    scale: Scale = Scale.FULL
    sessions: tuple[int, ...] = ()
    duration_s: float | None = None
    peers: tuple[str, ...] = ()
    address: str | None = None

    def words(self) -> list[str]:
        """The same on a program's command line."""
        given: list[tuple[str, object]] = [
            *(("--sessions", number) for number in self.sessions),
            *(("--peers", name) for name in self.peers),
            ("--duration", self.duration_s),
            ("--address", self.address),
        ]
        pairs = [(name, str(value)) for name, value in given if value is not None]
        return [f"--{self.scale}", *(word for pair in pairs for word in pair)]


Measure = Callable[[Options], AsyncIterator[Finding]]


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
    """Print the findings of *measure*, a line of JSON each, as soon as they are there."""
    module = sys.modules[measure.__module__]
    options = _options(module.__doc__)

    async def print_findings() -> None:
        async for finding in measure(options):
            print(line(finding), flush=True)

    asyncio.run(print_findings())


def _options(description: str | None) -> Options:
    parser = argparse.ArgumentParser(description=description)
    add_scale(parser)
    parser.add_argument("--sessions", type=int, action="append", metavar="N", help="so many sessions; again for more")
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="how long each measurement takes")
    parser.add_argument("--peers", action="append", metavar="NAME", help="beside this one only; again for more")
    parser.add_argument("--address", metavar="HOST:PORT", help="the Ray cluster to join")
    given = parser.parse_args()
    return Options(
        scale=given.scale,
        sessions=tuple(given.sessions or ()),
        duration_s=given.duration,
        peers=tuple(given.peers or ()),
        address=given.address,
    )
