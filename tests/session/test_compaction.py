"""Conversations that outgrow their window, by the whole session: no request is too long, and nothing is lost."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from fixtures.session import Stage, stage
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


def inputs(here: Stage) -> list[int]:
    """What each request of the conversation came to, by the provider's count."""
    told = [event.request.input.tokens for event in here.events if isinstance(event, rc.TokenUpdate)]
    return [tokens or 0 for tokens in told]


def compactions(here: Stage) -> list[rc.Compacted]:
    return [event for event in here.events if isinstance(event, rc.Compacted)]


async def talk(here: Stage, turns: int, text: str = LONG) -> None:
    for number in range(turns):
        await here.until(rc.Completed, here.ask(f"{number}. {text}"))


def test_no_request_is_longer_than_the_window_and_all_of_it_can_still_be_read() -> None:
    async def main() -> None:
        async with stage(config((Say("Yes."),))) as here:
            await talk(here, 40)

            assert max(inputs(here)) <= WINDOW - 100
            assert len(inputs(here)) == 40
            assert compactions(here)
            assert all(one.reason is CompactReason.THRESHOLD for one in compactions(here))
            full = here.host.history("s", full=True)
            assert [message.turn for message in full] == [turn for turn in range(1, 41) for _ in range(2)]
            assert not any(message.stands_for for message in full)

    run(main())


def test_after_one_the_next_turn_needs_none() -> None:
    async def main() -> None:
        async with stage(config((Say("Yes."),))) as here:
            await talk(here, 40)

            turns = [one.turn for one in compactions(here)]
            assert turns == sorted(set(turns))
            assert all(later - one > 1 for one, later in pairwise(turns))

    run(main())


def test_a_long_turn_is_shortened_in_itself_and_tool_uses_stay_with_their_results() -> None:
    steps = [(Call("look", {"where": "roof"}),)] * 20 + [(Say("Done."),)]

    async def main() -> None:
        async with stage(config(*steps)) as here:
            turn = here.ask("Look twenty times.")
            for number in range(20):
                batch = await _batch(here, number)
                results = tuple(rc.ToolResult(use.id, (rc.Text(LONG),)) for use in batch.uses)
                summaries = {use.id: "nothing" for use in batch.uses}
                here.tell(rc.ToolResults(results=results, compact_summaries=summaries))
            await here.until(rc.Completed, turn)

            assert max(inputs(here)) <= WINDOW - 100
            assert any(one.turn == turn for one in compactions(here))
            assert here.texts()[0] == "Look twenty times."
            assert len(here.host.history("s", full=True)) == 42

    run(main())


async def _batch(here: Stage, number: int) -> rc.ToolBatch:
    while True:
        batches = [event for event in here.events if isinstance(event, rc.ToolBatch)]
        if len(batches) > number:
            return batches[number]
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("shorter", [True, False])
def test_what_the_provider_finds_too_long_is_shortened_once_and_sent_again(shorter: bool) -> None:
    too_long = (Fail("context_overflow", "prompt is too long"),)
    answers = [(Say("Yes."),)] * 3 + [too_long, (Say("At last."),) if shorter else too_long]
    wide = ModelFacts(context_limit_tokens=1_000_000)

    async def main() -> None:
        provider = rc.Scripted(script=Script(answers=tuple(answers)), facts=wide)
        async with stage(config(provider=provider)) as here:
            await talk(here, 3)
            turn = here.ask("And now?")
            end = await here.until(rc.Completed if shorter else rc.Failed, turn)

            assert [one.reason for one in compactions(here)] == [CompactReason.OVERFLOW]
            assert here.of_turn(turn).count("Retrying") == 0
            assert shorter or (isinstance(end, rc.Failed) and end.code == "context_overflow")
            assert here.texts()[-2 if shorter else -1] == "And now?"

    run(main())


