"""Conversations that outgrow their window, by the whole session: no request is too long, and nothing is lost."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from fixtures.session import SessionFixture, running_session
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.compaction import Layered, Summarize, Window
from rayconteur.providers import ModelFacts
from rayconteur.runtime import CompactReason, State, WhenBusy
from rayconteur.scripted import Call, Fail, Say, Script, Step, Wait

WINDOW = 2_000
FACTS = ModelFacts(context_limit_tokens=WINDOW)
NARROW = {"max_output_tokens": 100, "compaction": Layered()}
LONG = "A raven hides its food, and hides it again if another one was watching. " * 10


def config(*answers: tuple[Step, ...], **settings: object) -> rc.SessionConfig:
    provider = rc.Scripted(script=Script(answers=answers), facts=FACTS)
    return msgspec.structs.replace(rc.SessionConfig(provider=provider), **{**NARROW, **settings})


def inputs(session: SessionFixture) -> list[int]:
    """What each request of the conversation came to, by the provider's count."""
    told = [event.request.input.tokens for event in session.events if isinstance(event, rc.TokenUpdate)]
    return [tokens or 0 for tokens in told]


def compactions(session: SessionFixture) -> list[rc.Compacted]:
    return [event for event in session.events if isinstance(event, rc.Compacted)]


async def talk(session: SessionFixture, turns: int, text: str = LONG) -> None:
    for number in range(turns):
        await session.wait_for_event(rc.Completed, session.ask(f"{number}. {text}"))


def test_no_request_exceeds_the_window_and_the_full_history_stays_readable() -> None:
    async def main() -> None:
        async with running_session(config((Say("Yes."),))) as session:
            await talk(session, 40)

            assert max(inputs(session)) <= WINDOW - 100
            assert len(inputs(session)) == 40
            assert compactions(session)
            assert all(one.reason is CompactReason.THRESHOLD for one in compactions(session))
            full = session.history(full=True)
            assert [message.turn for message in full] == [turn for turn in range(1, 41) for _ in range(2)]
            assert not any(message.stands_for for message in full)

    run(main())


def test_two_successive_turns_are_never_both_compacted() -> None:
    async def main() -> None:
        async with running_session(config((Say("Yes."),))) as session:
            await talk(session, 40)

            turns = [one.turn for one in compactions(session)]
            assert turns == sorted(set(turns))
            assert all(later - one > 1 for one, later in pairwise(turns))

    run(main())


def test_a_long_turn_is_compacted_while_it_runs() -> None:
    steps = [(Call("look", {"where": "roof"}),)] * 20 + [(Say("Done."),)]

    async def main() -> None:
        async with running_session(config(*steps)) as session:
            turn = session.ask("Look twenty times.")
            for number in range(20):
                batch = await _batch(session, number)
                results = tuple(rc.ToolResult(use.id, (rc.Text(LONG),)) for use in batch.uses)
                summaries = {use.id: "nothing" for use in batch.uses}
                session.tell(rc.ToolResults(results=results, compact_summaries=summaries))
            await session.wait_for_event(rc.Completed, turn)

            assert max(inputs(session)) <= WINDOW - 100
            assert any(one.turn == turn for one in compactions(session))
            assert session.history_texts()[0] == "Look twenty times."
            assert len(session.history(full=True)) == 42

    run(main())


async def _batch(session: SessionFixture, number: int) -> rc.ToolBatch:
    while True:
        batches = [event for event in session.events if isinstance(event, rc.ToolBatch)]
        if len(batches) > number:
            return batches[number]
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("shorter", [True, False])
def test_a_request_that_the_provider_rejects_as_too_long_is_compacted_once_and_sent_again(shorter: bool) -> None:
    too_long = (Fail("context_overflow", "prompt is too long"),)
    answers = [(Say("Yes."),)] * 3 + [too_long, (Say("At last."),) if shorter else too_long]
    wide = ModelFacts(context_limit_tokens=1_000_000)

    async def main() -> None:
        provider = rc.Scripted(script=Script(answers=tuple(answers)), facts=wide)
        async with running_session(config(provider=provider)) as session:
            await talk(session, 3)
            turn = session.ask("And now?")
            end = await session.wait_for_event(rc.Completed if shorter else rc.Failed, turn)

            assert [one.reason for one in compactions(session)] == [CompactReason.OVERFLOW]
            assert session.event_kinds(turn).count("Retrying") == 0
            assert shorter or (isinstance(end, rc.Failed) and end.code == "context_overflow")
            assert session.history_texts()[-2 if shorter else -1] == "And now?"

    run(main())


