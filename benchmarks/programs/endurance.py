"""Memory over a long life: 100,000 turns of sessions whose histories are bounded, which must leave nothing behind."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence

import msgspec

import rayconteur as rc
from rayconteur.compaction import Window
from rayconteur.providers import ModelFacts
from rayconteur.runtime import RouterLimits
from rayconteur.scripted import Call, Say, Script

from ..program import Options, Scale, run
from ..report.findings import Chart, Curve, Finding
from ..report.rows import MB, Row, Sample, Target
from ..system.processes import unique_bytes
from ..system.ray_cluster import all_blocks, all_unique_bytes, local_runtime

_FLAT = Target("under", 3)
"""%. Of 250 MB over 60,000 turns, 125 bytes a turn: less than the router keeps of the smallest event."""

_NONE_KEPT = Target("under", 0.1)
"""Pieces of memory a turn: one in ten turns. To keep an event of each turn, or only its number, takes one or more."""

_TOOL_USERS = 10
"""Every tenth session calls a tool in each of its turns."""

_CLEARED_AFTER = 25
"""Turns. Each session at a time of its own, so that all of them together always hold the same."""

_WARM_UP = 0.2
"""The part of all turns that comes before the first quarter: each history was cleared, and the shelf is full."""

_CONTEXT_TOKENS = 250
"""Full after some ten turns, so that the window drops old ones before the history is cleared."""

_SHELF = RouterLimits(session_bytes=8 << 10)
"""What the router keeps for readers who come late: full after some ten turns of a session."""

_SAYS = Say(text="abcd" * 10)
_CALLS = Call(name="look", input={"where": "roof"})
_CHART = Chart("Memory over a long life", "turns", "MB", x_scale="linear", y_scale="linear")


class _Point(msgspec.Struct, frozen=True):
    """After so many *turns*: the unique memory of the driver and our actors, of Ray's processes too, and the blocks."""

    turns: int
    ours: int
    family: int
    blocks: int


async def measure(options: Options) -> AsyncIterator[Finding]:
    """The same number of turns between one look at the memory and the next."""
    scale = options.scale
    number = (options.sessions or scale.of((400,), (100,), (10,)))[0]
    looks, turns = scale.of(12, 10, 8), scale.of(21, 5, 1)
    async with local_runtime(options.address, router_limits=_SHELF) as runtime:
        lives = await _born(runtime, number, looks * turns)
        points = [await _point(0)]
        begun_at = time.monotonic()
        while len(points) <= looks or time.monotonic() - begun_at < (options.duration_s or 0):
            await asyncio.gather(*(life.go_on(turns) for life in lives))
            points.append(await _point(len(points) * number * turns))
    for finding in _findings(number, points, whole=options.address is None, judged=scale is Scale.FULL):
        yield finding


class _Life:
    """One session that is asked again and again, number *number* of all."""

    def __init__(self, session: rc.SessionHandle, number: int) -> None:
        self._session = session
        self._turns = number

    async def go_on(self, turns: int) -> None:
        """So many turns more."""
        for _ in range(turns):
            await self._session.ask("Any news of the ravens?").answer(_look)
            self._turns += 1
            if self._turns % _CLEARED_AFTER == 0:
                await self._session.clear()


async def _look(use: rc.ToolUse) -> str:
    return f"three ravens on the {use.input['where']}"


async def _born(runtime: rc.Runtime, number: int, turns: int) -> list[_Life]:
    talker = Script(answers=((_SAYS,),))
    tool_user = Script(answers=((_CALLS,), (_SAYS,)) * turns)  # a turn of two requests, over and over
    users = number // _TOOL_USERS
    sessions: list[rc.SessionHandle] = []
    for script, some in ((talker, number - users), (tool_user, users)):
        config = rc.SessionConfig(
            provider=rc.Scripted(script=script, facts=ModelFacts(context_limit_tokens=_CONTEXT_TOKENS)),
            compaction=Window(keep_recent_turns=2),
            max_output_tokens=100,
        )
        sessions += await runtime.spawn_many(config, some, rc.Packed(sessions_per_actor=number))
    return [_Life(session, place) for place, session in enumerate(sessions)]


async def _point(turns: int) -> _Point:
    blocks = await all_blocks()
    return _Point(turns, await all_unique_bytes(), unique_bytes(), blocks)


def _findings(sessions: int, points: Sequence[_Point], whole: bool, judged: bool) -> Iterator[Finding]:
    """*whole*: all processes descend from this one. A short life is not *judged*: it has not warmed up."""
    after = f"{points[-1].turns:,} turns of {sessions:,} packed sessions"
    sides = {"driver, router and sessions": [point.ours / MB for point in points]}
    if whole:
        sides["with Ray's own processes"] = [point.family / MB for point in points]
    turns = [point.turns for point in points]
    for number, (side, taken) in enumerate(sides.items()):
        yield Curve(_CHART, f"ours: {side}", tuple(map(float, turns)), tuple(Sample.of([mb]) for mb in taken))
        first, last = _ends(turns, taken)
        more = last.above(first)
        row = _row(f"memory after {after}: {side}", "MB", first, last)
        target = None if number or not judged else _FLAT
        share = Sample.of(100 * mb / before for mb, before in zip(more.values, first.values, strict=True))
        yield msgspec.structs.replace(row, figure=share, figure_unit="% more", target=target)
        yield msgspec.structs.replace(row, figure=more.times(MB / _between(turns)), figure_unit="bytes more a turn")
    first, last = _ends(turns, [float(point.blocks) for point in points])
    yield msgspec.structs.replace(
        _row(f"pieces of memory after {after}", "pieces", first, last),
        figure=last.above(first).times(1 / _between(turns)),
        figure_unit="more a turn",
        target=_NONE_KEPT if judged else None,
    )


def _row(what: str, unit: str, first: Sample, last: Sample) -> Row:
    return Row(
        what=what,
        unit=unit,
        ours=last,
        peer="the first quarter after the warm-up",
        theirs=first,
        figure=last,
        figure_unit=unit,
        better="less",
    )


def _ends(turns: Sequence[int], taken: Sequence[float]) -> tuple[Sample, Sample]:
    """The first and the last quarter of what comes after the warm-up."""
    begin, quarter = _quarter(turns)
    return Sample.of(taken[begin : begin + quarter]), Sample.of(taken[-quarter:])


def _between(turns: Sequence[int]) -> int:
    """How many turns lie between those quarters."""
    begin, quarter = _quarter(turns)
    return turns[-quarter] - turns[begin]


def _quarter(turns: Sequence[int]) -> tuple[int, int]:
    """Which look is the first after the warm-up, and how many a quarter has."""
    begin = next(place for place, turn in enumerate(turns) if turn >= _WARM_UP * turns[-1])
    return begin, (len(turns) - begin) // 4


if __name__ == "__main__":
    run(measure)
