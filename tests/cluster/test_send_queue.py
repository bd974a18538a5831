"""The mail of one driver to one session actor."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from rayconteur.errors import SessionBusy
from rayconteur.runtime import Receipt
from rayconteur.runtime.cluster.send_queue import AddressedMessage, SendQueue


class Actor:
    """Takes messages when it is let. What says "no" is refused."""

    def __init__(self) -> None:
        self.heard: list[list[AddressedMessage]] = []
        self.error: Exception | None = None
        self.free = asyncio.Event()

    async def tell(self, messages: list[AddressedMessage]) -> list[Receipt | Exception]:
        self.heard.append(messages)
        await self.free.wait()
        if self.error:
            raise self.error
        return [_outcome(number, data) for number, (_, data) in enumerate(messages)]


def _outcome(number: int, data: bytes) -> Receipt | Exception:
    return SessionBusy("busy") if data == b"no" else Receipt(turn=number, seq=0)


def with_actor(test: Callable[[Actor, SendQueue], Coroutine[None, None, None]]) -> None:
    async def main() -> None:
        actor = Actor()
        await test(actor, SendQueue(actor.tell))

    asyncio.run(main())


async def sent(mail: SendQueue, *messages: bytes) -> list[asyncio.Task[Receipt]]:
    """Those messages on their way, from as many tasks."""
    tasks = [asyncio.create_task(mail.send("raven", data)) for data in messages]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


def test_what_comes_while_a_call_is_in_flight_goes_together_in_the_next_and_in_order() -> None:
    async def test(actor: Actor, mail: SendQueue) -> None:
        first = await sent(mail, b"a")
        rest = await sent(mail, b"b", b"c", b"d")

        actor.free.set()
        await asyncio.gather(*first, *rest)

        assert [[data for _, data in batch] for batch in actor.heard] == [[b"a"], [b"b", b"c", b"d"]]

    with_actor(test)


def test_a_message_that_is_refused_takes_no_other_along() -> None:
    async def test(actor: Actor, mail: SendQueue) -> None:
        actor.free.set()

        one, two, three = await asyncio.gather(*await sent(mail, b"a", b"no", b"c"), return_exceptions=True)

        assert isinstance(one, Receipt)
        assert isinstance(two, SessionBusy)
        assert isinstance(three, Receipt)

    with_actor(test)


def test_when_the_call_fails_everybody_in_it_hears_why_and_the_next_goes_out() -> None:
    async def test(actor: Actor, mail: SendQueue) -> None:
        actor.error = ConnectionError("gone")
        actor.free.set()
        failed = await asyncio.gather(*await sent(mail, b"a", b"b"), return_exceptions=True)
        actor.error = None

        receipt = await mail.send("raven", b"c")

        assert [type(error) for error in failed] == [ConnectionError, ConnectionError]
        assert receipt.turn == 0

    with_actor(test)


def test_a_message_cancelled_before_it_went_does_not_go() -> None:
    async def test(actor: Actor, mail: SendQueue) -> None:
        first = await sent(mail, b"a")
        dropped, kept = await sent(mail, b"b", b"c")

        dropped.cancel()
        await asyncio.sleep(0)
        actor.free.set()
        await asyncio.gather(*first, kept)

        assert [data for batch in actor.heard for _, data in batch] == [b"a", b"c"]

    with_actor(test)


@pytest.mark.parametrize(("size_bytes", "calls"), [(10, 4), (1 << 20, 200)])
def test_a_batch_is_bounded_in_number_and_in_bytes(size_bytes: int, calls: int) -> None:
    async def test(actor: Actor, mail: SendQueue) -> None:
        actor.free.set()

        await asyncio.gather(*await sent(mail, *[bytes(size_bytes)] * 200))

        assert len(actor.heard) == calls

    with_actor(test)
