"""Sessions with clients that fail, are cancelled, stream without end, or are slow to close."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import pytest
from fixtures.session import SESSION_KEY, SessionFixture, running_session, scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.providers import ProviderConfig, StopReason
from rayconteur.providers.schema.client import Sink
from rayconteur.providers.schema.deltas import AnswerEnded, AnswerStarted, Delta, TextDelta
from rayconteur.providers.schema.request import Request
from rayconteur.providers.scripted.client import ScriptedClient
from rayconteur.runtime import OnInterrupt, State, WhenBusy
from rayconteur.scripted import Say, Wait

SECRET = "sk-never-to-be-seen"
ECHO = (Say(),)


class ClientWithFirstCall(ScriptedClient):
    """Awaits *first_call* in its first request, and then answers as scripted."""

    def __init__(self, config: rc.Scripted, first_call: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._first_call = first_call

    async def stream(self, request: Request, sink: Sink) -> None:
        if request.number == 1:
            await self._first_call()
        await super().stream(request, sink)

    async def complete(self, request: Request) -> Sequence[Delta]:
        if request.number == 1:
            await self._first_call()
        return await super().complete(request)


class EndlessClient(ScriptedClient):
    """Streams a million characters, as long as there is room, and counts the chunks that were *read*."""

    def __init__(self, config: rc.Scripted) -> None:
        super().__init__(config)
        self.read = 0
        self.closed = False

    async def stream(self, request: Request, sink: Sink) -> None:
        try:
            sink([AnswerStarted("m", "endless")])
            while self.read < 10_000:
                if room := sink([TextDelta(0, "x" * 100)]):
                    await room
                self.read += 1
            sink([AnswerEnded(StopReason.END_TURN, None)])
        finally:
            self.closed = True


class BusyClient(ScriptedClient):
    """Streams on until it is cancelled, and keeps the *sink* of its request."""

    sink: Sink

    async def stream(self, request: Request, sink: Sink) -> None:
        self.sink = sink
        sink([AnswerStarted("m", "busy"), TextDelta(0, "before")])
        await asyncio.Event().wait()


class MalformedClient(ScriptedClient):
    """Starts its answer a second time in the middle of it."""

    async def stream(self, request: Request, sink: Sink) -> None:
        started = AnswerStarted("m", "malformed")
        sink([started, TextDelta(0, "one "), TextDelta(0, "two"), started, TextDelta(0, "three")])


def with_first_call(first_call: Callable[[], Awaitable[None]]) -> Callable[[ProviderConfig], ScriptedClient]:
    return lambda config: ClientWithFirstCall(_scripted(config), first_call)


def _scripted(config: ProviderConfig) -> rc.Scripted:
    assert isinstance(config, rc.Scripted)
    return config


async def raise_error_with_secret() -> None:
    raise ZeroDivisionError(f"the key is {SECRET}")


async def raise_cancelled_error() -> None:
    raise asyncio.CancelledError


async def assert_next_turn_completes(session: SessionFixture) -> None:
    turn = session.ask("and now?")
    await session.wait_for_event(rc.Completed, turn)
    assert session.history_texts()[-1] == "and now?"


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("first_call", [raise_error_with_secret, raise_cancelled_error])
def test_a_client_that_raises_or_is_cancelled_fails_the_turn_and_leaks_no_secret(
    first_call: Callable[[], Awaitable[None]], streaming: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with running_session(scripted_config(ECHO, streaming=streaming), with_first_call(first_call)) as session:
            turn = session.ask()
            failed = await session.wait_for_event(rc.Failed, turn)

            assert isinstance(failed, rc.Failed)
            assert (failed.code, failed.retryable) == ("internal", False)
            assert SECRET not in repr(session.events)
            await assert_next_turn_completes(session)

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_a_malformed_answer_is_counted_and_its_text_is_reported() -> None:
    async def main() -> None:
        async with running_session(scripted_config(), lambda config: MalformedClient(_scripted(config))) as session:
            turn = session.ask()
            failed = await session.wait_for_event(rc.Failed, turn)

            assert isinstance(failed, rc.Failed)
            assert (failed.code, failed.partial_text) == ("protocol", "one two")
            assert "TokenUpdate" in session.event_kinds(turn)
            assert session.history_texts() == ["hello"]

    run(main())


def test_a_full_outbox_pauses_the_stream_until_there_is_room() -> None:
    async def main() -> None:
        client = EndlessClient(rc.Scripted())
        async with running_session(scripted_config(limits=rc.Limits(outbox_bytes=5_000)), lambda _: client) as session:
            session.router_accepts.clear()
            turn = session.ask()
            await asyncio.sleep(100)
            assert 40 <= client.read <= 60

            session.router_accepts.set()
            await session.wait_for_event(rc.Completed, turn)
            assert len(session.text()) == 1_000_000

    run(main())


def test_a_changed_outbox_limit_applies_to_the_running_stream() -> None:
    async def main() -> None:
        client = EndlessClient(rc.Scripted())
        async with running_session(scripted_config(), lambda _: client) as session:
            session.router_accepts.clear()
            session.ask()
            session.tell(rc.Configure(limits=rc.Limits(outbox_bytes=5_000)))
            await asyncio.sleep(100)
            assert 40 <= client.read <= 60

            session.tell(rc.Configure(limits=rc.Limits(outbox_bytes=10_000_000)))
            session.router_accepts.set()
            await session.wait_for_event(rc.Completed)
            assert session.host.settings(SESSION_KEY).limits.outbox_bytes == 10_000_000

    run(main())


@pytest.mark.parametrize("policy", OnInterrupt)
def test_an_interrupt_closes_a_stream_that_waits_for_room_in_the_outbox(policy: OnInterrupt) -> None:
    async def main() -> None:
        client = EndlessClient(rc.Scripted())
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
    async def wait_and_close_slowly() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1_000)

    async def main() -> None:
        async with running_session(scripted_config(ECHO), with_first_call(wait_and_close_slowly)) as session:
            session.ask()
            await session.wait_for_state(State.REQUESTING)
            await asyncio.sleep(1)

            session.tell(rc.Interrupt())
            await assert_next_turn_completes(session)
            assert asyncio.get_running_loop().time() < 100

            await session.close(drain=False)
            assert asyncio.get_running_loop().time() > 1_000

    run(main())


def test_a_client_that_fails_long_after_its_cancellation_does_not_affect_the_next_request() -> None:
    async def fail_late() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(5)
            raise RuntimeError from None

    async def main() -> None:
        async with running_session(scripted_config((Say("a"), Wait())), with_first_call(fail_late)) as session:
            session.ask()
            await session.wait_for_state(State.REQUESTING)
            await asyncio.sleep(1)
            turn = session.ask("and now?", when_busy=WhenBusy.INTERRUPT)
            await asyncio.sleep(10)
            assert session.state is State.STREAMING

            session.tell(rc.Interrupt())
            await asyncio.sleep(1)

            assert session.event_kinds(turn)[-1] == "Interrupted"
            assert not [task for task in asyncio.all_tasks() if "_run_request" in repr(task)]

    run(main())


@pytest.mark.parametrize("policy", list(OnInterrupt))
def test_what_arrives_between_an_interrupt_and_the_end_of_its_request_is_dropped(policy: OnInterrupt) -> None:
    async def main() -> None:
        client = BusyClient(rc.Scripted())
        async with running_session(scripted_config(on_interrupt=policy), lambda _: client) as session:
            turn = session.ask()
            await session.wait_for_event(rc.TextChunk, turn)
            session.tell(rc.Interrupt())
            client.sink([TextDelta(0, "after")])  # in the callback of the socket, before the task has run again
            await session.wait_for_event(rc.Interrupted, turn)
            await session.wait_for_state(State.IDLE)

            assert session.event_kinds(turn)[-1] == "Interrupted"
            assert session.text() == "before"
            assert not any("after" in text for text in session.history_texts())

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
