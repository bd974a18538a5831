"""The load server: answers any request for a stream, fast or at a given pace. It ends when its standard input does.

    python -m rayconteur.benchmarks.load.server --tokens-per-s 50 --first-token-s 0.2

It prints its address. A request says by its token limit how many text deltas it wants.
"""

import argparse
import asyncio
import re
import sys
from dataclasses import dataclass

import msgspec

from .answers import APIS, Api, chunks, whole

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
_APIS = {api.path: api for api in APIS}
_length = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE).search
_tasks: set[asyncio.Task[None]] = set()


class _Inference(msgspec.Struct, rename="camel"):
    max_tokens: int | None = None


class _Generation(msgspec.Struct, rename="camel"):
    max_output_tokens: int | None = None


class _Asked(msgspec.Struct):
    """What counts of a request."""

    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    generation: _Generation = msgspec.field(name="generationConfig", default_factory=_Generation)
    inference: _Inference = msgspec.field(name="inferenceConfig", default_factory=_Inference)

    @property
    def deltas(self) -> int:
        limits = (
            self.max_tokens,
            self.max_completion_tokens,
            self.max_output_tokens,
            self.inference.max_tokens,
            self.generation.max_output_tokens,
        )
        return next(filter(None, limits), 100)


_asked = msgspec.json.Decoder(_Asked).decode


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an answer comes. ``None`` is all at once."""

    tokens_per_s: float | None = None
    first_token_s: float = 0.0


class _Connection(asyncio.Protocol):
    """Reads requests, one after the other, and answers each."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        length = _length(head)
        size = int(length[1]) if length else 0
        if not blank or len(rest) < size:
            return
        self._received = rest[size:]
        path = head.split(b" ", 2)[1].decode().partition("?")[0]
        assert self._transport
        if api := _APIS.get(path):
            answer = _answer(self._transport, api, _asked(rest[:size]).deltas, self._pace)
            task = asyncio.get_running_loop().create_task(answer)
            _tasks.add(task)
            task.add_done_callback(_tasks.discard)
        else:
            self._transport.write(_NOT_FOUND)


async def _answer(transport: asyncio.WriteTransport, api: Api, deltas: int, pace: Pace) -> None:
    now = asyncio.get_running_loop().time
    await asyncio.sleep(pace.first_token_s)
    transport.write(_HEAD % api.content_type.encode())
    if pace.tokens_per_s is None:
        transport.write(whole(api, deltas))
        return
    due_at = now()
    for chunk in chunks(api, deltas):
        if transport.is_closing():
            return
        transport.write(chunk)
        due_at += 1 / pace.tokens_per_s
        await asyncio.sleep(max(0.0, due_at - now()))


async def serve(port: int, pace: Pace) -> None:
    """Serve on loopback until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(pace), "127.0.0.1", port)
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
    asyncio.run(serve(given.port, Pace(given.tokens_per_s, given.first_token_s)))


if __name__ == "__main__":
    main()
