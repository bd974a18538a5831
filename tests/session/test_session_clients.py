"""Clients that do what they shouldn't, or take their time, and what a session makes of it."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

import pytest
from fixtures.session import SessionFixture, running_session, scripted_config
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


async def goes_on_with_the_next(session: SessionFixture) -> None:
    turn = session.ask("and now?")
    await session.wait_for_event(rc.Completed, turn)
    assert session.history_texts()[-1] == "and now?"


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("misdeed", [fails_by_itself, is_cancelled_by_somebody_else])
def test_a_client_that_raises_or_is_cancelled_fails_the_turn_and_leaks_no_secret(
    misdeed: Callable[[], Awaitable[None]], streaming: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with running_session(scripted_config(ECHO, streaming=streaming), doing(misdeed)) as session:
            turn = session.ask()
            failed = await session.wait_for_event(rc.Failed, turn)

            assert isinstance(failed, rc.Failed)
            assert (failed.code, failed.retryable) == ("internal", False)
            assert SECRET not in repr(session.events)
            await goes_on_with_the_next(session)

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_a_malformed_answer_is_counted_and_its_text_is_reported() -> None:
    async def main() -> None:
        async with running_session(scripted_config(), lambda config: Broken(_scripted(config))) as session:
            turn = session.ask()
            failed = await session.wait_for_event(rc.Failed, turn)

            assert isinstance(failed, rc.Failed)
            assert (failed.code, failed.partial_text) == ("protocol", "one two")
            assert "TokenUpdate" in session.event_kinds(turn)
            assert session.history_texts() == ["hello"]

    run(main())


def test_a_full_outbox_pauses_the_stream_until_there_is_room() -> None:
    async def main() -> None:
        client = Gushing(rc.Scripted())
        async with running_session(scripted_config(limits=rc.Limits(outbox_bytes=5_000)), lambda _: client) as session:
            session.router_accepts.clear()
            turn = session.ask()
            await asyncio.sleep(100)
            assert 40 <= client.taken <= 60

            session.router_accepts.set()
            await session.wait_for_event(rc.Completed, turn)
            assert len(session.text()) == 1_000_000

    run(main())


@pytest.mark.parametrize("policy", OnInterrupt)
def test_an_interrupt_closes_a_stream_that_waits_for_room_in_the_outbox(policy: OnInterrupt) -> None:
    async def main() -> None:
        client = Gushing(rc.Scripted())
        config = scripted_config(limits=rc.Limits(outbox_bytes=5_000), on_interrupt=policy)
        async with running_session(config, lambda _: client) as session:
            session.router_accepts.clear()
            session.ask()
            await asyncio.sleep(100)

            session.tell(rc.Interrupt())
            await asyncio.sleep(0)
            await asyncio.sleep(0)

            assert client.closed

    run(main())


def test_a_client_that_is_slow_to_close_delays_only_the_end_of_the_session() -> None:
    async def lets_go_slowly() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1_000)

    async def main() -> None:
        async with running_session(scripted_config(ECHO), doing(lets_go_slowly)) as session:
            session.ask()
            await session.wait_for_state(State.REQUESTING)
            await asyncio.sleep(1)

            session.tell(rc.Interrupt())
            await goes_on_with_the_next(session)
            assert asyncio.get_running_loop().time() < 100

            await session.close(drain=False)
            assert asyncio.get_running_loop().time() > 1_000

    run(main())


def test_an_interrupted_request_leaves_no_task_behind() -> None:
    async def main() -> None:
        async with running_session(scripted_config((Wait(),), ECHO)) as session:
            await asyncio.sleep(1)
            before = len(asyncio.all_tasks())
            session.ask()
            await asyncio.sleep(1)
            assert len(asyncio.all_tasks()) == before + 1

            session.tell(rc.Interrupt())
            await asyncio.sleep(0.001)

            assert len(asyncio.all_tasks()) == before

    run(main())
