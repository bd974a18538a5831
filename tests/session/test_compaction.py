"""Sessions whose history exceeds the context window: no request is too long, and no message is lost."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from fixtures.session import SessionFixture, running_session
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.compaction import Layered, Summarize, Window
from rayconteur.providers import ModelFacts, Prices, ProviderConfig, Request
from rayconteur.providers.schema.client import Sink
from rayconteur.providers.scripted.client import ScriptedClient
from rayconteur.runtime import CompactReason, State, WhenBusy
from rayconteur.scripted import Call, Fail, Say, Script, Step, Wait

WINDOW = 2_000
FACTS = ModelFacts(context_limit_tokens=WINDOW)
SETTINGS = {"max_output_tokens": 100, "compaction": Layered()}
LONG_TEXT = "A raven hides its food, and hides it again if another one was watching. " * 10


def config(*answers: tuple[Step, ...], **settings: object) -> rc.SessionConfig:
    provider = rc.Scripted(script=Script(answers=answers), facts=FACTS)
    return msgspec.structs.replace(rc.SessionConfig(provider=provider), **{**SETTINGS, **settings})


def input_tokens(session: SessionFixture) -> list[int]:
    """The input tokens of each request, as the provider reported them."""
    counts = [event.request.input.tokens for event in session.events if isinstance(event, rc.TokenUpdate)]
    return [tokens or 0 for tokens in counts]


def compactions(session: SessionFixture) -> list[rc.Compacted]:
    return [event for event in session.events if isinstance(event, rc.Compacted)]


async def complete_turns(session: SessionFixture, turns: int, text: str = LONG_TEXT) -> None:
    for number in range(turns):
        await session.wait_for_event(rc.Completed, session.ask(f"{number}. {text}"))


def test_no_request_exceeds_the_window_and_the_full_history_stays_readable() -> None:
    async def main() -> None:
        async with running_session(config((Say("Yes."),))) as session:
            await complete_turns(session, 40)

            assert max(input_tokens(session)) <= WINDOW - 100
            assert len(input_tokens(session)) == 40
            assert compactions(session)
            assert all(compaction.reason is CompactReason.THRESHOLD for compaction in compactions(session))
            full = session.history(full=True)
            assert [message.turn for message in full] == [turn for turn in range(1, 41) for _ in range(2)]
            assert not any(message.stands_for for message in full)

    run(main())


def test_two_successive_turns_are_never_both_compacted() -> None:
    async def main() -> None:
        async with running_session(config((Say("Yes."),))) as session:
            await complete_turns(session, 40)

            turns = [compaction.turn for compaction in compactions(session)]
            assert turns == sorted(set(turns))
            assert all(later - earlier > 1 for earlier, later in pairwise(turns))

    run(main())


def test_a_long_turn_is_compacted_while_it_runs() -> None:
    steps = [(Call("look", {"where": "roof"}),)] * 20 + [(Say("Done."),)]

    async def main() -> None:
        async with running_session(config(*steps)) as session:
            turn = session.ask("Look twenty times.")
            for number in range(20):
                batch = await wait_for_batch(session, number)
                results = tuple(rc.ToolResult(use.id, (rc.Text(LONG_TEXT),)) for use in batch.uses)
                summaries = {use.id: "nothing" for use in batch.uses}
                session.tell(rc.ToolResults(results=results, compact_summaries=summaries))
            await session.wait_for_event(rc.Completed, turn)

            assert max(input_tokens(session)) <= WINDOW - 100
            assert any(compaction.turn == turn for compaction in compactions(session))
            assert session.history_texts()[0] == "Look twenty times."
            assert len(session.history(full=True)) == 42

    run(main())


async def wait_for_batch(session: SessionFixture, number: int) -> rc.ToolBatch:
    while True:
        batches = [event for event in session.events if isinstance(event, rc.ToolBatch)]
        if len(batches) > number:
            return batches[number]
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("fits_after_compaction", [True, False])
def test_a_request_that_the_provider_rejects_as_too_long_is_compacted_once_and_sent_again(
    fits_after_compaction: bool,
) -> None:
    too_long = (Fail("context_overflow", "prompt is too long"),)
    answers = [(Say("Yes."),)] * 3 + [too_long, (Say("At last."),) if fits_after_compaction else too_long]
    wide = ModelFacts(context_limit_tokens=1_000_000)

    async def main() -> None:
        provider = rc.Scripted(script=Script(answers=tuple(answers)), facts=wide)
        async with running_session(config(provider=provider)) as session:
            await complete_turns(session, 3)
            turn = session.ask("And now?")
            end = await session.wait_for_event(rc.Completed if fits_after_compaction else rc.Failed, turn)

            assert [compaction.reason for compaction in compactions(session)] == [CompactReason.OVERFLOW]
            assert session.event_kinds(turn).count("Retrying") == 0
            assert fits_after_compaction or (isinstance(end, rc.Failed) and end.code == "context_overflow")
            assert session.history_texts()[-2 if fits_after_compaction else -1] == "And now?"

    run(main())


def test_compact_reports_its_result() -> None:
    async def main() -> None:
        async with running_session(config((Say("Yes."),), compaction=Window(keep_recent_turns=1))) as session:
            await complete_turns(session, 2, "short")
            session.tell(rc.Compact())
            await session.wait_for_event(rc.Compacted)

            [compacted] = compactions(session)
            assert (compacted.reason, compacted.messages_before, compacted.messages_after) == (
                CompactReason.ASKED,
                4,
                2,
            )
            assert compacted.report
            assert compacted.report.strategy == "window"
            assert compacted.report.tokens_after < compacted.report.tokens_before

    run(main())


def test_without_a_strategy_nothing_is_compacted() -> None:
    async def main() -> None:
        async with running_session(config((Say("Yes."),), compaction=None)) as session:
            await complete_turns(session, 20)
            session.tell(rc.Compact())
            await session.wait_for_event(rc.Compacted)

            [compacted] = compactions(session)
            assert compacted.messages_before == compacted.messages_after == 40
            assert compacted.problem
            assert max(input_tokens(session)) > WINDOW

    run(main())


def test_an_eager_compaction_runs_when_idle_and_is_cancelled_by_a_message() -> None:
    slow = rc.Scripted(script=Script(answers=((Say("In short: ravens."),),), first_token_s=30.0))
    summarize = Summarize(provider=slow, keep_recent_turns=1)

    async def main(wait_s: float) -> Sequence[rc.Compacted]:
        async with running_session(config((Say("Yes."),), compaction=summarize, compact_eagerly=True)) as session:
            turns = 0
            while session.state is State.IDLE:
                turns += 1
                await complete_turns(session, 1)
                assert turns < 20
            assert session.state is State.COMPACTING
            await asyncio.sleep(wait_s)
            started_at = asyncio.get_running_loop().time()
            await session.wait_for_event(rc.Completed, session.ask("Quick!", WhenBusy.REJECT))
            assert asyncio.get_running_loop().time() - started_at < 1
            return compactions(session)

    assert run(main(5.0)) == []
    [compacted] = run(main(60.0))
    assert compacted.reason is CompactReason.EAGER
    assert compacted.messages_after < compacted.messages_before


def test_the_usage_of_summaries_is_part_of_the_session_total() -> None:
    priced = ModelFacts(prices=(Prices(input=3.0, output=15.0),))
    summarizer = rc.Scripted(script=Script(answers=((Say("In short: ravens."),),)), facts=priced)
    summarize = Summarize(provider=summarizer, keep_recent_turns=1)

    async def main() -> None:
        async with running_session(config((Say("Yes."),), compaction=summarize)) as session:
            await complete_turns(session, 12)

            reports = [compaction.report for compaction in compactions(session) if compaction.report]
            turns = [event.usage for event in session.events if isinstance(event, rc.Completed)]
            spent = [usage.input.tokens or 0 for usage in (*turns, *(report.usage for report in reports))]
            assert any(report.usage.output.tokens for report in reports)
            assert session.status().usage.input.tokens == sum(spent)
            assert session.status().usage.cost.usd == pytest.approx(
                sum(report.usage.cost.usd or 0 for report in reports)
            )
            assert any(report.usage.cost.usd for report in reports)

    run(main())


def test_an_interrupt_cancels_the_compaction_of_a_running_turn() -> None:
    stuck = rc.Scripted(script=Script(answers=((Wait(),),)))
    summarize = Summarize(provider=stuck, keep_recent_turns=1, timeout_s=10_000.0)

    async def main() -> None:
        async with running_session(config((Say("Yes."),), compaction=summarize)) as session:
            turn = 0
            while session.state is not State.COMPACTING:
                turn = session.ask(LONG_TEXT)
                await asyncio.sleep(1)
            before = session.history_texts()
            session.tell(rc.Interrupt())
            await session.wait_for_event(rc.Interrupted, turn)

            assert session.event_kinds(turn)[-1] == "Interrupted"
            assert session.history_texts() == before[:-1]
            await session.wait_for_state(State.IDLE)

    run(main())


def test_an_unexpected_error_in_a_compaction_is_reported_and_the_session_continues() -> None:
    class FailingSummarizer(ScriptedClient):
        async def stream(self, request: Request, sink: Sink) -> None:
            if request.number == 0:  # of a compaction
                raise ZeroDivisionError("sk-never-to-be-seen")
            await super().stream(request, sink)

    def open_failing(provider: ProviderConfig) -> FailingSummarizer:
        assert isinstance(provider, rc.Scripted)
        return FailingSummarizer(provider)

    async def main() -> None:
        summarizing = config((Say("Yes."),), compaction=Summarize(keep_recent_turns=1))
        async with running_session(summarizing, open_failing) as session:
            await complete_turns(session, 3)

            session.tell(rc.Compact())

            await session.wait_for_event(rc.Compacted)
            problem = compactions(session)[0].problem
            assert problem == "ZeroDivisionError in the runtime; see the log of the session's process"
            await complete_turns(session, 1, "short")

    run(main())


def test_no_secret_of_a_summarizer_is_exposed() -> None:
    summarizer = rc.OpenAI(model="gpt-4o-mini", api_key="sk-one-that-is-secret", base_url="http://127.0.0.1:9/v1")

    async def main() -> None:
        async with running_session(config((Say("Yes."),), compaction=Summarize(provider=summarizer))) as session:
            session.tell(rc.Configure(compaction=Layered(strategies=(Summarize(provider=summarizer),))))
            session.tell(rc.Compact())
            await session.wait_for_event(rc.Compacted)

            assert "sk-one-that-is-secret" not in repr((session.events, session.status(), session.host.__dict__))

    run(main())
