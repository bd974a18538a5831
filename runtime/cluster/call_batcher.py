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
        self._pending: list[tuple[T, asyncio.Future[None]]] = []
        self._in_flight: set[asyncio.Task[None]] = set()

    async def __call__(self, item: T) -> None:
        """Handle one item. Raises the error that the call reports for it, or that the call itself raises."""
        loop = asyncio.get_running_loop()
        if not self._pending:
            loop.call_soon(self._start_batch)
        done: asyncio.Future[None] = loop.create_future()
        self._pending.append((item, done))
        await done

    def _start_batch(self) -> None:
        batch, self._pending = self._pending, []
        task = asyncio.get_running_loop().create_task(self._run_batch(batch))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _run_batch(self, batch: Sequence[tuple[T, asyncio.Future[None]]]) -> None:
        outcomes: Outcomes
        try:
            outcomes = await self._call([item for item, _ in batch])
        except Exception as error:  # any error of the call: it is raised where the items were submitted
            outcomes = [error] * len(batch)
        for (_, done), failure in zip(batch, outcomes, strict=True):
            if done.done():
                continue
            if failure is None:
                done.set_result(None)
            else:
                done.set_exception(failure)
