"""The response to a request, while it arrives."""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from .decompression import PIECE_BYTES, Decompressor
from .errors import InvalidResponse, ServerDisconnected
from .response_parser import Head

Take = Callable[[bytes], None]
"""Takes a piece of a body."""

End = Callable[[Exception | None], None]
"""Takes the end of a body: ``None``, or the error that ended it early."""

# Of a body that nobody reads yet.
_UNREAD_BYTES = 256 << 10


class Flow(Protocol):
    """What an exchange needs of its connection."""

    def pause(self) -> None:
        """Read no more from the server until ``resume``."""
        ...

    def resume(self) -> None:
        """Read on."""
        ...

    def abort(self) -> None:
        """Close it at once, with all that has not been sent."""
        ...


class Exchange:
    """Waits for the ``head`` of a response, then gives its body to whoever reads it, in the callback of the socket.

    A model's tokens arrive one by one, and to wake a task for each costs more than to read it. A silence of
    *idle_timeout_s* ends the exchange with an error; time in which it is paused does not count.
    """

    def __init__(self, flow: Flow, idle_timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        self.head: asyncio.Future[Head] = loop.create_future()
        self.heard_at = loop.time()
        """When the last bytes arrived."""
        self._flow = flow
        self._loop = loop
        self._idle_timeout_s = idle_timeout_s
        self._timer = loop.call_later(idle_timeout_s, self._check_silence)
        self._take: Take = self._buffer
        self._end: End | None = None
        self._decompressor: Decompressor | None = None
        self._decompressing: asyncio.Handle | None = None  # the next piece, after a full one
        self._is_behind = False  # whether there may be more to decompress
        self._unread: list[bytes] = []
        self._unread_bytes = 0
        self._is_paused = False
        self._is_over = False
        self._error: Exception | None = None

    def read(self, take: Take, end: End) -> None:
        """Give each piece of the body to *take*, as it arrives, and its end to *end*, once.

        It begins with what has arrived already.
        """
        self._take, self._end = take, end
        unread, self._unread = self._unread, []
        if self._is_paused:
            self.resume()
        if unread:
            take(b"".join(unread))
        if self._is_over and not self._is_behind:
            self._report_end()

    def pause(self) -> None:
        """Read no more until ``resume``."""
        self._is_paused = True
        if not self._is_over:
            self._flow.pause()

    def resume(self) -> None:
        """Read on."""
        self._is_paused = False
        self.heard_at = self._loop.time()
        if self._is_behind:
            self._decompress_later()
        elif not self._is_over:
            self._flow.resume()

    def close(self) -> None:
        """Read no more for good; the end is not reported. The connection of a body that has not ended is closed."""
        self._take, self._end, self._is_behind = _ignore, None, False
        if self._decompressing:
            self._decompressing.cancel()
        if not self.head.cancel() and not self.head.cancelled():
            self.head.exception()  # nobody waits for it any more
        if not self._is_over:
            self._stop()
            self._flow.abort()

    def hand_on(self, head: Head, data: bytes) -> None:
        """*data*, more of the body, has arrived, with or after *head*."""
        if not self.head.done():
            if coding := _coding(head.headers.get("content-encoding", ""), head.headers.get("transfer-encoding", "")):
                self._decompressor = Decompressor(coding)
            self.head.set_result(head)
        if self._decompressor is not None:
            self._decompressor.feed(data)
            if not self._is_behind:
                self._is_behind = True
                self._decompress()
        elif data:
            self._take(data)

    def finish(self, error: Exception | None) -> None:
        """The body has ended, or *error* has ended it, or there is no response for it."""
        if self._is_over:
            return
        if self._is_paused or self._is_behind:
            self._flow.resume()  # the next response comes over the same connection
        self._stop()
        self._error = error
        if not self.head.done():
            self.head.set_exception(error or ServerDisconnected("the server closed the connection"))
        elif error or not self._is_behind:
            self._report_end()

    def _buffer(self, data: bytes) -> None:
        """Keep *data* until somebody reads it."""
        self._unread.append(data)
        self._unread_bytes += len(data)
        if self._unread_bytes > _UNREAD_BYTES and not self._is_paused:
            self.pause()

    def _decompress(self) -> None:
        """Give what there is to decompress: a piece at a time, between which other tasks run."""
        self._decompressing = None
        assert self._decompressor is not None
        while self._is_behind and not self._is_paused:
            try:
                piece = self._decompressor.read()
            except InvalidResponse as error:
                self._fail(error)
                return
            if piece:
                self._take(piece)
            if len(piece) == PIECE_BYTES:
                if not self._is_over:
                    self._flow.pause()
                self._decompress_later()
                return
            if not piece:
                self._is_behind = False
                self._catch_up()

    def _decompress_later(self) -> None:
        if self._decompressing is None and self._is_behind:
            self._decompressing = self._loop.call_soon(self._decompress)

    def _catch_up(self) -> None:
        """All that has arrived is decompressed."""
        if not self._is_over:
            self._flow.resume()
        else:
            self._report_end()

    def _fail(self, error: InvalidResponse) -> None:
        self._is_behind = False
        if self._is_over:
            self._error = error
            self._report_end()
        else:
            self.finish(error)
            self._flow.abort()

    def _report_end(self) -> None:
        if self._end is None:
            return
        end, self._end = self._end, None
        error, self._error = self._error, None  # whose traceback will have frames that refer to this object
        if error is None and self._decompressor and not self._decompressor.is_complete:
            error = InvalidResponse("the compressed body is incomplete")
        end(error)

    def _stop(self) -> None:
        self._is_over = True
        self._timer.cancel()

    def _check_silence(self) -> None:
        is_waiting = self._is_paused or self._is_behind
        left_s = self._idle_timeout_s if is_waiting else self.heard_at + self._idle_timeout_s - self._loop.time()
        if left_s <= 0:
            self.finish(TimeoutError(f"nothing arrived for {self._idle_timeout_s:g} s"))
            self._flow.abort()
        else:
            self._timer = self._loop.call_later(left_s, self._check_silence)


@lru_cache(maxsize=64)  # servers have a few forms of these headers
def _coding(own: str, transfer: str) -> str:
    """How a body is compressed, by its *own* coding or that of its *transfer* (RFC 9112, section 7), if it is."""
    named = f"{own},{transfer}".lower().split(",")
    return ",".join(coding for each in named if (coding := each.strip()) not in ("", "identity", "chunked"))


def _ignore(_: bytes) -> None:
    """Take what nobody wants any more."""
