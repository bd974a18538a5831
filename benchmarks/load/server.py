"""The load server: answers any request for a stream, fast or at a given pace. It ends when its standard input does.

    python -m rayconteur.benchmarks.load.server --tokens-per-s 50 --first-token-s 0.2

It prints its address. A request says by its token limit how many text deltas it wants.
"""

import argparse
import asyncio
import sys
from typing import cast

from .answer import Answer, Course
from .answers import APIS, Api, parts
from .pace import Pace
from .request import Inbox, asked
from .wheel import Wheel

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
_APIS = {api.path: api for api in APIS}
_MOST_UNREAD_BYTES = 1_000_000
_MOST_UNSENT_BYTES = 256 * 1024


class _Connection(asyncio.Protocol):
    """Reads requests, one after the other, and answers each. Whoever asks without reading is not read either."""

    def __init__(self, pace: Pace, wheel: Wheel) -> None:
        self._pace = pace
        self._wheel = wheel
        self._inbox = Inbox()
        self._answer: Answer | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by their class
        self._transport.set_write_buffer_limits(high=_MOST_UNSENT_BYTES)

    def data_received(self, data: bytes) -> None:
        assert self._transport
        self._inbox.add(data)
        if self._answer is None:
            self._go_on()
        elif len(self._inbox) > _MOST_UNREAD_BYTES:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        if self._answer:
            self._answer.pause()

    def resume_writing(self) -> None:
        if self._answer:
            self._answer.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer:
            self._answer.end()

    def _go_on(self) -> None:
        assert self._transport
        self._answer = None
        self._transport.resume_reading()
        while self._answer is None and (request := self._inbox.take()):
            path, body = request
            if api := _APIS.get(path):
                self._answer = self._begin(api, body)
            else:
                self._transport.write(_NOT_FOUND)

    def _begin(self, api: Api, body: bytes) -> Answer:
        assert self._transport
        gaps_s = (1 / self._pace.tokens_per_s,) if self._pace.tokens_per_s else ()
        course = Course(
            head=_HEAD % api.content_type.encode(),
            parts=parts(api),
            deltas=asked(body).deltas,
            first_s=self._pace.first_token_s,
            gaps_s=gaps_s,
        )
        return Answer(self._transport, self._wheel, course, self._go_on)


async def serve(port: int, pace: Pace) -> None:
    """Serve on loopback until standard input ends."""
    loop = asyncio.get_running_loop()
    wheel = Wheel()
    server = await loop.create_server(lambda: _Connection(pace, wheel), "127.0.0.1", port, backlog=4_096)
    async with server:
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--tokens-per-s", type=float, help="text deltas in a second; all at once if not given")
    parser.add_argument("--first-token-s", type=float, default=0.0, help="silence before the answer")
    given = parser.parse_args()
    try:
        from uvloop import new_event_loop as loop_factory
    except ImportError:
        loop_factory = asyncio.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(serve(given.port, Pace(given.tokens_per_s, given.first_token_s)))


if __name__ == "__main__":
    main()
