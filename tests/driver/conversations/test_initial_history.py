"""Conversations in and out of sessions, on a real Ray."""

import asyncio
from pathlib import Path

import pytest
from fixtures.rejections import ECHO, rejected, still_answers

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import HistoryFull, InvalidConfig, SessionClosed

HISTORY = [rc.Message.of_user("Where is the nest?"), rc.Message.of_assistant("At 51.5, 0.1.")]


@pytest.mark.parametrize("placement", [rc.Packed(), rc.Dedicated()], ids=["packed", "dedicated"])
def test_a_conversation_goes_on_in_another_session(
    runtime: blocking.Runtime, placement: rc.runtime.Placement, tmp_path: Path
) -> None:
    with runtime.spawn(ECHO, placement=placement, history=HISTORY) as session:
        session.ask("And the eggs?").answer()
        data = session.export(tmp_path / "ravens.jsonl")
        before = session.history()

    assert rc.load(data) == rc.load(tmp_path / "ravens.jsonl") == before
    with runtime.spawn(ECHO, history=rc.load(data)) as session:
        assert session.history() == before
        assert session.ask("Thanks.").answer().turn == 3


def test_a_large_history_arrives_whole(runtime: blocking.Runtime) -> None:
    history = [message for number in range(3_000) for message in conversation(number)]

    with runtime.spawn(ECHO, history=history) as session:
        assert [message.content for message in session.history()] == [message.content for message in history]
        assert session.status().history_bytes > 3_000_000


def conversation(number: int) -> tuple[rc.Message, rc.Message]:
    return rc.Message.of_user(f"{number} ravens? " * 40), rc.Message.of_assistant(f"{number} ravens. " * 40)


def test_a_history_that_is_not_valid_starts_no_session(runtime: blocking.Runtime) -> None:
    with rejected(InvalidConfig, "history[0]"):
        runtime.spawn(ECHO, "invalid-history", history=HISTORY[1:])

    assert still_answers(runtime.spawn(ECHO, "invalid-history"))
    runtime.session("invalid-history").close()


def test_a_history_above_the_limit_starts_no_session(runtime: blocking.Runtime) -> None:
    limited = rc.SessionConfig(provider=rc.Scripted(), limits=rc.Limits(history_bytes=10_000))

    with rejected(HistoryFull, "limits.history_bytes"):
        runtime.spawn(limited, "full", history=[rc.Message.of_user("caw " * 5_000)])

    assert still_answers(runtime.spawn(ECHO, "full"))
    runtime.session("full").close()


def test_a_session_is_closed_at_the_end_of_its_block_and_the_error_of_the_block_is_raised(
    runtime: blocking.Runtime,
) -> None:
    with pytest.raises(ZeroDivisionError), runtime.spawn(ECHO) as session:
        raise ZeroDivisionError

    with pytest.raises(SessionClosed):
        session.status()


def test_a_session_of_the_async_api_is_closed_at_the_end_of_its_block(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def main() -> None:
        async with await async_runtime.spawn(ECHO, "mortal") as session:
            await session.ask("hi").answer()
        with pytest.raises(SessionClosed):
            await session.status()
        async with await async_runtime.spawn(ECHO, "mortal") as session:
            await session.close()  # closing it early is harmless

    runner.run(main())
