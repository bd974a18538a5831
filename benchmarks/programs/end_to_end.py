"""Whole systems end to end over HTTP: saturated, at the pace of a model, the latency they add, and several routers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

import msgspec

from ..adapters.adapter import AdapterConfig
from ..comparison import end_to_end_rows as rows
from ..comparison.contestant import Contestant, Lineup, cluster_address, open_contestants
from ..comparison.contestant_process import ContestantProcess, contestant_process
from ..comparison.trials import LIMIT, OURS, PEERS, Trials, run_in_turn, select_peers
from ..comparison.workloads import Paced, Saturate, Workload
from ..load.pace import Pace
from ..load.process import load_server
from ..load.schedule import OpenLoop
from ..program import Options, Scale, run_mode
from ..report.findings import Finding
from ..report.rows import Row

_ANY_NUMBER = 1_000_000
_LONGEST_S = 30.0
_WARM_UP = Saturate(1, 1, _LONGEST_S)
_MOST_OF_A_PEER = 1_000
"""With more sessions most peers take more than a minute to start, or are past their limit already."""

Sizes = dict[int, dict[str, Trials]]
"""Trials by number of sessions and contestant."""


class _Sweep(msgspec.Struct, frozen=True):
    """Numbers of *sessions*, in turn: *workload* and *rounds* by contestant; without rounds it takes no part."""

    sessions: Sequence[int]
    workload: Callable[[int, str], Workload]
    rounds: Callable[[int, str], int]

    async def trials(self, contestants: Mapping[str, Contestant]) -> AsyncIterator[tuple[int, dict[str, Trials]]]:
        """The trials of each number of sessions."""
        for place, sessions in enumerate(self.sessions):
            rounds = {each: number for name, each in contestants.items() if (number := self.rounds(sessions, name))}
            later = self.sessions[place + 1 :]
            leaving = {name for name in contestants if not any(self.rounds(more, name) for more in later)}
            yield sessions, await run_in_turn(rounds, partial(self.workload, sessions), leaving)


# Saturated: as fast as possible.

_LONG_TOKENS = 1_000
_SHORT_TOKENS = 200
"""For many sessions: longer answers would fill more socket buffers than a kernel allows."""

_MOST_SESSIONS = {"dedicated": 10, "pydantic-ai": 100, "langgraph": 100}
"""A dedicated session is a process that takes a second to start. With 1,000 these peers send nothing for 5 s."""

_TOKENS_PER_ROUND = 20_000
"""What ours and the limit are asked for in a round at least."""

_PEERS_LONGEST_S = 1.2
_SETTLE_S = 3.0
_WINDOW_S = 1.5


async def saturated(options: Options) -> AsyncIterator[Finding]:
    """All contestants, few sessions first; then ours and the limit with more."""
    scale = options.scale
    peers = select_peers(scale.pick(PEERS, ("sdk-aiohttp",), ()), options.peers)
    sizes = sorted(options.sessions or scale.pick((1, 10, 100, 1_000, 5_000), (300,), (1, 3)))
    few = [number for number in sizes if number <= _MOST_OF_A_PEER]
    many = sizes[len(few) :]
    names = (OURS, *scale.pick(("dedicated",), (), ()), LIMIT, *peers)
    for sessions, tokens, contestants in (
        (few, scale.pick(_LONG_TOKENS, _LONG_TOKENS, 50), names),
        (many, _SHORT_TOKENS, (OURS, LIMIT)),
    ):
        if sessions:
            async for finding in _saturated(sessions, Lineup(contestants, tokens), options):
                yield finding


async def _saturated(sessions: Sequence[int], lineup: Lineup, options: Options) -> AsyncIterator[Finding]:
    def workload(sessions: int, name: str) -> Saturate:
        """Whole answers, which include start and end; a window, if whole answers would take minutes."""
        answers = max(1, _TOKENS_PER_ROUND // (lineup.tokens * sessions))
        if name not in PEERS:
            return Saturate(sessions, answers, _LONGEST_S)
        if sessions >= rows.MANY:
            return Saturate(sessions, _ANY_NUMBER, _WINDOW_S, _SETTLE_S)
        return Saturate(sessions, max(1, answers // 10), _PEERS_LONGEST_S)

    def rounds(sessions: int, name: str) -> int:
        if sessions > _MOST_SESSIONS.get(name, sessions):
            return 0
        return 2 if options.scale is Scale.FULL and name in (OURS, LIMIT) and sessions <= _MOST_OF_A_PEER else 1

    sizes: Sizes = {}
    async with open_contestants(lineup, cluster_address(options)) as contestants:
        await asyncio.gather(*(each.run(_WARM_UP) for each in contestants.values()))
        async for number, trials in _Sweep(sessions, workload, rounds).trials(contestants):
            sizes[number] = trials
            for row in rows.saturated(lineup.tokens, number, trials):
                yield row
    charts = rows.text_charts(f"saturated, answers of {lineup.tokens:,} tokens", "How fast text comes")
    for curve in rows.curves(charts, sizes):
        yield curve


# Paced: 50 tokens/s for each session, as a model answers.

_PACE = Pace(tokens_per_s=50, first_token_s=0.2)
_JUDGED_PEER = "sdk-aiohttp"
"""With few sessions the only peer that has a target: it is measured as often as ours and the limit."""

_PACED_TOKENS = 2_000
"""Forty seconds: no answer ends while it is measured."""


async def paced(options: Options) -> AsyncIterator[Finding]:
    """All contestants at one load server, few sessions first."""
    scale = options.scale
    names = (OURS, LIMIT, *select_peers(scale.pick(PEERS, ("sdk-aiohttp",), ()), options.peers))

    def workload(sessions: int, _: str) -> Paced:
        return Paced(sessions, scale.pick(0.7, 0.5, 0.0), options.duration_s or scale.pick(1.3, 1.0, 0.3))

    def rounds(sessions: int, name: str) -> int:
        if sessions > _MOST_OF_A_PEER and name in PEERS:
            return 0
        return scale.pick(3, 1, 1) if name in (OURS, LIMIT) or (name == _JUDGED_PEER and sessions < rows.MANY) else 1

    sizes: Sizes = {}
    sweep = _Sweep(sorted(options.sessions or scale.pick((100, 1_000), (300,), (2,))), workload, rounds)
    async with open_contestants(Lineup(names, _PACED_TOKENS, _PACE), cluster_address(options)) as contestants:
        async for sessions, trials in sweep.trials(contestants):
            sizes[sessions] = trials
            for row in rows.paced(sessions, trials):
                yield row
    yield rows.most_delivered(sizes)
    for curve in rows.paced_curves(sizes):
        yield curve


# Latency: what is added to the times of a bare loop, at shares of the ceiling.

_SHARES = (0.01, 0.5, 0.9)
_JUDGED_SHARE = 0.5
_THINK_S = 0.5
_LATENCY_TOKENS = 50
_ANSWER_S = 0.2 + _LATENCY_TOKENS / rows.PER_SESSION
_TURN_S = _ANSWER_S + _THINK_S
OFFERED_PER_SESSION = _LATENCY_TOKENS / _TURN_S
"""The tokens per second that a session asks for on average."""

_KEEPS_UP = 0.9


async def latency(options: Options) -> AsyncIterator[Finding]:
    """Find the ceiling, then let all contestants converse by the same open-loop schedule."""
    scale = options.scale
    names = (OURS, *select_peers(scale.pick(("sdk-aiohttp",), (), ()), options.peers), LIMIT)
    async with open_contestants(Lineup(names, _LATENCY_TOKENS, _PACE), None) as contestants:
        ceiling = await _find_ceiling(contestants[OURS], scale)
        yield rows.ceiling(ceiling)
        for share in scale.pick(_SHARES, _SHARES[1:2], _SHARES[:1]):
            for sessions in options.sessions or (sessions_offering(share * ceiling),):
                workload = open_loop(sessions, turns=scale.pick(1 if sessions >= 100 else 2, 1, 1))
                judged = share == _JUDGED_SHARE
                rounds = scale.pick(3, 1, 1) if judged else 1
                trials = await _run_rounds(contestants, workload, rounds)
                for finding in rows.latency(f"{share:.0%} of the ceiling, {sessions:,} sessions", trials, judged):
                    yield finding


async def _run_rounds(contestants: Mapping[str, Contestant], workload: Workload, rounds: int) -> dict[str, Trials]:
    """The trials of all, in turn: *rounds* of ours and the limit, and one of the others."""
    numbers = {each: rounds if name in (OURS, LIMIT) else 1 for name, each in contestants.items()}
    return await run_in_turn(numbers, lambda _: workload)


async def _find_ceiling(ours: Contestant, scale: Scale) -> float:
    """The most tokens per second that packed sessions deliver as more and more of them ask without a pause."""
    best = 0.0
    for sessions in scale.pick((400, 700, 1_000, 1_400, 2_000), (500, 1_000), (2,)):
        trial = await ours.run(Saturate(sessions, _ANY_NUMBER, scale.pick(1.5, 1.0, 0.3), settle_s=2.0))
        best = max(best, trial.tokens_per_s)
        if trial.tokens_per_s < _KEEPS_UP * sessions * _LATENCY_TOKENS / _ANSWER_S:
            break
    return best


def sessions_offering(tokens_per_s: float) -> int:
    """The number of sessions that ask for *tokens_per_s*, thinking times included."""
    return max(1, round(tokens_per_s / OFFERED_PER_SESSION))


def open_loop(sessions: int, turns: int) -> OpenLoop:
    """All sessions arrive within the time of one turn, so that they are spread over it."""
    return OpenLoop(sessions=sessions, turns=turns, arrive_s=_TURN_S, answer_s=_ANSWER_S, think_s=_THINK_S)


# Shards: the same sessions through several routers.

_SHARDS_LONGEST_S = 20.0


async def shards(options: Options) -> AsyncIterator[Row]:
    """Saturated, one round. Run alone, it starts one Ray on this machine for each number of routers."""
    sessions = options.sessions[0] if options.sessions else options.scale.pick(500, 500, 2)
    workload = Saturate(sessions, 1, options.duration_s or _SHARDS_LONGEST_S)
    with load_server() as url:
        async with AsyncExitStack() as stack:
            contestants: dict[int, ContestantProcess] = {}
            for routers in options.scale.pick((1, 2, 4), (1, 2), (1, 2)):
                config = AdapterConfig(url, _SHORT_TOKENS, routers=routers)
                contestants[routers] = await stack.enter_async_context(contestant_process(OURS, config))
            await asyncio.gather(*(each.run(_WARM_UP) for each in contestants.values()))
            trials = {routers: Trials((await each.run(workload),)) for routers, each in contestants.items()}
    for row in rows.shards(f"{sessions:,} packed sessions", trials):
        yield row


MODES = {"saturated": saturated, "paced": paced, "latency": latency, "shards": shards}

if __name__ == "__main__":
    run_mode(MODES)
