"""Trials of several contestants in turn, and the rows and curves made from them."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping

import msgspec

from ..report.findings import Chart, Curve
from ..report.rows import Row, Sample, Target
from .contestant import Contestant
from .workloads import Trial, Workload

PEERS = ("sdk", "sdk-aiohttp", "autogen", "pydantic-ai", "langgraph", "ray-calls")
"""What one would use instead."""

OURS = "packed"
LIMIT = "bare"
ABOVE_A_PEER = Target("at least", 1)


class Trials(msgspec.Struct, frozen=True):
    """The trials of one contestant on the same workload, one per round."""

    trials: tuple[Trial, ...]

    @property
    def per_s(self) -> Sample:
        """Tokens per second."""
        return Sample.of(trial.tokens_per_s for trial in self.trials)

    @property
    def per_cpu_s(self) -> Sample | None:
        """Tokens per second of CPU time of all the contestant's processes.

        ``None`` if not all processes are known, or if no text came: there is nothing to compare then.
        """
        if any(trial.cpu_s is None or not trial.tokens for trial in self.trials):
            return None
        return Sample.of(trial.tokens_per_cpu_s for trial in self.trials)


async def run_in_turn(
    rounds: Mapping[Contestant, int], workload: Callable[[str], Workload], leaving: Container[str] = ()
) -> dict[str, Trials]:
    """Run the *workload* of each contestant as often as *rounds* says: A B C, A B C, A B.

    Workloads may differ in length: a slow contestant gets less, or it would take minutes. Contestants that are
    *leaving* run no other workload.
    """
    trials: dict[str, tuple[Trial, ...]] = {contestant.name: () for contestant in rounds}
    for number in range(max(rounds.values())):
        for contestant, its_rounds in rounds.items():
            name = contestant.name
            if number < its_rounds:
                last = number == its_rounds - 1 and name in leaving
                trials[name] += (await contestant.run(workload(name), last),)
    return {name: Trials(each) for name, each in trials.items()}


def rate_row(what: str, unit: str, sample: Sample) -> Row:
    """A row of a rate, compared with nothing."""
    return Row.measured(f"{unit}, {what}", unit, sample).better_if("more")


def curves_by_sessions(
    chart: Chart, trials: Mapping[int, Mapping[str, Trials]], figure: Callable[[Trials], Sample | None]
) -> Iterator[Curve]:
    """One curve per contestant: its *figure* over the numbers of sessions for which it has one."""
    for name in dict.fromkeys(name for by_name in trials.values() for name in by_name):
        points = {
            float(sessions): sample
            for sessions, by_name in trials.items()
            if name in by_name and (sample := figure(by_name[name]))
        }
        if points:
            yield Curve(chart, name, tuple(points), tuple(points.values()))


def select_peers(peers: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """Those of *peers* that are *wanted*, with their variants ("name, variant"); all, if *wanted* is empty."""
    names = set(wanted)
    return tuple(peer for peer in peers if not names or peer.partition(",")[0] in names)
