"""Reading what follows the end of an answer in its body."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Self

from ..schema.deltas import Delta
from .streams.decoder import AnswerDecoder


class BodyTail:
    """Reads the rest of a body, *chunks*, into *decoder*; an async context manager.

    The caller goes on after a moment, and the reading with it. *errors* of the connection end it: what follows the end
    of an answer may be missing.
    """

    def __init__(
        self, chunks: AsyncIterator[bytes], decoder: AnswerDecoder, errors: tuple[type[Exception], ...]
    ) -> None:
        self._chunks = chunks
        self._decoder = decoder
        self._errors = errors
        self._deltas: list[Delta] = []
        self._task: asyncio.Task[None] | None = None
        self._has_ended = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    @property
    def is_unread(self) -> bool:
        """True if the reading has begun, and not reached the end of the body."""
        return self._task is not None and not self._has_ended

    async def read_on(self, gap_s: float) -> list[Delta]:
        """The deltas until the answer or the body ends, or none has come for *gap_s*."""
        deltas: list[Delta] = []
        while not self._decoder.done and (more := await self.read(gap_s)):
            deltas += more
        return deltas

    async def read(self, limit_s: float) -> list[Delta]:
        """The deltas that have come when the body ends, or after *limit_s*."""
        self._task = self._task or asyncio.create_task(self._read())
        await asyncio.wait({self._task}, timeout=limit_s)
        deltas, self._deltas = self._deltas, []
        return deltas

    async def _read(self) -> None:
        with suppress(*self._errors):
            async for chunk in self._chunks:
                self._deltas += self._decoder.feed(chunk)
            self._has_ended = True
