"""A contest: crowds, each in a process of its own, that get the same task in turn."""

from collections.abc import AsyncGenerator, Callable, Container, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

import msgspec

from ..adapters.adapter import Site
from ..report.findings import Chart, Curve
from ..report.rows import Row, Sample, Target
from .contestant_process import Side, side
from .workloads import Task, Trial

PEERS = ("sdk", "sdk-aiohttp", "autogen", "pydantic-ai", "langgraph", "ray-calls")
"""What one would pick instead."""

LIMIT = "bare"
HALF_OF_THE_LIMIT = Target("at least", 0.5)
ABOVE_A_PEER = Target("at least", 1)


class Party(Protocol):
    """Who takes part: a crowd, wherever it is."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    async def carry_out(self, task: Task, last: bool = False) -> Trial:
        """What came of *task*. After the *last* one nothing more is asked of it."""
        ...


class Trials(msgspec.Struct, frozen=True):
    """What came of the same task for one side, a trial a round."""

    trials: tuple[Trial, ...]

    @property
    def per_s(self) -> Sample:
        """Tokens in a second."""
        return Sample.of(trial.tokens_per_s for trial in self.trials)

    @property
    def per_cpu_s(self) -> Sample | None:
        """Tokens for a second of CPU time, of all processes of the side.

        ``None`` where those are not all known, or where nothing was heard: there is no comparing with nothing.
        """
        if any(trial.cpu_s is None or not trial.tokens for trial in self.trials):
            return None
        return Sample.of(trial.tokens_per_cpu_s for trial in self.trials)


@asynccontextmanager
async def contest(sites: Mapping[str, Site]) -> AsyncGenerator[dict[str, Side]]:
    """The crowds called as the keys say, each with the site that it asks, until it is left."""
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(side(name, site)) for name, site in sites.items()}


async def in_turn(
    rounds: Mapping[Party, int], task: Callable[[str], Task], leaving: Container[str] = ()
) -> dict[str, Trials]:
    """What each side made of its *task*, in so many *rounds*: A B C, A B C, A B. Those who are *leaving* do no other.

    The task differs at most in how much of the same each does: a slow side gets less, or it would take minutes.
    """
    taken: dict[str, tuple[Trial, ...]] = {each.name: () for each in rounds}
    for number in range(max(rounds.values())):
        for each, its_rounds in rounds.items():
            if number < its_rounds:
                last = number == its_rounds - 1 and each.name in leaving
                taken[each.name] += (await each.carry_out(task(each.name), last),)
    return {name: Trials(trials) for name, trials in taken.items()}


def alone(what: str, unit: str, ours: Sample) -> Row:
    """A row of what was measured, compared with nothing."""
    return Row(what=f"{unit}, {what}", unit=unit, ours=ours, figure=ours, figure_unit=unit, better="more")


def beside(row: Row, peer: str, theirs: Sample, target: Target | None = None) -> Row:
    """*row* compared with what *peer* did in the same rounds; it may have had fewer."""
    ours = Sample.of(row.ours.values[: len(theirs.values)])
    return msgspec.structs.replace(
        row,
        ours=ours,
        peer=peer,
        theirs=theirs,
        figure=ours.over(theirs),
        figure_unit="times",
        target=target,
    )


def lines(
    chart: Chart, found: Mapping[int, Mapping[str, Trials]], figure: Callable[[Trials], Sample | None]
) -> Iterator[Curve]:
    """For each side its *figure* over the number of sessions, as far as it goes."""
    for name in dict.fromkeys(name for trials in found.values() for name in trials):
        points = {
            float(sessions): sample
            for sessions, trials in found.items()
            if name in trials and (sample := figure(trials[name]))
        }
        if points:
            yield Curve(chart, name, tuple(points), tuple(points.values()))


def chosen(peers: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """Those of *peers* that are *wanted*; all, where nothing is said."""
    names = set(wanted)
    return tuple(peer for peer in peers if not names or peer in names)
