"""Calls that go together: many that are made in the same moment cost one Ray call, and not one each."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

Outcomes = Sequence[Exception | None]
"""For each thing why it was not done, if it was not."""


class Together(Generic[T]):
    """Does for one thing what *do* does for many: all that come in the same turn of the event loop go at once.

    Nothing waits for what came before, so that one that takes its time holds up those that came with it, at most.
    """

    def __init__(self, do: Callable[[list[T]], Awaitable[Outcomes]]) -> None:
        self._do = do
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def __call__(self, thing: T) -> None:
        """Do it. Whatever stood against it is raised."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._go)
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((thing, done))
        await done

    def _go(self) -> None:
        waiting, self._waiting = self._waiting, []
        task = asyncio.get_running_loop().create_task(self._see_through(waiting))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _see_through(self, waiting: Sequence[tuple[T, asyncio.Future[None]]]) -> None:
        outcomes: Outcomes
        try:
            outcomes = await self._do([thing for thing, _ in waiting])
        except Exception as error:  # whatever the call raises: those who wait read it
            outcomes = [error] * len(waiting)
        for (_, done), problem in zip(waiting, outcomes, strict=True):
            if done.done():
                continue
            if problem is None:
                done.set_result(None)
            else:
                done.set_exception(problem)
