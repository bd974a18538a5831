"""Calls that go together."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from rayconteur.runtime.cluster.call_batcher import CallBatcher


class Actor:
    """Does what it is asked when it is let. "no" can't be done."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.error: Exception | None = None
        self.free = asyncio.Event()

    async def do(self, things: list[str]) -> list[Exception | None]:
        self.asked.append(things)
        if "slow" in things:
            await self.free.wait()
        if self.error:
            raise self.error
        return [LookupError("no such thing") if thing == "no" else None for thing in things]


def with_actor(test: Callable[[Actor, CallBatcher[str]], Coroutine[None, None, None]]) -> None:
    async def main() -> None:
        actor = Actor()
        await test(actor, CallBatcher(actor.do))

    asyncio.run(main())


def test_what_comes_in_the_same_moment_goes_in_one_call() -> None:
    async def test(actor: Actor, do: CallBatcher[str]) -> None:
        await asyncio.gather(do("a"), do("b"), do("c"))
        await do("d")

        assert actor.asked == [["a", "b", "c"], ["d"]]

    with_actor(test)


def test_what_comes_later_waits_for_nothing_that_is_under_way() -> None:
    async def test(actor: Actor, do: CallBatcher[str]) -> None:
        slow = asyncio.gather(do("slow"), do("with it"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        await do("later")

        assert not slow.done()
        actor.free.set()
        await slow

    with_actor(test)


def test_what_stands_against_one_thing_is_told_to_nobody_else() -> None:
    async def test(actor: Actor, do: CallBatcher[str]) -> None:
        outcomes = await asyncio.gather(do("a"), do("no"), do("b"), return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [type(None), LookupError, type(None)]
        assert len(actor.asked) == 1

    with_actor(test)


def test_a_call_that_fails_fails_for_all_that_went_with_it() -> None:
    async def test(actor: Actor, do: CallBatcher[str]) -> None:
        actor.error = ConnectionError("gone")

        outcomes = await asyncio.gather(do("a"), do("b"), return_exceptions=True)

        assert list(outcomes) == [actor.error, actor.error]

    with_actor(test)


def test_who_gives_up_waiting_changes_nothing_for_the_others() -> None:
    async def test(actor: Actor, do: CallBatcher[str]) -> None:
        gives_up, waits = asyncio.create_task(do("slow")), asyncio.create_task(do("b"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        gives_up.cancel()
        actor.free.set()

        await waits
        with pytest.raises(asyncio.CancelledError):
            await gives_up

    with_actor(test)
