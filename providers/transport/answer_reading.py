"""Reading an answer: from the pieces of a body to the deltas for whoever asked, without a task between them."""

import asyncio
from typing import Protocol

from ..schema.client import Sink
from ..schema.deltas import Delta, UsageReported
from .connections.exchange import End, Take
from .rate_limit_headers import RateLimitInserter
from .streams.decoder import AnswerDecoder

# After the end of an answer comes the end of the HTTP body. Once it is read, the connection can be reused.
_TAIL_S = 0.1
# Of Google, the reason for stopping is the last thing documented; some gateways send token counts or text after it.
_SETTLED_S = 0.5


class Reading(Protocol):
    """The reading of a body, while it lasts."""

    def pause(self) -> None:
        """Read no more until ``resume``."""
        ...

    def resume(self) -> None:
        """Read on."""
        ...

    def close(self) -> None:
        """Read no more for good. The end is not reported."""
        ...


class Body(Protocol):
    """A body that can be read."""

    def read_body(self, take: Take, end: End) -> Reading:
        """Give each piece to *take* as it arrives, and the end to *end*, once."""
        ...


class AnswerReading:
    """Reads one answer through *decoder* into *sink*, which also gets the rate limits of *limits*.

    An answer in which nothing but keep-alives has arrived for *progress_timeout_s* is broken.
    """

    def __init__(
        self, decoder: AnswerDecoder, sink: Sink, limits: RateLimitInserter, progress_timeout_s: float
    ) -> None:
        self.broken: Exception | None = None
        """What broke the body off, or the answer that got stuck."""
        self._decoder = decoder
        self._feed = decoder.feed
        self._sink = sink
        self._limits = limits
        self._progress_timeout_s = progress_timeout_s
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._reader: Reading | None = None
        self._body_ended = False
        self._blocked: asyncio.Future[None] | None = None  # while *sink* has no room
        self._progress_at = self._loop.time()
        self._progress_timer = self._loop.call_later(progress_timeout_s, self._check_progress)
        self._tail_timer: asyncio.TimerHandle | None = None  # since all that has to come has come

    async def read(self, body: Body) -> None:
        """Read *body* to the end of the answer.

        Raises:
            ProviderError: the answer failed, or is incomplete, see ``broken``.
            Exception: what *sink* raised.
        """
        try:
            self._reader = body.read_body(self._take, self._end)
            if self._blocked:
                self._reader.pause()
            await self._over
            await self._wait_for_room()
            if deltas := self._decoder.close(clean=self._body_ended and self.broken is None):
                self._give(deltas)
                await self._wait_for_room()
            self._decoder.check()
            if deltas and not self._body_ended and not self.broken:
                await self._wait_for_end()
        finally:
            self._close()

    def _take(self, piece: bytes) -> None:
        decoder = self._decoder
        if deltas := self._feed(piece):
            self._give(deltas)
            if type(deltas[-1]) is not UsageReported:  # some servers send it with each keep-alive
                self._progress_at = self._loop.time()
        elif decoder.is_receiving and not piece.isspace():
            self._progress_at = self._loop.time()
        if not decoder.needs_more:
            self._await_tail(bool(deltas))

    def _give(self, deltas: list[Delta]) -> None:
        if not self._limits.done:
            deltas = self._limits.insert(deltas)
        try:
            waiting = self._sink(deltas)
        except Exception as error:  # a bug of whoever asked: it is theirs
            self._finish(error)
            if self._reader:
                self._reader.close()  # or more could come before this task runs again
            return
        if waiting is not None:
            self._blocked = asyncio.ensure_future(waiting)
            self._blocked.add_done_callback(self._unblock)
            if self._reader:
                self._reader.pause()

    def _unblock(self, blocked: asyncio.Future[None]) -> None:
        if blocked.cancelled() or blocked is not self._blocked:
            return
        self._blocked = None
        if error := blocked.exception():
            self._finish(error)
        elif self._reader:
            self._progress_at = self._loop.time()
            self._reader.resume()

    async def _wait_for_end(self) -> None:
        """Wait a moment for the end of the body, after an answer that nothing but the passing of time had ended."""
        self._over = self._loop.create_future()
        self._tail_timer = self._loop.call_later(_TAIL_S, self._end_tail)
        await self._over

    async def _wait_for_room(self) -> None:
        if blocked := self._blocked:
            await blocked
            self._blocked = None

    def _end(self, error: Exception | None) -> None:
        self._body_ended = True
        self.broken = error
        self._finish()

    def _await_tail(self, has_grown: bool) -> None:
        """Wait for what follows all that has to come: the end of the body, and of some vendors more of the answer."""
        if self._decoder.failed:
            self._finish()
        elif self._tail_timer is None or has_grown:
            self._cancel_tail_timer()
            wait_s = _TAIL_S if self._decoder.done else _SETTLED_S
            self._tail_timer = self._loop.call_later(wait_s, self._end_tail)

    def _end_tail(self) -> None:
        if self._blocked:
            self._tail_timer = self._loop.call_later(_TAIL_S, self._end_tail)
        else:
            self._finish()

    def _finish(self, error: BaseException | None = None) -> None:
        if self._over.done():
            return
        if error is None:
            self._over.set_result(None)
        else:
            self._over.set_exception(error)

    def _check_progress(self) -> None:
        left_s = self._progress_at + self._progress_timeout_s - self._loop.time()
        if self._blocked:
            left_s = self._progress_timeout_s
        if left_s <= 0:
            self.broken = TimeoutError(f"nothing but keep-alives arrived for {self._progress_timeout_s:g} s")
            self._finish()
        else:
            self._progress_timer = self._loop.call_later(left_s, self._check_progress)

    def _cancel_tail_timer(self) -> None:
        if self._tail_timer:
            self._tail_timer.cancel()

    def _close(self) -> None:
        self._progress_timer.cancel()
        self._cancel_tail_timer()
        if self._blocked:
            self._blocked.cancel()
        if self._reader:
            self._reader.close()
            self._reader = None  # it refers to this: without a cycle, all of the request is freed at once
