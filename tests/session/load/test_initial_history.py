"""Sessions that go on from an existing conversation, on a host without Ray."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable

import pytest
from checkers.loop_watch import watched_loop
from fixtures.session import SESSION_ID, SessionFixture, scripted_config

import rayconteur as rc
from rayconteur.errors import HistoryFull, UnknownSession
from rayconteur.providers.registry import open_client
from rayconteur.runtime.api.initial_history import validated_history
from rayconteur.runtime.core.past.forks import imported
from rayconteur.runtime.session.pages import decode_part, encode_part
from rayconteur.scripted import Say

CONFIG = scripted_config((Say("Gone."),))


async def read(pages: Iterable[bytes]) -> AsyncIterator[bytes]:
    for page in pages:
        yield page


def pages(*messages: rc.Message) -> list[bytes]:
    return [encode_part(part) for part in imported(validated_history(messages))]


def conversation(turns: int, text: str) -> list[rc.Message]:
    return [message for _ in range(turns) for message in (rc.Message.of_user(text), rc.Message.of_assistant(text))]


def test_a_session_goes_on_from_its_initial_history() -> None:
    async def main() -> None:
        session = SessionFixture(open_client)
        publishing = asyncio.create_task(session.host.run())

        await session.host.open([SESSION_ID], 1, CONFIG, read(pages(*conversation(2, "hi"))))
        await session.wait_for_end(session.ask("And now?"))

        assert session.history_texts() == ["hi", "hi", "hi", "hi", "And now?", "Gone."]
        assert (session.status().turns, session.status().messages) == (3, 6)
        await session.close(drain=False)
        publishing.cancel()

    asyncio.run(main())


def test_a_history_that_the_host_has_no_room_for_is_refused_and_leaves_nothing_behind() -> None:
    async def main() -> None:
        session = SessionFixture(open_client)
        session.host._budget.limit_bytes = 3_000_000  # pyright: ignore[reportPrivateUsage]

        with pytest.raises(HistoryFull, match="host_history_bytes"):
            await session.host.open([SESSION_ID], 1, CONFIG, read(pages(*conversation(4, "hi " * 200_000))))

        assert session.host._budget.used_bytes == 0  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(UnknownSession):
            session.status()
        await session.host.open([SESSION_ID], 1, CONFIG, read(pages(*conversation(1, "hi"))))
        assert session.status().messages == 2

    asyncio.run(main())


def test_a_large_history_blocks_the_host_no_longer_than_a_page_of_it() -> None:
    large = pages(*conversation(40_000, "It hides food. " * 60))
    one_page = pages(*decode_part(large[0]).messages)

    async def longest_s(history: list[bytes]) -> float:
        session = SessionFixture(open_client)
        gc.collect()
        gc.disable()
        async with watched_loop() as watch:
            await session.host.open([SESSION_ID], 1, CONFIG, read(history))
        gc.enable()
        return watch.longest_s

    async def main() -> None:
        await longest_s(one_page)  # loads modules
        one_page_s = min([await longest_s(one_page) for _ in range(3)])

        assert len(large) > 50
        assert await longest_s(large) < max(5 * one_page_s, 0.05)

    asyncio.run(main())


def test_a_history_is_paged_by_bytes_and_by_messages() -> None:
    messages = conversation(6_000, "hi")
    large = conversation(2, "x" * (1 << 20))

    sizes = [len(part.messages) for part in imported(messages)]
    assert (sum(sizes), len(set(sizes[:-1]))) == (12_000, 1)
    assert 1_000 < sizes[0] <= 5_000
    assert [len(part.messages) for part in imported(large)] == [1, 1, 1, 1]
    assert list(imported([])) == []
