"""Benchmark programs: modules that run in a process of their own and print their findings as JSON."""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import redirect_stdout
from enum import StrEnum
from typing import TypeVar

import msgspec

from .report.findings import Finding, json_line

T = TypeVar("T")


class Scale(StrEnum):
    """How much is measured. ``TINY`` only shows that a program runs; its figures mean nothing."""

    FULL = "full"
    QUICK = "quick"
    TINY = "tiny"

    def pick(self, full: T, quick: T, tiny: T) -> T:
        """The value for this scale."""
        return {Scale.FULL: full, Scale.QUICK: quick, Scale.TINY: tiny}[self]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a program. Each program ignores those that do not apply to it.

    *sessions* and *peers* replace the program's own, if any are given; *duration_s* is the length of each measurement.
    *address* is the Ray cluster to join; without it, the program starts Ray.
    """

    scale: Scale = Scale.FULL
    sessions: tuple[int, ...] = ()
    duration_s: float | None = None
    peers: tuple[str, ...] = ()
    address: str | None = None

    def arguments(self) -> list[str]:
        """The options as command-line arguments of a program."""
        pairs: list[tuple[str, object]] = [
            *(("--sessions", number) for number in self.sessions),
            *(("--peers", name) for name in self.peers),
            ("--duration", self.duration_s),
            ("--address", self.address),
        ]
        return [f"--{self.scale}", *(str(word) for pair in pairs if pair[1] is not None for word in pair)]


Measure = Callable[[Options], AsyncIterator[Finding]]


def add_scale_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a scale to *parser*."""
    scales = parser.add_mutually_exclusive_group()
    for scale, meaning in (
        (Scale.FULL, "the default"),
        (Scale.QUICK, "measure less, in less time"),
        (Scale.TINY, "only check that it runs"),
    ):
        scales.add_argument(f"--{scale}", dest="scale", action="store_const", const=scale, help=meaning)
    parser.set_defaults(scale=Scale.FULL)


def run_program(measure: Measure) -> None:
    """Run *measure* with the options of the command line, and print each finding as soon as it is made."""
    run_mode({"": measure})


def run_mode(modes: Mapping[str, Measure]) -> None:
    """The same for a program with several modes: the command line names one of them."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.set_defaults(mode="")
    if "" not in modes:
        parser.add_argument("mode", choices=list(modes), help="what to measure")
    add_scale_arguments(parser)
    parser.add_argument("--sessions", type=int, action="append", metavar="N", help="number of sessions; repeatable")
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="length of each measurement")
    parser.add_argument("--peers", action="append", metavar="NAME", help="compare only with this one; repeatable")
    parser.add_argument("--address", metavar="HOST:PORT", help="the Ray cluster to join")
    parsed = parser.parse_args()
    options = Options(
        scale=parsed.scale,
        sessions=tuple(parsed.sessions or ()),
        duration_s=parsed.duration,
        peers=tuple(parsed.peers or ()),
        address=parsed.address,
    )
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background of a shell, it would be ignored
    asyncio.run(_print_findings(modes[parsed.mode], options))


async def _print_findings(measure: Measure, options: Options) -> None:
    findings = sys.stdout
    with redirect_stdout(sys.stderr):  # Ray prints there, too: that a process has died, for instance
        async for finding in measure(options):
            print(json_line(finding), file=findings, flush=True)
