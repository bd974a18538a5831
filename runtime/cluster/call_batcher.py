"""A call batcher: items that are submitted at the same moment share one Ray call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

Outcomes = Sequence[Exception | None]
"""One entry for each item: ``None``, or the error that it failed with."""


class CallBatcher(Generic[T]):
    """Turns *call*, which handles many items, into a function of one. Items of one turn of the event loop share a call.

    Calls do not wait for each other: a slow one delays only the items in it.
    """

    def __init__(self, call: Callable[[list[T]], Awaitable[Outcomes]]) -> None:
        self._call = call
        self._items: list[T] = []
        self._done: list[asyncio.Future[None]] = []  # of each item
        self._in_flight: set[asyncio.Task[None]] = set()

    def __call__(self, item: T) -> asyncio.Future[None]:
        """Handle one item. The future fails with the error that the call reports for it, or that the call raises."""
        loop = asyncio.get_running_loop()
        if not self._items:
            loop.call_soon(self._start_batch)
        done: asyncio.Future[None] = loop.create_future()
        self._items.append(item)
        self._done.append(done)
        return done

    def _start_batch(self) -> None:
        task = asyncio.get_running_loop().create_task(self._run_batch(self._items, self._done))
        self._items, self._done = [], []
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _run_batch(self, items: list[T], futures: Sequence[asyncio.Future[None]]) -> None:
        outcomes: Outcomes
        try:
            outcomes = await self._call(items)
        except Exception as error:  # any error of the call: it is raised where the items were submitted
            outcomes = [error] * len(items)
        for done, failure in zip(futures, outcomes, strict=True):
            if done.done():
                continue
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)
