"""The call batcher: items submitted at the same moment share a call, and fail independently."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from rayconteur.runtime.cluster.call_batcher import CallBatcher


class FakeActor:
    """Handles items. "slow" waits until the test sets *free*, and "no" fails."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.error: Exception | None = None
        self.free = asyncio.Event()

    async def handle(self, items: list[str]) -> list[Exception | None]:
        self.calls.append(items)
        if "slow" in items:
            await self.free.wait()
        if self.error:
            raise self.error
        return [LookupError("no such item") if item == "no" else None for item in items]


def run_with_actor(test: Callable[[FakeActor, CallBatcher[str]], Coroutine[None, None, None]]) -> None:
    async def main() -> None:
        actor = FakeActor()
        await test(actor, CallBatcher(actor.handle))

    asyncio.run(main())


def test_items_submitted_at_the_same_moment_share_one_call() -> None:
    async def test(actor: FakeActor, submit: CallBatcher[str]) -> None:
        await asyncio.gather(submit("a"), submit("b"), submit("c"))
        await submit("d")

        assert actor.calls == [["a", "b", "c"], ["d"]]

    run_with_actor(test)


def test_a_later_item_does_not_wait_for_calls_in_flight() -> None:
    async def test(actor: FakeActor, submit: CallBatcher[str]) -> None:
        slow = asyncio.gather(submit("slow"), submit("with it"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        await submit("later")

        assert not slow.done()
        actor.free.set()
        await slow

    run_with_actor(test)


def test_an_error_of_one_item_is_raised_for_that_item_only() -> None:
    async def test(actor: FakeActor, submit: CallBatcher[str]) -> None:
        outcomes = await asyncio.gather(submit("a"), submit("no"), submit("b"), return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [type(None), LookupError, type(None)]
        assert len(actor.calls) == 1

    run_with_actor(test)


def test_a_failed_call_raises_for_all_of_its_items() -> None:
    async def test(actor: FakeActor, submit: CallBatcher[str]) -> None:
        actor.error = ConnectionError("gone")

        outcomes = await asyncio.gather(submit("a"), submit("b"), return_exceptions=True)

        assert list(outcomes) == [actor.error, actor.error]

    run_with_actor(test)


def test_cancelling_one_item_does_not_affect_the_others() -> None:
    async def test(actor: FakeActor, submit: CallBatcher[str]) -> None:
        cancelled, kept = submit("slow"), submit("b")
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        cancelled.cancel()
        actor.free.set()

        await kept
        with pytest.raises(asyncio.CancelledError):
            await cancelled

    run_with_actor(test)
