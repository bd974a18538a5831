"""Readers of the blocking API."""

from collections.abc import Callable, Iterator
from typing import Self, TypeVar

from ...api.events import FromLLM
from ...events import reader
from .background_loop import BackgroundLoop

T = TypeVar("T")


class Reader:
    """``rayconteur.Reader``, an ordinary iterator."""

    def __init__(self, loop: BackgroundLoop, reader: reader.Reader) -> None:
        self.session_id = reader.session_id
        self._loop = loop
        self._reader = reader
        self._events: Iterator[FromLLM] = iter(())

    def __repr__(self) -> str:
        return repr(self._reader)

    @property
    def ended(self) -> bool:
        """True if no further events will arrive."""
        return self._reader.ended

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> FromLLM:
        while (event := next(self._events, None)) is None:
            self._events = iter(self.batch())
        return event

    def batch(self) -> list[FromLLM]:
        """The events of the next segment, or the rest of it: at least one.

        Raises:
            StopIteration: the reader has ended.
        """
        if rest := list(self._events):
            return rest
        try:
            return self._loop.run(self._reader.batch())
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """End the reader and drop what it holds. A thread that iterates over it leaves its loop."""
        self._events = iter(())
        self._loop.run(call_in_loop(self._reader.close))


async def call_in_loop(function: Callable[[], T]) -> T:
    """What *function* returns when it is called in the event loop."""
    return function()
