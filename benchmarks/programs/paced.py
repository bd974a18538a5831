"""End to end over HTTP, at the pace of a model: what arrives of what is offered, and what it costs."""

from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial

import msgspec

from ..comparison.contestants import Arena, cluster_of, held
from ..comparison.rounds_by_contestant import (
    ABOVE_A_PEER,
    HALF_OF_THE_LIMIT,
    LIMIT,
    PEERS,
    Trials,
    alone,
    beside,
    chosen,
    in_turn,
    lines,
)
from ..comparison.workloads import Listen
from ..load.pace import Pace
from ..program import Options, run
from ..report.findings import Chart, Curve, Finding
from ..report.rows import Row, Sample

PACE = Pace(tokens_per_s=50, first_token_s=0.2)
PER_SESSION = 50.0
TOKENS = 2_000
"""Forty seconds long: nobody is through with it while it is listened to."""

_OURS = "packed"
_ABLE = (_OURS, LIMIT)
_MOST_OF_A_PEER = 1_000
"""With so many, most of them are past what they can, already."""

_TARGETS_AT = 1_000


class _Size(msgspec.Struct, frozen=True):
    sessions: int
    rounds: int


async def measure(options: Options) -> AsyncIterator[Finding]:
    """All sides at one load server, few sessions first."""
    scale = options.scale
    sizes = _sizes(options)
    names = (_OURS, LIMIT, *chosen(scale.of(PEERS, ("sdk-aiohttp",), ()), options.peers))
    found: dict[int, dict[str, Trials]] = {}
    async with held(Arena(names, TOKENS, PACE), cluster_of(options)) as sides:
        for size in sizes:
            task = Listen(size.sessions, scale.of(0.7, 0.5, 0.0), options.duration_s or scale.of(1.3, 1.0, 0.3))
            rounds = {
                side: 1 if name in PEERS else size.rounds
                for name, side in sides.items()
                if name in _ABLE or size.sessions <= _MOST_OF_A_PEER
            }
            leaving = names if size is sizes[-1] else ()
            found[size.sessions] = await in_turn(rounds, partial(_same, task), leaving)
            for row in rows(size.sessions, found[size.sessions]):
                yield row
    yield ceiling(found)
    for curve in curves(found):
        yield curve


def _same(task: Listen, name: str) -> Listen:
    del name
    return task


def _sizes(options: Options) -> list[_Size]:
    sessions = options.scale.of((100, 1_000), (300,), (2,))
    rounds = options.scale.of(2, 1, 1)
    return [_Size(number, rounds if number == _TARGETS_AT else 1) for number in sorted(options.sessions or sessions)]


def rows(sessions: int, found: Mapping[str, Trials]) -> Iterator[Row]:
    """What arrives with each side, and what ours costs beside the limit and each peer."""
    what = f"{sessions:,} sessions at {PER_SESSION:g} tokens/s"
    for name, trials in found.items():
        offered = Sample.of(sessions * PER_SESSION for _ in trials.trials)
        delivered = alone(f"{name}, {what}", "tokens/s", trials.per_s)
        yield msgspec.structs.replace(beside(delivered, "what is offered", offered), figure_unit="of it")
    ours = found[_OURS].per_cpu_s
    if ours is None:
        return
    cost = alone(f"{_OURS}, {what}", "tokens per CPU second", ours)
    for name, trials in found.items():
        if trials.per_cpu_s and name != _OURS:
            target = HALF_OF_THE_LIMIT if name == LIMIT else ABOVE_A_PEER
            yield beside(cost, name, trials.per_cpu_s, target if sessions >= _TARGETS_AT else None)


def ceiling(found: Mapping[int, Mapping[str, Trials]]) -> Row:
    """The most that arrived of ours."""
    best = max((trials[_OURS].per_s for trials in found.values()), key=lambda sample: sample.median)
    return alone("the most that arrived, packed", "tokens/s", best)


def curves(found: Mapping[int, Mapping[str, Trials]]) -> Iterator[Curve]:
    """A line for each side, and one for what is offered."""
    pace = f"{PER_SESSION:g} tokens/s for each session"
    speed = Chart(f"How much arrives, {pace}", "sessions", "tokens/s")
    cost = Chart(f"How much text a second of CPU time brings, {pace}", "sessions", "tokens per CPU second")
    yield from lines(speed, found, lambda trials: trials.per_s)
    yield from lines(cost, found, lambda trials: trials.per_cpu_s)
    all_sizes = tuple(float(sessions) for sessions in found)
    offered = tuple(Sample.of([sessions * PER_SESSION]) for sessions in all_sizes)
    yield Curve(speed, "limit: what is offered", all_sizes, offered)


if __name__ == "__main__":
    run(measure)
