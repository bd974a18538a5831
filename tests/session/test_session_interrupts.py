"""An interrupt ends a turn in every phase, and the session accepts its next message."""

import asyncio

import msgspec
import pytest
from fixtures.session import running_session, scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.providers import Provenance
from rayconteur.runtime import OnInterrupt, State, TurnEnd, WhenBusy
from rayconteur.scripted import Call, Fail, Say, Wait

TEXT = "a raven is a bird of few words"
LOOK = rc.Tool(name="look")
ECHO = (Say(),)
LONG_BACKOFF = rc.RetryPolicy(first_delay_s=3600, max_delay_s=3600, max_elapsed_s=1e6)

PHASES: dict[str, tuple[rc.SessionConfig, State]] = {
    "before the answer starts": (scripted_config((Wait(),), ECHO), State.REQUESTING),
    "streaming": (scripted_config((Say(TEXT), Wait()), ECHO), State.STREAMING),
    "without streaming": (
        scripted_config((Say(TEXT), Wait()), ECHO, streaming=False),
        State.REQUESTING,
    ),
    "backoff": (scripted_config((Fail(),), ECHO, retry=LONG_BACKOFF), State.RETRYING),
    "tools out": (
        scripted_config((Say(TEXT), Call("look")), ECHO, tools=(LOOK,)),
        State.TOOLS_OUT,
    ),
}


@pytest.mark.parametrize("policy", OnInterrupt)
@pytest.mark.parametrize("phase", PHASES)
def test_an_interrupt_ends_the_turn_in_every_phase(phase: str, policy: OnInterrupt) -> None:
    config, state = PHASES[phase]

    async def main() -> None:
        async with running_session(msgspec.structs.replace(config, on_interrupt=policy)) as session:
            first = session.ask()
            await session.wait_for_state(state)

            assert session.tell(rc.Interrupt()).turn == first
            await session.wait_for_event(rc.Interrupted)
            second = session.ask("again")
            await session.wait_for_event(rc.Completed)

            assert session.event_kinds(first)[-1] == "Interrupted"
            assert session.event_kinds(first).count("Interrupted") == 1
            assert session.event_kinds(second)[-1] == "Completed"
            assert session.history_texts()[-2:] == ["again", "again"]

    run(main())


def test_the_partial_answer_stays_only_with_on_interrupt_keep() -> None:
    async def main(policy: OnInterrupt) -> list[str]:
        async with running_session(scripted_config((Say(TEXT), Wait()), on_interrupt=policy)) as session:
            session.ask()
            await session.wait_for_text(TEXT)
            session.tell(rc.Interrupt())
            return session.history_texts()

    assert run(main(OnInterrupt.DISCARD)) == []
    assert run(main(OnInterrupt.KEEP)) == ["hello", TEXT]


def test_with_on_interrupt_keep_an_open_tool_use_gets_an_error_result() -> None:
    config = scripted_config((Call("look"), Call("look")), tools=(LOOK,), on_interrupt=OnInterrupt.KEEP)

    async def main() -> None:
        async with running_session(config) as session:
            session.ask()
            batch = await session.wait_for_event(rc.ToolBatch)
            assert isinstance(batch, rc.ToolBatch)
            session.tell(rc.ToolResults(results=(rc.ToolResult(batch.uses[0].id),)))

            session.tell(rc.Interrupt())

            assert session.history_texts() == ["hello", "<ToolUse><ToolUse>", "<result><error>"]

    run(main())


def test_interrupting_a_queued_turn_does_not_affect_the_running_one() -> None:
    async def main() -> None:
        async with running_session(scripted_config((Wait(),))) as session:
            running, waiting = session.ask(), session.ask("later")

            assert session.tell(rc.Interrupt(turn=waiting)).turn == waiting
            await session.wait_for_event(rc.Interrupted)

            assert session.event_kinds(waiting) == ["Interrupted"]
            assert "Interrupted" not in session.event_kinds(running)
            assert session.state is State.REQUESTING

    run(main())


def test_an_interrupting_message_is_answered_before_queued_ones() -> None:
    async def main() -> None:
        async with running_session(scripted_config((Wait(),), ECHO)) as session:
            running, waiting = session.ask(), session.ask("later")

            urgent = session.ask("now", WhenBusy.INTERRUPT)
            await session.wait_for_event(rc.Completed, waiting)

            ends = [event.turn for event in session.events if isinstance(event, TurnEnd)]
            assert ends == [running, urgent, waiting]

    run(main())


def test_an_interrupt_works_while_the_router_accepts_no_events() -> None:
    config = scripted_config((Say("raven " * 20_000, piece_chars=100), Wait()), limits=rc.Limits(outbox_bytes=2_000))

    async def main() -> None:
        async with running_session(config) as session:
            session.router_accepts.clear()
            turn = session.ask()
            await asyncio.sleep(100)

            session.tell(rc.Interrupt())
            session.router_accepts.set()
            await session.wait_for_event(rc.Interrupted)

            assert session.event_kinds(turn)[-1] == "Interrupted"
            assert session.state is State.IDLE

    run(main())


def test_the_usage_of_an_interrupted_request_is_estimated() -> None:
    async def main() -> None:
        async with running_session(scripted_config((Say(TEXT), Wait()))) as session:
            session.ask()
            await session.wait_for_text(TEXT)
            session.tell(rc.Interrupt())

            usage = session.status().usage
            assert usage.output.provenance is Provenance.ESTIMATED
            assert usage.output.tokens
            assert usage.output.tokens >= len(TEXT) // 4

    run(main())


def test_the_usage_of_a_request_interrupted_before_its_answer_is_estimated() -> None:
    async def main() -> None:
        async with running_session(scripted_config((Wait(),))) as session:
            turn = session.ask("a question that is long enough to count some tokens")
            await asyncio.sleep(1)
            session.tell(rc.Interrupt())
            await session.wait_for_event(rc.Interrupted)

            usage = session.status().usage
            assert usage.input.provenance is Provenance.ESTIMATED
            assert usage.input.tokens
            assert session.event_kinds(turn) == ["TurnStarted", "TokenUpdate", "Interrupted"]

    run(main())


def test_an_interrupted_compaction_is_reported_once_and_the_session_continues() -> None:
    async def main() -> None:
        async with running_session(scripted_config(ECHO)) as session:
            await session.wait_for_event(rc.Completed, session.ask())
            session.tell(rc.Compact())
            assert session.state is State.COMPACTING

            session.tell(rc.Interrupt())
            compacted = await session.wait_for_event(rc.Compacted)
            await session.wait_for_event(rc.Completed, session.ask("again"))

            assert isinstance(compacted, rc.Compacted)
            assert compacted.problem == "interrupted"
            assert session.history_texts() == ["hello", "hello", "again", "again"]
            assert sum(isinstance(event, rc.Compacted) for event in session.events) == 1

    run(main())


def test_an_interrupt_right_after_a_message_stops_its_turn_before_the_request() -> None:
    async def main() -> None:
        async with running_session(scripted_config(ECHO)) as session:
            turn = session.ask()
            session.tell(rc.Interrupt())
            await session.wait_for_event(rc.Completed, session.ask("again"))

            assert session.event_kinds(turn) == ["TurnStarted", "Interrupted"]

    run(main())
