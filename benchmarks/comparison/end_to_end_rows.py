"""Rows and curves of the end-to-end comparisons."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from ..report.findings import Chart, Curve, Distribution, Finding
from ..report.rows import Row, Sample, Target
from .trials import ABOVE_A_PEER, LIMIT, OURS, PEERS, Trials, curves_by_sessions, rate_row
from .workloads import Percentiles, Trial

PER_SESSION = 50.0
"""Tokens per second of each session, when paced."""

MANY = 1_000
"""From this number of sessions on, all peers are to be exceeded."""

_SATURATED = {1: Target("at least", 0.4), MANY: Target("at least", 0.75)}
_PACED = {100: Target("at least", 0.5), MANY: Target("at least", 0.9)}
"""Of the limit's tokens per CPU second, by the number of sessions from which on they apply."""

_IN_ONE_PROCESS = "sdk-aiohttp"
"""What one would use for some sessions: it is to be exceeded as soon as the limit has a target."""

ADDED_FIRST_TOKEN_MS = Target("under", 5)
ADDED_GAP_MS = Target("under", 15)

_LONG_TOKENS = 1_000
_PERCENTILES = (50.0, 95.0, 99.0)

_Times = Callable[[Trial], Percentiles]

_LATENCIES: tuple[tuple[str, _Times, dict[float, Target]], ...] = (
    ("first token", lambda trial: trial.first_s, {50.0: ADDED_FIRST_TOKEN_MS}),
    ("gap between tokens", lambda trial: trial.gap_s, {99.0: ADDED_GAP_MS}),
)
"""What is measured, and the targets by percentile."""


def saturated(tokens: int, sessions: int, trials: Mapping[str, Trials]) -> Iterator[Row]:
    """Ours beside the limit and each peer."""
    ours = trials[OURS]
    what = f"{sessions:,} packed session{'s' if sessions > 1 else ''}, answers of {tokens:,} tokens"
    yield rate_row(what, "tokens/s", ours.per_s).beside(LIMIT, trials[LIMIT].per_s)
    if ours.per_cpu_s is None:
        return
    cost = rate_row(what, "tokens per CPU second", ours.per_cpu_s)
    for name, theirs in trials.items():
        if theirs.per_cpu_s and name in PEERS:
            yield cost.beside(name, theirs.per_cpu_s).held_to(ABOVE_A_PEER if sessions >= MANY else None)
        elif theirs.per_cpu_s and name == LIMIT:
            target = _target_for(sessions, _SATURATED) if tokens >= _LONG_TOKENS else None
            yield cost.beside(name, theirs.per_cpu_s).held_to(target)


def paced(sessions: int, trials: Mapping[str, Trials]) -> Iterator[Row]:
    """What each contestant delivers, and the cost of ours beside the limit and each peer."""
    what = f"{sessions:,} sessions at {PER_SESSION:g} tokens/s"
    for name, theirs in trials.items():
        offered = Sample.of(sessions * PER_SESSION for _ in theirs.trials)
        row = rate_row(f"{name}, {what}", "tokens/s", theirs.per_s).beside("what is offered", offered)
        yield row.judged_by(row.figure, "of it")
    ours = trials[OURS].per_cpu_s
    if ours is None:
        return
    cost = rate_row(f"{OURS}, {what}", "tokens per CPU second", ours)
    for name, theirs in trials.items():
        if theirs.per_cpu_s and name != OURS:
            yield cost.beside(name, theirs.per_cpu_s).held_to(_paced_target(name, sessions))


def _paced_target(name: str, sessions: int) -> Target | None:
    target = _target_for(sessions, _PACED)
    if name == LIMIT:
        return target
    return ABOVE_A_PEER if sessions >= MANY or (target and name == _IN_ONE_PROCESS) else None


def _target_for(sessions: int, targets: Mapping[int, Target]) -> Target | None:
    """The one of *targets* that applies to so many sessions."""
    return targets.get(max((first for first in targets if first <= sessions), default=0))


