"""Compaction over Ray: on request, and what history() returns after it."""

import asyncio
import threading
from collections.abc import Sequence

import msgspec
import pytest
from fixtures.rejections import rejected

import rayconteur as rc
from rayconteur import blocking
from rayconteur.compaction import Custom, Layered, Room, Window
from rayconteur.errors import InvalidConfig


def test_compact_returns_its_result_and_the_full_history_stays_available(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def main() -> None:
        config = rc.SessionConfig(provider=rc.Scripted(), compaction=Window(keep_recent_turns=1))
        session = await async_runtime.spawn(config)
        for text in ("one", "two", "three"):
            await session.ask(text).answer()

        result = await session.compact()

        assert result.compacted
        assert (result.messages_before, result.messages_after) == (6, 2)
        assert result.report
        assert result.report.turns_kept == 1
        assert len(await session.history()) == 2
        assert len(await session.history(full=True)) == 6
        assert (await session.ask("four").answer()).text == "four"

    runner.run(main())


def test_blocking_compact_reports_why_it_changed_nothing(session: blocking.SessionHandle) -> None:
    session.configure(rc.Configure(compaction=None))

    result = session.compact()

    assert not result.compacted
    assert result.problem
    assert session.history(full=True) == ()


def keep_last(turns: int) -> object:
    """A strategy whose class no other process can import."""

    class KeepLast:
        async def compact(self, messages: Sequence[rc.Message], room: Room) -> Sequence[rc.Message]:
            assert room.budget_tokens > 0
            return messages[-2 * turns :]

    return KeepLast()


@pytest.mark.parametrize("wrapped", ["bare", "custom", "layer"])
def test_ray_ships_a_strategy_of_the_program_to_its_sessions(runtime: blocking.Runtime, wrapped: str) -> None:
    strategy = keep_last(1)
    layers = Layered(strategies=(Custom(instance=strategy), Window(keep_recent_turns=3)))
    config = msgspec.structs.replace(
        rc.SessionConfig(provider=rc.Scripted()),
        compaction={"bare": strategy, "custom": Custom(instance=strategy), "layer": layers}[wrapped],
    )
    session = runtime.spawn(config)
    for text in ("one " * 100, "two " * 100, "three " * 100):
        session.ask(text).answer()

    result = session.compact()

    assert (result.messages_before, result.messages_after) == (6, 2)
    assert result.report
    assert result.report.strategy == "custom"
    session.configure(rc.Configure(compaction=Custom(instance=keep_last(2))))
    session.close()


def test_a_strategy_that_can_not_be_pickled_is_rejected(runtime: blocking.Runtime) -> None:
    class Locked:
        lock = threading.Lock()

        async def compact(self, messages: Sequence[rc.Message], room: Room) -> Sequence[rc.Message]:
            del room
            return messages

    with rejected(InvalidConfig, "compaction.instance: Locked can't be pickled"):
        runtime.spawn(rc.SessionConfig(provider=rc.Scripted(), compaction=Custom(instance=Locked())))
