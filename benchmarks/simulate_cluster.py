"""How many sessions a cluster carries, and which of its actors is the first that can take no more: a simulation.

    python -m rayconteur.benchmarks.simulate_cluster --sessions 1000000 --cores 16

The costs of a turn, of a token and of a journal are those that a run of the benchmarks has measured (*--result*, a
folder). What a machine with as many cores as that one carries is simulated too, and printed beside what was measured.
"""

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .cluster_model.cluster import MOST_BUSY, Actor, Load, actors, most_sessions
from .cluster_model.comparison import calibrated_costs, compare
from .cluster_model.costs import Rows
from .report.result import read_result

RESULT = Path("benchmarks/results/with_journals")
"""In a checkout."""

_KINDS = {"sessions": "session actor", "router": "router", "driver": "program"}
"""The actors of which there may be as many as it takes, as the tables call them."""

_ONE = {"journal": "journal", "directory": "directory"}
"""Those of which a namespace has one."""


def simulate(options: argparse.Namespace) -> Iterator[str]:
    """The lines of the report, in Markdown."""
    result = read_result(options.result)
    rows, cpus = Rows(result), result.run.machine.cpus
    costs = calibrated_costs(rows, cpus)
    machine = result.run.machine
    yield f"Costs: those of {options.result}, commit {machine.commit}, {cpus} CPUs ({machine.processor})."
    yield ""
    yield "| on that machine | measured | simulated | deviation |"
    yield "| --- | --- | --- | --- |"
    for each in compare(rows, costs, cpus):
        yield f"| {each.what} | {each.measured:,.0f} | {each.simulated:,.0f} | {each.deviation:+.0%} |"
    load = Load(options.turn_every, options.tokens, options.tokens_per_s, options.woken)
    kinds = actors(costs, load, options.journal)
    limits = {kind: most_sessions(actor) for kind, actor in kinds.items()}
    yield ""
    yield from _limits(kinds, limits)
    yield ""
    yield from _plans(kinds, limits, load, options)


def _limits(kinds: Mapping[str, Actor], limits: Mapping[str, int]) -> Iterator[str]:
    yield f"| actor | sessions at which it takes {MOST_BUSY:.0%} of a core | 99 of 100 wait at most |"
    yield "| --- | --- | --- |"
    for kind, most in limits.items():
        name = _KINDS.get(kind) or _ONE[kind]
        yield f"| {name} | {most:,} | {kinds[kind](most).p99_s * 1e3:,.1f} ms |"


def _plans(
    kinds: Mapping[str, Actor], limits: Mapping[str, int], load: Load, options: argparse.Namespace
) -> Iterator[str]:
    many = [kind for kind in limits if kind in _KINDS]
    one = [kind for kind in limits if kind in _ONE]
    columns = [*(f"{_KINDS[kind]}s" for kind in many), "nodes", *(f"{_ONE[kind]} busy" for kind in one)]
    yield f"| sessions | turns/s | tokens/s | {' | '.join(columns)} | the first that can take no more |"
    yield "| --- " * (len(columns) + 4) + "|"
    for sessions in options.sessions:
        numbers = {kind: math.ceil(sessions / limits[kind]) for kind in many}
        cores = sum(kinds[kind](sessions / number).share * number for kind, number in numbers.items())
        nodes = math.ceil(max(cores / MOST_BUSY, sum(numbers.values())) / options.cores)
        busy = {kind: kinds[kind](sessions).share for kind in one}
        first = max(busy, key=lambda kind: busy[kind], default=None)
        full = f"the {_ONE[first]}, at {limits[first]:,} sessions" if first else "none: each kind grows with the nodes"
        turns = load.turns_per_s(sessions)
        cells = [f"{sessions:,}", f"{turns:,.0f}", f"{turns * load.tokens:,.0f}"]
        cells += [f"{number:,}" for number in numbers.values()]
        cells += [f"{nodes:,}", *(f"{share:.0%}" for share in busy.values()), full]
        yield f"| {' | '.join(cells)} |"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--result", type=Path, default=RESULT, help="the folder of a result of the benchmarks")
    parser.add_argument("--sessions", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--cores", type=int, default=16, help="of each node (16)")
    parser.add_argument("--journal", default="PostgreSQL", help="as the result calls it, or 'no journal' (PostgreSQL)")
    parser.add_argument("--turn-every", type=float, default=60.0, help="seconds between the turns of a session (60)")
    parser.add_argument("--tokens", type=int, default=300, help="of an answer (300)")
    parser.add_argument("--tokens-per-s", type=float, default=50.0, help="the pace of the model (50)")
    parser.add_argument(
        "--woken", type=float, default=0.0, help="share of turns before which the session was passivated"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report."""
    for line in simulate(_options(arguments)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
