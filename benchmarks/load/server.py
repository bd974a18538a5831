"""The load server: answers any request for a stream, fast or at a given pace. It ends when its standard input does.

    python -m rayconteur.benchmarks.load.server --tokens-per-s 50 --first-token-s 0.2

It prints its address. A request says by its token limit how many text deltas it wants.
"""

import argparse
import asyncio
import sys
from itertools import count
from typing import cast

import msgspec

from .answer import Answer, Course
from .answers import APIS, CALLS_TOOLS, Api, parts, tool_parts
from .event_loop import event_loop
from .pace import Pace, add_flags
from .pipe import Pipe
from .refusals import limited, overloaded
from .request import Asked, Inbox, asked
from .request_plan import Fate, Lot, draw, gaps_s
from .timer_wheel import Wheel

_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
_APIS = {api.path: api for api in APIS}
_MOST_UNREAD_BYTES = 1_000_000
_MOST_UNSENT_BYTES = 256 * 1024


class _Load:
    """What answers there are: by the pace, and by the number of the request."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._numbers = count()

    def next(self, api: Api, request: Asked) -> Course | bytes:
        """That of *request*, the next one: a stream or a refusal."""
        number = next(self._numbers)
        lot = draw(self._pace, number)
        match lot.fate:
            case Fate.OVERLOADED:
                return overloaded(api)
            case Fate.LIMITED:
                return limited(api, self._pace.retry_after_s)
            case Fate.WHOLE | Fate.CUT:
                return self._course(api, request, lot, number)

    def _course(self, api: Api, request: Asked, lot: Lot, number: int) -> Course:
        if lot.calls_tool and api in CALLS_TOOLS and (tool := request.tool):
            made = tool_parts(api, tool, number)
            deltas = len(made.ring)
        else:
            made = parts(api)
            deltas = request.limit if lot.deltas is None else min(request.limit, lot.deltas)
        cut = lot.fate is Fate.CUT
        return Course(
            parts=made,
            deltas=max(1, int(deltas * lot.cut)) if cut else deltas,
            first_s=lot.first_s,
            gaps_s=gaps_s(self._pace),
            gap=lot.gap,
            cut=cut,
        )


class _Connection(asyncio.Protocol):
    """Reads requests, one after the other, and answers each. Whoever asks without reading is not read either."""

    def __init__(self, load: _Load, wheel: Wheel) -> None:
        self._load = load
        self._wheel = wheel
        self._inbox = Inbox()
        self._answer: Answer | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by their class
        self._transport.set_write_buffer_limits(high=_MOST_UNSENT_BYTES)
        self._pipe = Pipe(self._transport)

    def data_received(self, data: bytes) -> None:
        self._inbox.add(data)
        if self._answer is None and not self._paused:
            self._go_on()
        elif len(self._inbox) > _MOST_UNREAD_BYTES:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._paused = True
        if self._answer:
            self._answer.pause()

    def resume_writing(self) -> None:
        self._paused = False
        if self._answer:
            self._answer.resume()
        else:
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer:
            self._answer.end()

    def _answered(self) -> None:
        self._answer = None
        if not self._paused:
            self._go_on()

    def _go_on(self) -> None:
        self._transport.resume_reading()
        while self._answer is None and not self._paused and (request := self._inbox.take()):
            path, body = request
            if api := _APIS.get(path):
                self._begin(self._load.next(api, asked(body)))
            else:
                self._pipe.write(_NOT_FOUND)

    def _begin(self, what: Course | bytes) -> None:
        if isinstance(what, Course):
            self._answer = Answer(self._pipe, self._wheel, what, self._answered)
        else:
            self._pipe.write(what)


async def serve(host: str, port: int, pace: Pace) -> None:
    """Serve at that address of this machine until standard input ends."""
    loop = asyncio.get_running_loop()
    load, wheel = _Load(pace), Wheel()
    server = await loop.create_server(lambda: _Connection(load, wheel), host, port, backlog=4_096)
    async with server:
        print(f"http://{host}:{server.sockets[0].getsockname()[1]}", flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; loopback, if not given")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    add_flags(parser)
    given = parser.parse_args()
    try:
        pace = Pace.read(given)
    except msgspec.ValidationError as error:
        parser.error(str(error))
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(serve(given.host, given.port, pace))


if __name__ == "__main__":
    main()