def test_by_hand_it_tells_what_came_of_it() -> None:
    async def main() -> None:
        async with stage(config((Say("Yes."),), compaction=Window(keep_recent_turns=1))) as here:
            await talk(here, 2, "short")
            here.tell(rc.Compact())
            await here.until(rc.Compacted)

            [told] = compactions(here)
            assert (told.reason, told.messages_before, told.messages_after) == (CompactReason.ASKED, 4, 2)
            assert told.report
            assert told.report.strategy == "window"
            assert told.report.tokens_after < told.report.tokens_before

    run(main())


def test_without_a_strategy_nothing_is_shortened() -> None:
    async def main() -> None:
        async with stage(config((Say("Yes."),), compaction=None)) as here:
            await talk(here, 20)
            here.tell(rc.Compact())
            await here.until(rc.Compacted)

            [told] = compactions(here)
            assert told.messages_before == told.messages_after == 40
            assert told.problem
            assert max(inputs(here)) > WINDOW

    run(main())


def test_a_summary_is_written_while_nobody_waits_and_gives_way_to_whoever_comes() -> None:
    slow = rc.Scripted(script=Script(answers=((Say("In short: ravens."),),), first_token_s=30.0))
    summarize = Summarize(provider=slow, keep_recent_turns=1)

    async def main(wait_s: float) -> Sequence[rc.Compacted]:
        async with stage(config((Say("Yes."),), compaction=summarize, compact_eagerly=True)) as here:
            turns = 0
            while here.state is State.IDLE:
                turns += 1
                await talk(here, 1)
                assert turns < 20
            assert here.state is State.COMPACTING
            await asyncio.sleep(wait_s)
            begun = asyncio.get_running_loop().time()
            await here.until(rc.Completed, here.ask("Quick!", WhenBusy.REJECT))
            assert asyncio.get_running_loop().time() - begun < 1
            return compactions(here)

    assert run(main(5.0)) == []
    [told] = run(main(60.0))
    assert told.reason is CompactReason.EAGER
    assert told.messages_after < told.messages_before


def test_a_summary_is_counted_as_its_own() -> None:
    writer = rc.Scripted(script=Script(answers=((Say("In short: ravens."),),)))
    summarize = Summarize(provider=writer, keep_recent_turns=1)

    async def main() -> None:
        async with stage(config((Say("Yes."),), compaction=summarize)) as here:
            await talk(here, 12)

            reports = [one.report for one in compactions(here) if one.report]
            turns = [event.usage for event in here.events if isinstance(event, rc.Completed)]
            spent = [usage.input.tokens or 0 for usage in (*turns, *(report.usage for report in reports))]
            assert any(report.usage.output.tokens for report in reports)
            assert here.host.status("s").usage.input.tokens == sum(spent)

    run(main())


def test_an_interrupt_ends_a_compaction_too() -> None:
    stuck = rc.Scripted(script=Script(answers=((Wait(),),)))
    summarize = Summarize(provider=stuck, keep_recent_turns=1, timeout_s=10_000.0)

    async def main() -> None:
        async with stage(config((Say("Yes."),), compaction=summarize)) as here:
            turn = 0
            while here.state is not State.COMPACTING:
                turn = here.ask(LONG)
                await asyncio.sleep(1)
            before = here.texts()
            here.tell(rc.Interrupt())
            await here.until(rc.Interrupted, turn)

            assert here.of_turn(turn)[-1] == "Interrupted"
            assert here.texts() == before[:-1]
            await here.until_state(State.IDLE)

    run(main())


def test_the_secrets_of_a_summarizer_stay_inside() -> None:
    writer = rc.OpenAI(model="gpt-4o-mini", api_key="sk-one-that-is-secret", base_url="http://127.0.0.1:9/v1")

    async def main() -> None:
        async with stage(config((Say("Yes."),), compaction=Summarize(provider=writer))) as here:
            here.tell(rc.Configure(compaction=Layered(strategies=(Summarize(provider=writer),))))
            here.tell(rc.Compact())
            await here.until(rc.Compacted)

            assert "sk-one-that-is-secret" not in repr((here.events, here.host.status("s"), here.host.__dict__))

    run(main())
