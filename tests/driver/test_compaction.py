"""Compaction over Ray: on request, and what history() returns after it."""

import asyncio

import rayconteur as rc
from rayconteur import blocking
from rayconteur.compaction import Window


def test_compact_returns_its_result_and_the_full_history_stays_available(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options, placement=rc.Packed()) as runtime:
            config = rc.SessionConfig(provider=rc.Scripted(), compaction=Window(keep_recent_turns=1))
            session = await runtime.spawn(config)
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

    asyncio.run(main())


def test_blocking_compact_reports_why_it_changed_nothing(session: blocking.SessionHandle) -> None:
    session.configure(rc.Configure(compaction=None))

    result = session.compact()

    assert not result.compacted
    assert result.problem
    assert session.history(full=True) == ()
