"""Compactions by the number of turns: the history never has more, or is summarized every so many."""

import msgspec
import pytest
from checkers.strict_model import StrictModel
from fixtures.session import SessionFixture, running_session
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.compaction import Compaction, Layered, Summarize, Threshold, Window
from rayconteur.providers import ModelFacts
from rayconteur.runtime import CompactReason

CONFIG = rc.SessionConfig(provider=rc.Scripted(facts=ModelFacts(context_limit_tokens=1_000_000)))
TEXT = "A raven hides its food, and hides it again if another one was watching. "


async def complete_turns(session: SessionFixture, turns: int) -> list[int]:
    """Complete turns. Returns how many of the user's messages each request had."""
    counts: list[int] = []
    for _ in range(turns):
        assert isinstance(await session.wait_for_end(session.ask(TEXT)), rc.Completed)
        counts.append(sum(message.starts_turn for message in session.history()))
    return counts


def compacted_turns(session: SessionFixture) -> list[int]:
    events = [event for event in session.events if isinstance(event, rc.Compacted)]
    assert {event.reason for event in events} <= {CompactReason.TURNS}
    return [event.turn for event in events]


@pytest.mark.parametrize("config", [Window(max_turns=5), Layered(strategies=(Window(max_turns=5),))])
def test_a_window_of_turns_keeps_the_last_ones(config: Compaction) -> None:
    async def main() -> None:
        model = StrictModel(1_000_000)
        async with running_session(msgspec.structs.replace(CONFIG, compaction=config), lambda _: model) as session:
            counts = await complete_turns(session, 12)

            assert counts == [1, 2, 3, 4] + [5] * 8
            assert compacted_turns(session) == [6, 7, 8, 9, 10, 11, 12]
            assert len(session.history(full=True)) == 24

    run(main())


def test_a_window_may_drop_more_turns_at_once_so_that_it_need_not_at_each() -> None:
    async def main() -> None:
        model = StrictModel(1_000_000)
        config = msgspec.structs.replace(CONFIG, compaction=Window(max_turns=5, keep_recent_turns=2))
        async with running_session(config, lambda _: model) as session:
            counts = await complete_turns(session, 10)

            assert counts == [1, 2, 3, 4, 5, 2, 3, 4, 5, 2]

    run(main())


def test_a_summary_is_written_every_so_many_turns() -> None:
    async def main() -> None:
        model = StrictModel(1_000_000)
        summarize = Summarize(every_turns=10, keep_recent_turns=2)
        config = msgspec.structs.replace(CONFIG, compaction=Layered(strategies=(summarize, Window(max_turns=100))))
        async with running_session(config, lambda _: model) as session:
            await complete_turns(session, 35)

            assert compacted_turns(session) == [11, 21, 31]
            assert len(model.summaries) == 3
            assert sum(message.stands_for is not None for message in session.history()) == 1

    run(main())


def test_turns_are_counted_on_after_a_session_is_restored_and_in_what_is_left_after_a_rewind() -> None:
    async def main() -> None:
        model = StrictModel(1_000_000)
        config = msgspec.structs.replace(CONFIG, compaction=Window(max_turns=5))
        async with running_session(config, lambda _: model) as session:
            await complete_turns(session, 5)
            session.tell(rc.runtime.Rewind(turns=2))

            assert await complete_turns(session, 3) == [4, 5, 5]
            assert compacted_turns(session) == [8]

    run(main())


@pytest.mark.parametrize("kind", [Summarize, Window, Threshold])
@pytest.mark.parametrize("words", [3, 150])
def test_a_compaction_that_is_asked_for_leaves_the_recent_turns_alone(
    kind: type[Summarize | Window | Threshold], words: int
) -> None:
    async def main() -> None:
        config = rc.SessionConfig(provider=rc.Scripted(), compaction=kind(keep_recent_turns=5))
        async with running_session(config, lambda _: StrictModel(128_000)) as session:
            for turn in range(10):
                await session.wait_for_end(session.ask(f"FACT-{turn}=1 {'raven ' * words}"))
            before = tuple(session.history())

            session.tell(rc.Compact())
            await session.wait_for_event(rc.Compacted)

            assert tuple(session.history())[-10:] == before[-10:]

    run(main())
