"""The histories of all sessions of a process are bounded together."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
import pytest

import rayconteur as rc
from rayconteur.compaction import Window
from rayconteur.errors import HistoryFull
from rayconteur.runtime.session.host import Host
from rayconteur.runtime.session.requests.client_pool import ClientPool
from rayconteur.scripted import Say, Script

KB = "x" * 1_000
CONFIG = rc.SessionConfig(
    provider=rc.Scripted(script=Script(answers=((Say(text="ok"),),))), compaction=Window(keep_recent_turns=1)
)
LIMIT = 28_000


async def publish(data: bytes) -> None:
    await asyncio.sleep(0)


async def on_end(session_ids: dict[str, int]) -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def host_with(*session_ids: str) -> AsyncGenerator[Host, None]:
    host = Host([publish], on_end, ClientPool(), LIMIT)
    publishing = asyncio.create_task(host.run())
    await host.open(session_ids, 1, CONFIG)
    yield host
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)


async def send(host: Host, session_id: str, message: rc.ToLLM) -> None:
    host.tell((session_id, 1), msgspec.msgpack.encode(message))
    await asyncio.sleep(0.02)


async def fill(host: Host, session_id: str, turns: int) -> None:
    for _ in range(turns):
        await send(host, session_id, rc.UserMessage.of(KB))


def test_a_message_that_the_other_histories_leave_no_room_for_is_rejected_until_one_is_closed() -> None:
    async def main() -> None:
        async with host_with("a", "b") as host:
            await fill(host, "a", 12)

            with pytest.raises(HistoryFull, match="host_history_bytes is 28,000; clear or close"):
                await send(host, "b", rc.UserMessage.of(KB * 6))
            assert host.status(("b", 1)).turns == 0

            await host.close(("a", 1), drain=False)
            await send(host, "b", rc.UserMessage.of(KB * 6))
            assert host.status(("b", 1)).turns == 1

    asyncio.run(main())


def test_a_cleared_history_makes_room() -> None:
    async def main() -> None:
        async with host_with("a", "b") as host:
            await fill(host, "a", 12)
            await send(host, "a", rc.Clear())

            await send(host, "b", rc.UserMessage.of(KB * 6))

            assert host.status(("b", 1)).messages == 2

    asyncio.run(main())


def test_what_compactions_removed_makes_room_first() -> None:
    async def main() -> None:
        async with host_with("a", "b") as host:
            await fill(host, "a", 12)
            await send(host, "a", rc.Compact())
            assert len(host.history(("a", 1), full=True)) == 24
            kept = tuple(host.history(("a", 1)))
            assert len(kept) < 10

            await send(host, "b", rc.UserMessage.of(KB * 6))

            assert host.status(("b", 1)).turns == 1
            assert tuple(host.history(("a", 1))) == kept
            assert len(host.history(("a", 1), full=True)) < 24
            assert host.status(("a", 1)).dropped_messages == 24 - len(host.history(("a", 1), full=True))

    asyncio.run(main())


def test_the_largest_of_what_compactions_removed_goes_first_and_the_others_stay() -> None:
    async def main() -> None:
        async with host_with("a", "b", "c") as host:
            for session_id, turns in (("a", 4), ("b", 8)):
                await fill(host, session_id, turns)
                await send(host, session_id, rc.Compact())

            await send(host, "c", rc.UserMessage.of(KB * 8))

            assert (host.status(("a", 1)).dropped_messages, host.status(("b", 1)).dropped_messages > 0) == (0, True)

    asyncio.run(main())
