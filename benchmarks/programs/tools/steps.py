"""Tool loops over HTTP: what a step costs with a tool that does nothing, beside frameworks and what one writes by hand.

A turn is ten answers that use the tool, one after the other, and a last one of text.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack

import msgspec

from ...adapters.adapter import AdapterConfig, Tool
from ...comparison.contestant_process import ContestantProcess, contestant_process
from ...comparison.trials import LIMIT, OURS, Trials, rate_row, select_peers
from ...comparison.workloads import Saturate, Trial
from ...load.pace import Pace
from ...load.process import load_server
from ...program import Options, run_program
from ...report.rows import Row, Sample, Target

STEPS = 10
_TOKENS = 20
_LONGEST_S = 120.0
_MANY = 1_000
_WARM_UP_SESSIONS = 4

_PEERS = ("sdk", "sdk-aiohttp", "autogen", "pydantic-ai", "langgraph")
ON_RAY = "packed, on Ray"
_TASKS = {peer: f"{peer}, a Ray task for each use" for peer in _PEERS}
TASK_BY_HAND = _TASKS["sdk-aiohttp"]
DURABLE = "packed, with a journal"
DURABLE_ON_RAY = "packed, with a journal, on Ray"
_DURABLE = {OURS: DURABLE, ON_RAY: DURABLE_ON_RAY}
_ON_RAY = (ON_RAY, DURABLE_ON_RAY, *_TASKS.values())
_AT_MANY = (OURS, LIMIT, "sdk-aiohttp")
"""With 1,000 sessions the others take minutes."""

_LESS = Target("under", 1)
_OF_THE_LIMIT = Target("at least", 0.25)

_Figure = Callable[[Trials], Sample | None]


class _Size(msgspec.Struct, frozen=True):
    """The contestants *names* run *turns* turns in each of *sessions* sessions, *rounds* times."""

    sessions: int
    names: tuple[str, ...]
    turns: int
    rounds: int


async def measure(options: Options) -> AsyncIterator[Row]:
    """One session, then 100, with the tool in the program and on Ray, without and with a journal; then 1,000."""
    peers = options.scale.pick((*_PEERS, *_TASKS.values()), ("sdk-aiohttp", TASK_BY_HAND), ())
    ours = options.scale.pick((OURS, ON_RAY, *_DURABLE.values()), (OURS, ON_RAY), (ON_RAY, DURABLE_ON_RAY))
    names = (*ours, LIMIT, *select_peers(peers, options.peers))
    with load_server(Pace(tool_share=1.0, tool_steps=STEPS)) as url:
        async with AsyncExitStack() as stack:
            contestants = {
                name: await stack.enter_async_context(contestant_process(*_adapter(name, url))) for name in names
            }
            for name, contestant in contestants.items():
                if name not in _ON_RAY:
                    await _run(contestant, _WARM_UP_SESSIONS, 1)
            for size in _sizes(options, names):
                for row in _rows(size, await _trials(size, contestants)):
                    yield row


def _adapter(name: str, url: str) -> tuple[str, AdapterConfig]:
    place: Tool = "on Ray" if name in _ON_RAY else "in the program"
    durable = name in _DURABLE.values()
    return name.partition(",")[0], AdapterConfig(url, _TOKENS, tool=place, durable=durable)


def _sizes(options: Options, names: tuple[str, ...]) -> Iterator[_Size]:
    pick = options.scale.pick
    for sessions in options.sessions or pick((1, 100, _MANY), (1, 100), (2,)):
        if sessions == 1:
            yield _Size(1, names, turns=pick(20, 10, 1), rounds=pick(3, 2, 1))
        elif sessions < _MANY:
            yield _Size(sessions, names, turns=1, rounds=pick(3, 2, 1))
        else:
            yield _Size(sessions, tuple(name for name in names if name in _AT_MANY), turns=1, rounds=pick(2, 1, 1))


async def _trials(size: _Size, contestants: Mapping[str, ContestantProcess]) -> dict[str, Trials]:
    """The trials of each contestant, in turn: A B C, A B C.

    Ray ends idle processes, so that those for tasks are started again before each trial.
    """
    trials: dict[str, tuple[Trial, ...]] = dict.fromkeys(size.names, ())
    for _ in range(size.rounds):
        for name in size.names:
            if name in _ON_RAY:
                await _run(contestants[name], _WARM_UP_SESSIONS, 1)
            trials[name] += (await _run(contestants[name], size.sessions, size.turns),)
    return {name: Trials(each) for name, each in trials.items()}


async def _run(contestant: ContestantProcess, sessions: int, turns: int) -> Trial:
    """Run *turns* turns of each of *sessions* sessions.

    Raises:
        RuntimeError: not all of them were answered.
    """
    trial = await contestant.run(Saturate(sessions, turns, _LONGEST_S, turns=1))
    if trial.answers != sessions * turns or not trial.pieces:
        raise RuntimeError(f"{contestant.name}: {trial.answers} of {sessions * turns} turns were answered")
    return trial


def _rows(size: _Size, trials: Mapping[str, Trials]) -> Iterator[Row]:
    """Ours beside the others, with the tool in the program and on Ray."""
    load = "alone" if size.sessions == 1 else f"{size.sessions:,} sessions"
    for name, place in ((OURS, "in the program"), (ON_RAY, "on Ray")):
        if name in trials:
            others = _others(name, trials)
            yield from _beside(f"CPU of a step, {load}, tool {place}", "CPU ms", _cpu_ms, trials[name], others)
            if size.sessions < _MANY:
                yield from _beside(f"time of a step, {load}, tool {place}", "ms", _time_ms, trials[name], others)
        if (durable := _DURABLE[name]) in trials:
            yield from _with_a_journal(f"{load}, tool {place}", trials[durable], trials.get(name))
    if size.sessions >= _MANY:
        ours = rate_row(f"{load} in tool loops, none of which failed", "steps/s", _steps_per_s(trials[OURS]))
        for name, theirs in _others(OURS, trials).items():
            row = ours.beside(name, _steps_per_s(theirs))
            yield row.held_to(_OF_THE_LIMIT if name == LIMIT else Target("at least", 1))


def _with_a_journal(load: str, ours: Trials, without: Trials | None) -> Iterator[Row]:
    """What a journal adds to a step. No peer stores its sessions, so there is no target."""
    others = {} if without is None else {"no journal": without}
    yield from _beside(f"CPU of a step with a journal, {load}", "CPU ms", _cpu_ms, ours, others, target=None)
    yield from _beside(f"time of a step with a journal, {load}", "ms", _time_ms, ours, others, target=None)


def _others(name: str, trials: Mapping[str, Trials]) -> dict[str, Trials]:
    """What *name* is compared with: those whose tool is in the same place."""
    same_place = tuple(_TASKS.values()) if name == ON_RAY else (LIMIT, *_PEERS)
    return {each: trials[each] for each in same_place if each in trials}


def _beside(
    what: str,
    unit: str,
    figure: _Figure,
    ours: Trials,
    others: Mapping[str, Trials],
    target: Target | None = _LESS,
) -> Iterator[Row]:
    """*figure* of ours beside each of the others; nothing if it is not known."""
    sample = figure(ours)
    if sample is None:
        return
    row = Row.measured(what, unit, sample).better_if("less")
    if not others:
        yield row
    for name, theirs in others.items():
        if their_sample := figure(theirs):
            yield row.beside(name, their_sample).held_to(None if name == LIMIT else target)


def _cpu_ms(trials: Trials) -> Sample | None:
    """The CPU time of a step, of all processes; ``None`` if not all are known."""
    steps = [trial.answers * STEPS for trial in trials.trials]
    if any(trial.cpu_s is None for trial in trials.trials):
        return None
    spent_s = [trial.cpu_s or 0.0 for trial in trials.trials]
    return Sample.of(cpu_s / number * 1e3 for cpu_s, number in zip(spent_s, steps, strict=True))


def _time_ms(trials: Trials) -> Sample:
    """How long a session takes for a step."""
    return Sample.of(trial.duration_s * trial.sessions / (trial.answers * STEPS) * 1e3 for trial in trials.trials)


def _steps_per_s(trials: Trials) -> Sample:
    return Sample.of(trial.answers * STEPS / trial.duration_s for trial in trials.trials)


if __name__ == "__main__":
    run_program(measure)