def test_compact_reports_its_result() -> None:
    async def main() -> None:
        async with running_session(config((Say("Yes."),), compaction=Window(keep_recent_turns=1))) as session:
            await talk(session, 2, "short")
            session.tell(rc.Compact())
            await session.wait_for_event(rc.Compacted)

            [told] = compactions(session)
            assert (told.reason, told.messages_before, told.messages_after) == (CompactReason.ASKED, 4, 2)
            assert told.report
            assert told.report.strategy == "window"
            assert told.report.tokens_after < told.report.tokens_before

    run(main())


def test_without_a_strategy_nothing_is_compacted() -> None:
    async def main() -> None:
        async with running_session(config((Say("Yes."),), compaction=None)) as session:
            await talk(session, 20)
            session.tell(rc.Compact())
            await session.wait_for_event(rc.Compacted)

            [told] = compactions(session)
            assert told.messages_before == told.messages_after == 40
            assert told.problem
            assert max(inputs(session)) > WINDOW

    run(main())


def test_an_eager_compaction_runs_when_idle_and_is_cancelled_by_a_message() -> None:
    slow = rc.Scripted(script=Script(answers=((Say("In short: ravens."),),), first_token_s=30.0))
    summarize = Summarize(provider=slow, keep_recent_turns=1)

    async def main(wait_s: float) -> Sequence[rc.Compacted]:
        async with running_session(config((Say("Yes."),), compaction=summarize, compact_eagerly=True)) as session:
            turns = 0
            while session.state is State.IDLE:
                turns += 1
                await talk(session, 1)
                assert turns < 20
            assert session.state is State.COMPACTING
            await asyncio.sleep(wait_s)
            begun = asyncio.get_running_loop().time()
            await session.wait_for_event(rc.Completed, session.ask("Quick!", WhenBusy.REJECT))
            assert asyncio.get_running_loop().time() - begun < 1
            return compactions(session)

    assert run(main(5.0)) == []
    [told] = run(main(60.0))
    assert told.reason is CompactReason.EAGER
    assert told.messages_after < told.messages_before


def test_the_usage_of_summaries_is_part_of_the_session_total() -> None:
    writer = rc.Scripted(script=Script(answers=((Say("In short: ravens."),),)))
    summarize = Summarize(provider=writer, keep_recent_turns=1)

    async def main() -> None:
        async with running_session(config((Say("Yes."),), compaction=summarize)) as session:
            await talk(session, 12)

            reports = [one.report for one in compactions(session) if one.report]
            turns = [event.usage for event in session.events if isinstance(event, rc.Completed)]
            spent = [usage.input.tokens or 0 for usage in (*turns, *(report.usage for report in reports))]
            assert any(report.usage.output.tokens for report in reports)
            assert session.status().usage.input.tokens == sum(spent)

    run(main())


def test_an_interrupt_cancels_the_compaction_of_a_running_turn() -> None:
    stuck = rc.Scripted(script=Script(answers=((Wait(),),)))
    summarize = Summarize(provider=stuck, keep_recent_turns=1, timeout_s=10_000.0)

    async def main() -> None:
        async with running_session(config((Say("Yes."),), compaction=summarize)) as session:
            turn = 0
            while session.state is not State.COMPACTING:
                turn = session.ask(LONG)
                await asyncio.sleep(1)
            before = session.history_texts()
            session.tell(rc.Interrupt())
            await session.wait_for_event(rc.Interrupted, turn)

            assert session.event_kinds(turn)[-1] == "Interrupted"
            assert session.history_texts() == before[:-1]
            await session.wait_for_state(State.IDLE)

    run(main())


def test_no_secret_of_a_summarizer_is_exposed() -> None:
    writer = rc.OpenAI(model="gpt-4o-mini", api_key="sk-one-that-is-secret", base_url="http://127.0.0.1:9/v1")

    async def main() -> None:
        async with running_session(config((Say("Yes."),), compaction=Summarize(provider=writer))) as session:
            session.tell(rc.Configure(compaction=Layered(strategies=(Summarize(provider=writer),))))
            session.tell(rc.Compact())
            await session.wait_for_event(rc.Compacted)

            assert "sk-one-that-is-secret" not in repr((session.events, session.status(), session.host.__dict__))

    run(main())
