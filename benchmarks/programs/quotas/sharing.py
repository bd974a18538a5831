"""Sessions of several owners that share a limited account, with quotas and each on its own."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from statistics import mean

import msgspec

import rayconteur as rc
from rayconteur.runtime import Labels, QuotaRule, Quotas

from ...load.answers import ANTHROPIC
from ...load.limits.limited_server import AccountLimits, LimitedServer, Second, limited_server
from ...program import Options, run_program
from ...readers.runtime_client import provider_config
from ...report.rows import Row, Sample, Target
from ...system.ray_cluster import ONE_ACTOR, local_runtime

_FLOOD = "flood"
_OWNERS = (_FLOOD, "a", "b", "c", "d", "e")
"""The first of them has half of all sessions."""

_WARM_UP_PERIODS = 1
_POLICY_S = 120.0
"""How long a session tries again by default, of a minute's limits; as for the period, less here."""


class _Outcome(msgspec.Struct):
    """What the sessions and the server saw after the first period."""

    turns: Counter[str]
    failed: int
    saw: list[Second]
    duration_s: float


async def measure(options: Options) -> AsyncIterator[Row]:
    """500 sessions that ask all the time."""
    number = next(iter(options.sessions), options.scale.pick(500, 500, 12))
    periods = options.scale.pick(12, 6, 2)
    limits = _limits(options.scale.pick(5.0, 5.0, 1.0), number)
    rule = QuotaRule(
        models="anthropic/*",
        requests=limits.requests,
        period_s=limits.period_s,
    )
    quotas = Quotas(rules=(rule,), period_s=limits.period_s)
    for name, given in (("with quotas", quotas), ("each on its own", None)):
        for row in _rows(name, await _run(options, limits, number, periods, given), limits, given is not None):
            yield row


def _limits(period_s: float, sessions: int) -> AccountLimits:
    """Limits that the sessions would exceed three times: each of them has an answer in a second."""
    requests = int(sessions / 3 * period_s)
    return AccountLimits(requests=requests, concurrent=sessions // 2, period_s=period_s)


async def _run(options: Options, limits: AccountLimits, number: int, periods: int, quotas: Quotas | None) -> _Outcome:
    namespace = f"quotas-{uuid.uuid4().hex[:8]}"
    with limited_server(limits) as server:
        async with local_runtime(options.address, namespace=namespace, quotas=quotas) as runtime:
            sessions = await _spawn(runtime, server, limits, number)
            turns = Counter({session.id: 0 for session in sessions})
            failures: Counter[str] = Counter()
            until = time.monotonic() + (periods + _WARM_UP_PERIODS) * limits.period_s
            measured_from = time.monotonic() + _WARM_UP_PERIODS * limits.period_s
            await asyncio.gather(*(_ask(session, measured_from, until, (turns, failures)) for session in sessions))
    first = int(_WARM_UP_PERIODS * limits.period_s) + 1
    last = first + int(periods * limits.period_s) - 1
    return _Outcome(turns, failures.total(), server.saw[first:last], periods * limits.period_s)


async def _spawn(
    runtime: rc.Runtime, server: LimitedServer, limits: AccountLimits, number: int
) -> Sequence[rc.SessionHandle]:
    scale = limits.period_s / 60
    retry = rc.RetryPolicy(first_delay_s=0.5 * scale, max_delay_s=30 * scale, max_elapsed_s=_POLICY_S * scale)
    config = rc.SessionConfig(provider=provider_config(ANTHROPIC, server.url), max_output_tokens=400, retry=retry)
    sessions: list[rc.SessionHandle] = []
    for owner in _OWNERS:
        count = number // 2 if owner == _FLOOD else number // 10
        labelled = msgspec.structs.replace(config, labels=Labels(owner=owner))
        ids = [f"{owner}-{place}" for place in range(count)]
        sessions += [await runtime.spawn(labelled, each, ONE_ACTOR) for each in ids]
    return sessions


async def _ask(
    session: rc.SessionHandle, measured_from: float, until: float, counters: tuple[Counter[str], Counter[str]]
) -> None:
    turns, failures = counters
    while time.monotonic() < until:
        async with asyncio.timeout(60):
            failed = [event async for event in session.ask("news?") if isinstance(event, rc.Failed)]
        await session.clear()
        if measured_from <= time.monotonic() < until:
            turns[session.id] += not failed
            failures[session.id] += bool(failed)


def _rows(name: str, outcome: _Outcome, limits: AccountLimits, is_ours: bool) -> list[Row]:
    answered = sum(second.answered for second in outcome.saw)
    refused = sum(second.limited + second.overloaded for second in outcome.saw)
    seconds = max(1, len(outcome.saw))
    by_requests = answered / (limits.requests / limits.period_s * seconds)
    shares = _shares(outcome.turns)
    figures = (
        ("requests turned down", "%", 100 * refused / max(1, answered + refused), Target("under", 1)),
        ("use of the account's limits", "%", 100 * by_requests, Target("at least", 90)),
        ("turns that failed", "turns", float(outcome.failed), Target("under", 1)),
        ("the slowest session, of its fair share", "times", min(shares.values()), Target("at least", 0.5)),
        ("an owner with half of the sessions, of its fair share", "times", _of_flood(shares), Target("under", 1.2)),
    )
    return [
        Row.measured(f"{what}, {name}", unit, Sample.of((value,)))
        .held_to(target if is_ours else None)
        .better_if("more" if target.bound == "at least" else "less")
        for what, unit, value, target in figures
    ]


def _shares(turns: Counter[str]) -> dict[str, float]:
    """What each session had of its fair share: owners are equal, and so are the sessions of each."""
    sessions = Counter(session.partition("-")[0] for session in turns)
    fair = {owner: max(1, turns.total()) / len(sessions) / count for owner, count in sessions.items()}
    return {session: number / fair[session.partition("-")[0]] for session, number in turns.items()}


def _of_flood(shares: dict[str, float]) -> float:
    return mean(share for session, share in shares.items() if session.startswith(_FLOOD))


if __name__ == "__main__":
    run_program(measure)
