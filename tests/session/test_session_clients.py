"""Clients that do what they shouldn't, or take their time, and what a session makes of it."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

import pytest
from fixtures.session import Stage, scripted, stage
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.providers import ProviderConfig, StopReason
from rayconteur.providers.schema.deltas import AnswerEnded, AnswerStarted, Delta, TextDelta
from rayconteur.providers.schema.request import Request
from rayconteur.providers.scripted.client import ScriptedClient
from rayconteur.runtime import OnInterrupt, State
from rayconteur.scripted import Say, Wait

SECRET = "sk-never-to-be-seen"
ECHO = (Say(),)


class Doing(ScriptedClient):
    """Does *first* when it is asked for the first time, and goes on as scripted."""

    def __init__(self, config: rc.Scripted, first: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._first = first

    async def stream(self, request: Request) -> AsyncGenerator[Sequence[Delta], None]:
        if request.number == 1:
            await self._first()
        async with aclosing(super().stream(request)) as answer:
            async for deltas in answer:
                yield deltas

    async def complete(self, request: Request) -> Sequence[Delta]:
        if request.number == 1:
            await self._first()
        return await super().complete(request)


class Gushing(ScriptedClient):
    """Speaks without end, and counts what was taken."""

    def __init__(self, config: rc.Scripted) -> None:
        super().__init__(config)
        self.taken = 0
        self.closed = False

    async def stream(self, request: Request) -> AsyncGenerator[Sequence[Delta], None]:
        try:
            yield [AnswerStarted("m", "gushing")]
            while self.taken < 10_000:
                yield [TextDelta(0, "x" * 100)]
                self.taken += 1
            yield [AnswerEnded(StopReason.END_TURN, None)]
        finally:
            self.closed = True


class Broken(ScriptedClient):
    """Breaks the promises of deltas in mid-answer."""

    async def stream(self, request: Request) -> AsyncGenerator[Sequence[Delta], None]:
        started = AnswerStarted("m", "broken")
        yield [started, TextDelta(0, "one "), TextDelta(0, "two"), started, TextDelta(0, "three")]


def doing(first: Callable[[], Awaitable[None]]) -> Callable[[ProviderConfig], ScriptedClient]:
    return lambda config: Doing(_scripted(config), first)


def _scripted(config: ProviderConfig) -> rc.Scripted:
    assert isinstance(config, rc.Scripted)
    return config


async def fails_by_itself() -> None:
    raise ZeroDivisionError(f"the key is {SECRET}")


async def is_cancelled_by_somebody_else() -> None:
    raise asyncio.CancelledError


async def goes_on_with_the_next(here: Stage) -> None:
    turn = here.ask("and now?")
    await here.until(rc.Completed, turn)
    assert here.texts()[-1] == "and now?"


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("misdeed", [fails_by_itself, is_cancelled_by_somebody_else])
def test_whatever_a_client_does_the_turn_ends_and_nothing_leaks(
    misdeed: Callable[[], Awaitable[None]], streaming: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with stage(scripted(ECHO, streaming=streaming), doing(misdeed)) as here:
            turn = here.ask()
            failed = await here.until(rc.Failed, turn)

            assert isinstance(failed, rc.Failed)
            assert (failed.code, failed.retryable) == ("internal", False)
            assert SECRET not in repr(here.events)
            await goes_on_with_the_next(here)

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_an_answer_that_breaks_off_for_its_form_is_counted_and_what_was_said_is_told() -> None:
    async def main() -> None:
        async with stage(scripted(), lambda config: Broken(_scripted(config))) as here:
            turn = here.ask()
            failed = await here.until(rc.Failed, turn)

            assert isinstance(failed, rc.Failed)
            assert (failed.code, failed.partial_text) == ("protocol", "one two")
            assert "TokenUpdate" in here.of_turn(turn)
            assert here.texts() == ["hello"]

    run(main())


def test_the_stream_is_read_no_further_than_the_outbox_has_room_and_goes_on_when_it_has() -> None:
    async def main() -> None:
        client = Gushing(rc.Scripted())
        async with stage(scripted(limits=rc.Limits(outbox_bytes=5_000)), lambda _: client) as here:
            here.taking.clear()
            turn = here.ask()
            await asyncio.sleep(100)
            assert 40 <= client.taken <= 60

            here.taking.set()
            await here.until(rc.Completed, turn)
            assert len(here.said()) == 1_000_000

    run(main())


@pytest.mark.parametrize("policy", OnInterrupt)
def test_an_interrupt_closes_the_stream_also_where_it_waits_for_room(policy: OnInterrupt) -> None:
    async def main() -> None:
        client = Gushing(rc.Scripted())
        config = scripted(limits=rc.Limits(outbox_bytes=5_000), on_interrupt=policy)
        async with stage(config, lambda _: client) as here:
            here.taking.clear()
            here.ask()
            await asyncio.sleep(100)

            here.tell(rc.Interrupt())
            await asyncio.sleep(0)
            await asyncio.sleep(0)

            assert client.closed

    run(main())


def test_a_client_that_is_slow_to_let_go_holds_up_the_end_of_the_session_and_no_message() -> None:
    async def lets_go_slowly() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1_000)

    async def main() -> None:
        async with stage(scripted(ECHO), doing(lets_go_slowly)) as here:
            here.ask()
            await here.until_state(State.REQUESTING)
            await asyncio.sleep(1)

            here.tell(rc.Interrupt())
            await goes_on_with_the_next(here)
            assert asyncio.get_running_loop().time() < 100

            await here.host.close("s", drain=False)
            assert asyncio.get_running_loop().time() > 1_000

    run(main())


def test_an_interrupted_request_leaves_no_task_behind() -> None:
    async def main() -> None:
        async with stage(scripted((Wait(),), ECHO)) as here:
            await asyncio.sleep(1)
            before = len(asyncio.all_tasks())
            here.ask()
            await asyncio.sleep(1)
            assert len(asyncio.all_tasks()) == before + 1

            here.tell(rc.Interrupt())
            await asyncio.sleep(0.001)

            assert len(asyncio.all_tasks()) == before

    run(main())
