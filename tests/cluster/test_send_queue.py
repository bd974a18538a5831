"""The send queue: messages arrive in order, in batches, and each gets its own receipt or error."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from rayconteur.errors import SessionBusy
from rayconteur.runtime import Receipt
from rayconteur.runtime.cluster.send_queue import AddressedMessage, SendQueue


class FakeActor:
    """Accepts messages once the test sets *free*. It rejects those that say "no"."""

    def __init__(self) -> None:
        self.calls: list[list[AddressedMessage]] = []
        self.error: Exception | None = None
        self.free = asyncio.Event()

    async def tell(self, messages: list[AddressedMessage]) -> list[Receipt | Exception]:
        self.calls.append(messages)
        await self.free.wait()
        if self.error:
            raise self.error
        return [_receipt_or_error(number, data) for number, (_, data) in enumerate(messages)]


def _receipt_or_error(number: int, data: bytes) -> Receipt | Exception:
    return SessionBusy("busy") if data == b"no" else Receipt(turn=number, seq=0)


def run_with_actor(test: Callable[[FakeActor, SendQueue], Coroutine[None, None, None]]) -> None:
    async def main() -> None:
        actor = FakeActor()
        await test(actor, SendQueue(actor.tell))

    asyncio.run(main())


async def start_sending(queue: SendQueue, *messages: bytes) -> list[asyncio.Task[Receipt]]:
    """Send each message in a task of its own, and let the first call start."""
    tasks = [asyncio.create_task(queue.send("raven", data)) for data in messages]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


def test_messages_sent_during_a_call_share_the_next_one_in_order() -> None:
    async def test(actor: FakeActor, queue: SendQueue) -> None:
        first = await start_sending(queue, b"a")
        rest = await start_sending(queue, b"b", b"c", b"d")

        actor.free.set()
        await asyncio.gather(*first, *rest)

        assert [[data for _, data in batch] for batch in actor.calls] == [[b"a"], [b"b", b"c", b"d"]]

    run_with_actor(test)


def test_a_rejected_message_does_not_affect_the_others_of_its_batch() -> None:
    async def test(actor: FakeActor, queue: SendQueue) -> None:
        actor.free.set()

        one, two, three = await asyncio.gather(*await start_sending(queue, b"a", b"no", b"c"), return_exceptions=True)

        assert isinstance(one, Receipt)
        assert isinstance(two, SessionBusy)
        assert isinstance(three, Receipt)

    run_with_actor(test)


def test_a_failed_call_raises_for_each_of_its_messages_and_the_next_one_is_sent() -> None:
    async def test(actor: FakeActor, queue: SendQueue) -> None:
        actor.error = ConnectionError("gone")
        actor.free.set()
        failed = await asyncio.gather(*await start_sending(queue, b"a", b"b"), return_exceptions=True)
        actor.error = None

        receipt = await queue.send("raven", b"c")

        assert [type(error) for error in failed] == [ConnectionError, ConnectionError]
        assert receipt.turn == 0

    run_with_actor(test)


def test_a_message_cancelled_before_its_call_is_not_sent() -> None:
    async def test(actor: FakeActor, queue: SendQueue) -> None:
        first = await start_sending(queue, b"a")
        cancelled, kept = await start_sending(queue, b"b", b"c")

        cancelled.cancel()
        await asyncio.sleep(0)
        actor.free.set()
        await asyncio.gather(*first, kept)

        assert [data for batch in actor.calls for _, data in batch] == [b"a", b"c"]

    run_with_actor(test)


@pytest.mark.parametrize(("size_bytes", "expected_calls"), [(10, 4), (1 << 20, 200)])
def test_a_batch_is_limited_in_messages_and_in_bytes(size_bytes: int, expected_calls: int) -> None:
    async def test(actor: FakeActor, queue: SendQueue) -> None:
        actor.free.set()

        await asyncio.gather(*await start_sending(queue, *[bytes(size_bytes)] * 200))

        assert len(actor.calls) == expected_calls

    run_with_actor(test)
