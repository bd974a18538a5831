"""Sessions and histories are read page by page."""

import asyncio

import pytest

import rayconteur as rc
from rayconteur.errors import InvalidConfig

ECHO = rc.SessionConfig(provider=rc.Scripted())
UNCOMPACTED = rc.SessionConfig(provider=rc.Scripted(), compaction=None)


def test_sessions_are_listed_by_id_in_pages_over_all_hosts(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options) as runtime:
            sessions = await runtime.spawn_many(ECHO, [f"s{number}" for number in range(30)], rc.Packed(actors=2))
            await runtime.spawn(ECHO, "s11-dedicated")
            ids = [status.id for status in await runtime.sessions()]
            assert ids == sorted([*(session.id for session in sessions), "s11-dedicated"])

            first = await runtime.sessions(limit=10)
            for session in sessions:
                if session.id in (ids[9], ids[20]):
                    await session.close()
            second = await runtime.sessions(limit=10, after=first[-1].id)
            rest = await runtime.sessions(limit=100, after=second[-1].id)

            assert [status.id for status in (*first, *second, *rest)] == [*ids[:20], *ids[21:]]
            assert len(first) == len(second) == 10
            assert await runtime.sessions(limit=5, after="t") == []

    asyncio.run(main())


def test_more_sessions_than_a_page_holds_are_listed_whole(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options, placement=rc.Packed(actors=2)) as runtime:
            sessions = await runtime.spawn_many(ECHO, 2_300)

            listed = await runtime.sessions()

            assert {status.id for status in listed} == {session.id for session in sessions}
            assert len(listed) == len(await runtime.sessions(limit=2_300)) == 2_300

    asyncio.run(main())


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_without_sessions_is_rejected(runner: asyncio.Runner, async_runtime: rc.Runtime, limit: int) -> None:
    async def main() -> None:
        with pytest.raises(InvalidConfig, match="limit"):
            await async_runtime.sessions(limit=limit)

    runner.run(main())


def test_a_history_longer_than_a_page_arrives_whole(runner: asyncio.Runner, async_runtime: rc.Runtime) -> None:
    async def main() -> None:
        session = await async_runtime.spawn(UNCOMPACTED)
        texts = [f"{number} " + "caw " * 100_000 for number in range(4)]
        for text in texts:
            await session.ask(text).answer()

        history = await session.history()

        assert [message.turn for message in history] == [1, 1, 2, 2, 3, 3, 4, 4]
        assert [message.content for message in history[::2]] == [(rc.Text(text),) for text in texts]
        assert await session.history(limit=2, roles=["user"], after=1, before=4) == (history[2], history[4])

    runner.run(main())