def most_delivered(sizes: Mapping[int, Mapping[str, Trials]]) -> Row:
    """The most that ours delivered."""
    best = max((trials[OURS].per_s for trials in sizes.values()), key=lambda sample: sample.median)
    return rate_row("the most that arrived, packed", "tokens/s", best)


def text_charts(condition: str, speed: str) -> tuple[Chart, Chart]:
    """The charts of tokens per second and per second of CPU time."""
    return (
        Chart(f"{speed}, {condition}", "sessions", "tokens/s"),
        Chart(f"How much text a second of CPU time brings, {condition}", "sessions", "tokens per CPU second"),
    )


def curves(charts: tuple[Chart, Chart], sizes: Mapping[int, Mapping[str, Trials]]) -> Iterator[Curve]:
    """One curve per contestant in each of *charts*."""
    speed, cost = charts
    yield from curves_by_sessions(speed, sizes, lambda trials: trials.per_s)
    yield from curves_by_sessions(cost, sizes, lambda trials: trials.per_cpu_s)


def paced_curves(sizes: Mapping[int, Mapping[str, Trials]]) -> Iterator[Curve]:
    """One curve per contestant in each chart, and one for what is offered."""
    charts = text_charts(f"{PER_SESSION:g} tokens/s for each session", "How much arrives")
    yield from curves(charts, sizes)
    x = tuple(float(sessions) for sessions in sizes)
    offered = tuple(Sample.of([sessions * PER_SESSION]) for sessions in sizes)
    yield Curve(charts[0], "limit: what is offered", x, offered)


def ceiling(tokens_per_s: float) -> Row:
    """The ceiling of packed sessions."""
    what = "the ceiling: packed sessions kept up with so much"
    return Row.measured(what, "tokens/s", Sample.of([tokens_per_s])).better_if("more")


def latency(load: str, trials: Mapping[str, Trials], judged: bool) -> Iterator[Finding]:
    """What each contestant adds to the times of the limit, and the distribution of its own.

    Only ours is *judged*.
    """
    limit = trials[LIMIT]
    for name, theirs in trials.items():
        for what, times, targets in _LATENCIES if name != LIMIT else ():
            for percent, row in _latency_rows(f"{what}, {name}, at {load}", theirs, limit, times):
                yield row.held_to(targets.get(percent) if judged and name == OURS else None)
    for name, theirs in trials.items():
        yield _distribution(f"Time to first token at {load}", name, theirs.trials[0].first_s)
        yield _distribution(f"Gaps between tokens at {load}", name, theirs.trials[0].gap_s)


def _latency_rows(what: str, ours: Trials, limit: Trials, times: _Times) -> Iterator[tuple[float, Row]]:
    rounds = min(len(ours.trials), len(limit.trials))
    mine, its = ([dict(times(trial)) for trial in side.trials[:rounds]] for side in (ours, limit))
    for percent in _PERCENTILES:
        if all(percent in values for values in (*mine, *its)):
            row = Row.measured(f"p{percent:g} of {what}", "ms", _ms(each[percent] for each in mine))
            yield percent, row.more_than(LIMIT, _ms(each[percent] for each in its), "ms more").better_if("less")


def _ms(values_s: Iterable[float]) -> Sample:
    return Sample.of(value_s * 1e3 for value_s in values_s)


def _distribution(chart: str, name: str, values_s: Percentiles) -> Distribution:
    percentiles_ms = tuple((percent, value_s * 1e3) for percent, value_s in values_s)
    return Distribution(Chart(chart, "percentile", "ms"), name, percentiles_ms)


def shards(what: str, trials: Mapping[int, Trials]) -> Iterator[Row]:
    """Each number of routers beside one router."""
    one = trials[1]
    for routers, theirs in trials.items():
        if routers == 1:
            continue
        through = f"{what}, through {routers} routers"
        yield rate_row(through, "tokens/s", theirs.per_s).beside("one router", one.per_s)
        if theirs.per_cpu_s and one.per_cpu_s:
            yield rate_row(through, "tokens per CPU second", theirs.per_cpu_s).beside("one router", one.per_cpu_s)
