"""An interrupt ends a turn in whatever phase it is, and the session takes its next message."""

import asyncio

import msgspec
import pytest
from fixtures.session import scripted, stage
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.providers import Provenance
from rayconteur.runtime import OnInterrupt, State, TurnEnd, WhenBusy
from rayconteur.scripted import Call, Fail, Say, Wait

TEXT = "a raven is a bird of few words"
LOOK = rc.Tool(name="look")
ECHO = (Say(),)
NO_PAUSE = rc.RetryPolicy(first_delay_s=3600, max_delay_s=3600, max_elapsed_s=1e6)

PHASES: dict[str, tuple[rc.SessionConfig, State]] = {
    "before the provider begins": (scripted((Wait(),), ECHO), State.REQUESTING),
    "streaming": (scripted((Say(TEXT), Wait()), ECHO), State.STREAMING),
    "not streamed": (
        scripted((Say(TEXT), Wait()), ECHO, streaming=False),
        State.REQUESTING,
    ),
    "waiting to retry": (scripted((Fail(),), ECHO, retry=NO_PAUSE), State.RETRYING),
    "tools out": (
        scripted((Say(TEXT), Call("look")), ECHO, tools=(LOOK,)),
        State.TOOLS_OUT,
    ),
}


@pytest.mark.parametrize("policy", OnInterrupt)
@pytest.mark.parametrize("phase", PHASES)
def test_an_interrupt_ends_the_turn_in_every_phase(phase: str, policy: OnInterrupt) -> None:
    config, state = PHASES[phase]

    async def main() -> None:
        async with stage(msgspec.structs.replace(config, on_interrupt=policy)) as here:
            first = here.ask()
            await here.until_state(state)

            assert here.tell(rc.Interrupt()).turn == first
            await here.until(rc.Interrupted)
            second = here.ask("again")
            await here.until(rc.Completed)

            assert here.of_turn(first)[-1] == "Interrupted"
            assert here.of_turn(first).count("Interrupted") == 1
            assert here.of_turn(second)[-1] == "Completed"
            assert here.texts()[-2:] == ["again", "again"]

    run(main())


def test_what_was_said_stays_only_where_it_is_to_be_kept() -> None:
    async def main(policy: OnInterrupt) -> list[str]:
        async with stage(scripted((Say(TEXT), Wait()), on_interrupt=policy)) as here:
            here.ask()
            await here.until_said(TEXT)
            here.tell(rc.Interrupt())
            return here.texts()

    assert run(main(OnInterrupt.DISCARD)) == []
    assert run(main(OnInterrupt.KEEP)) == ["hello", TEXT]


def test_a_kept_tool_use_is_answered_that_it_was_interrupted() -> None:
    config = scripted((Call("look"), Call("look")), tools=(LOOK,), on_interrupt=OnInterrupt.KEEP)

    async def main() -> None:
        async with stage(config) as here:
            here.ask()
            batch = await here.until(rc.ToolBatch)
            assert isinstance(batch, rc.ToolBatch)
            here.tell(rc.ToolResults(results=(rc.ToolResult(batch.uses[0].id),)))

            here.tell(rc.Interrupt())

            assert here.texts() == ["hello", "<ToolUse><ToolUse>", "<result><error>"]

    run(main())


def test_a_waiting_turn_is_interrupted_without_the_running_one() -> None:
    async def main() -> None:
        async with stage(scripted((Wait(),))) as here:
            running, waiting = here.ask(), here.ask("later")

            assert here.tell(rc.Interrupt(turn=waiting)).turn == waiting
            await here.until(rc.Interrupted)

            assert here.of_turn(waiting) == ["Interrupted"]
            assert "Interrupted" not in here.of_turn(running)
            assert here.state is State.REQUESTING

    run(main())


def test_a_message_may_interrupt_and_goes_before_those_that_wait() -> None:
    async def main() -> None:
        async with stage(scripted((Wait(),), ECHO)) as here:
            running, waiting = here.ask(), here.ask("later")

            urgent = here.ask("now", WhenBusy.INTERRUPT)
            await here.until(rc.Completed, waiting)

            ends = [event.turn for event in here.events if isinstance(event, TurnEnd)]
            assert ends == [running, urgent, waiting]

    run(main())


def test_an_interrupt_is_heard_while_nobody_takes_the_events() -> None:
    config = scripted((Say("raven " * 20_000, piece_chars=100), Wait()), limits=rc.Limits(outbox_bytes=2_000))

    async def main() -> None:
        async with stage(config) as here:
            here.taking.clear()
            turn = here.ask()
            await asyncio.sleep(100)

            here.tell(rc.Interrupt())
            here.taking.set()
            await here.until(rc.Interrupted)

            assert here.of_turn(turn)[-1] == "Interrupted"
            assert here.state is State.IDLE

    run(main())


def test_an_aborted_request_is_counted_by_an_estimate() -> None:
    async def main() -> None:
        async with stage(scripted((Say(TEXT), Wait()))) as here:
            here.ask()
            await here.until_said(TEXT)
            here.tell(rc.Interrupt())

            usage = here.host.status("s").usage
            assert usage.output.provenance is Provenance.ESTIMATED
            assert usage.output.tokens
            assert usage.output.tokens >= len(TEXT) // 4

    run(main())


def test_a_request_that_was_aborted_before_the_provider_began_is_counted_by_an_estimate_too() -> None:
    async def main() -> None:
        async with stage(scripted((Wait(),))) as here:
            turn = here.ask("a question of some length, for which somebody may have to pay")
            await asyncio.sleep(1)
            here.tell(rc.Interrupt())
            await here.until(rc.Interrupted)

            usage = here.host.status("s").usage
            assert usage.input.provenance is Provenance.ESTIMATED
            assert usage.input.tokens
            assert here.of_turn(turn) == ["TurnStarted", "TokenUpdate", "Interrupted"]

    run(main())


def test_a_compaction_is_interrupted_and_the_session_goes_on() -> None:
    async def main() -> None:
        async with stage(scripted(ECHO)) as here:
            await here.until(rc.Completed, here.ask())
            here.tell(rc.Compact())
            assert here.state is State.COMPACTING

            here.tell(rc.Interrupt())
            compacted = await here.until(rc.Compacted)
            await here.until(rc.Completed, here.ask("again"))

            assert isinstance(compacted, rc.Compacted)
            assert compacted.problem == "interrupted"
            assert here.texts() == ["hello", "hello", "again", "again"]
            assert sum(isinstance(event, rc.Compacted) for event in here.events) == 1

    run(main())


def test_an_interrupt_as_soon_as_a_message_is_in_leaves_nothing_of_its_turn() -> None:
    async def main() -> None:
        async with stage(scripted(ECHO)) as here:
            turn = here.ask()
            here.tell(rc.Interrupt())
            await here.until(rc.Completed, here.ask("again"))

            assert here.of_turn(turn) == ["TurnStarted", "Interrupted"]

    run(main())
