"""An event loop whose time stands still while anybody works, and jumps to the next timer when all wait."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """What *main* returns, without the waiting. Sockets and threads are not heard: only time may be waited for."""
    with runner() as one:
        return one.run(main)


def runner() -> asyncio.Runner:
    """For several that share a loop, one after the other."""
    return asyncio.Runner(loop_factory=_Loop)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now_s = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return self.now_s


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: _Loop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for good")
        self._loop.now_s += max(0.0, timeout)
        return super().select(0)
