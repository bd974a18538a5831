"""Rows and curves of the end-to-end comparisons."""

from collections.abc import Iterator, Mapping

from ..comparison.trials import (
    ABOVE_A_PEER,
    HALF_OF_THE_LIMIT,
    LIMIT,
    OURS,
    PEERS,
    Trials,
    curves_by_sessions,
    rate_row,
)
from ..comparison.workloads import Percentiles, Trial
from ..report.findings import Chart, Curve, Distribution, Finding
from ..report.rows import Row, Sample

PER_SESSION = 50.0
"""Tokens per second of each session, when paced."""

TARGETS_FROM = 1_000
"""Targets apply from this number of sessions on."""

_LONG_TOKENS = 1_000
_PERCENTILES = (50.0, 95.0, 99.0)


def saturated(tokens: int, sessions: int, trials: Mapping[str, Trials]) -> Iterator[Row]:
    """Ours beside the limit and each peer."""
    ours = trials[OURS]
    judged = sessions >= TARGETS_FROM
    what = f"{sessions:,} packed session{'s' if sessions > 1 else ''}, answers of {tokens:,} tokens"
    yield rate_row(what, "tokens/s", ours.per_s).beside(LIMIT, trials[LIMIT].per_s)
    if ours.per_cpu_s is None:
        return
    cost = rate_row(what, "tokens per CPU second", ours.per_cpu_s)
    for name, theirs in trials.items():
        if theirs.per_cpu_s and name in PEERS:
            yield cost.beside(name, theirs.per_cpu_s).held_to(ABOVE_A_PEER if judged else None)
        elif theirs.per_cpu_s and name == LIMIT:
            long = judged and tokens >= _LONG_TOKENS
            yield cost.beside(name, theirs.per_cpu_s).held_to(HALF_OF_THE_LIMIT if long else None)


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
            target = HALF_OF_THE_LIMIT if name == LIMIT else ABOVE_A_PEER
            yield cost.beside(name, theirs.per_cpu_s).held_to(target if sessions >= TARGETS_FROM else None)


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


def latency(load: str, trials: Mapping[str, Trial]) -> Iterator[Finding]:
    """What each contestant adds to the times of the limit, and the distribution of its own."""
    limit = trials[LIMIT]
    for name, trial in trials.items():
        if name != LIMIT:
            yield from _latency_rows(f"first token, {name}, at {load}", trial.first_s, limit.first_s)
            yield from _latency_rows(f"gap between tokens, {name}, at {load}", trial.gap_s, limit.gap_s)
    for name, trial in trials.items():
        yield _distribution(f"Time to first token at {load}", name, trial.first_s)
        yield _distribution(f"Gaps between tokens at {load}", name, trial.gap_s)


def _latency_rows(what: str, ours: Percentiles, limit: Percentiles) -> Iterator[Row]:
    theirs = dict(limit)
    for percent, value_s in ours:
        if percent in _PERCENTILES:
            mine, its = Sample.of([value_s * 1e3]), Sample.of([theirs[percent] * 1e3])
            yield Row.measured(f"p{percent:g} of {what}", "ms", mine).more_than(LIMIT, its, "ms more").better_if("less")


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
