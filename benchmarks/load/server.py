"""The load server: answers requests for a stream, at once or at a given pace. It ends when its standard input does.

    python -m rayconteur.benchmarks.load.server --tokens-per-s 50 --first-token-s 0.2

It prints its address. The token limit of a request is the number of text deltas of its answer. With ``--reports`` it
also prints when each request arrives, and when a connection closes before the end of its answer.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from itertools import count
from typing import Protocol, cast

import msgspec

from .answer import Answer, AnswerSchedule
from .answers import APIS, TOOL_SAMPLES, Api, text_parts, tool_parts
from .event_loop import new_event_loop
from .pace import Pace, add_pace_arguments
from .pipe import Pipe
from .refusals import overloaded_response, rate_limited_response
from .reports import Report, Seen
from .request import RequestBody, RequestParser, decode_body
from .request_plan import Outcome, RequestPlan, gaps_s, plan_request
from .timer_wheel import TimerWheel

_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
_APIS = {api.path: api for api in APIS}
_MAX_UNREAD_BYTES = 1_000_000
_MAX_UNSENT_BYTES = 256 * 1024

_See = Callable[[Seen, int], None]
"""Notes what is seen of the request for a number of tokens."""


class Scheduler(Protocol):
    """Decides the answer of each request."""

    def schedule(self, api: Api, request: RequestBody) -> AnswerSchedule | bytes:
        """The answer of the next request: a stream, or the bytes of a refusal."""
        ...


class PacedScheduler:
    """Decides the answer of each request by the pace and the request's number."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._numbers = count()

    def schedule(self, api: Api, request: RequestBody) -> AnswerSchedule | bytes:
        """The answer of the next request: a stream, or the bytes of a refusal."""
        number = next(self._numbers)
        plan = plan_request(self._pace, number)
        match plan.outcome:
            case Outcome.OVERLOADED:
                return overloaded_response(api)
            case Outcome.LIMITED:
                return rate_limited_response(api, self._pace.retry_after_s)
            case Outcome.WHOLE | Outcome.CUT:
                return self._stream(api, request, plan, number)

    def _stream(self, api: Api, request: RequestBody, plan: RequestPlan, number: int) -> AnswerSchedule:
        if plan.calls_tool and api in TOOL_SAMPLES and (tool := request.callable_tool(self._pace.tool_steps)):
            parts = tool_parts(api, tool, number)
            deltas = len(parts.ring)
        else:
            parts = text_parts(api)
            limit = request.token_limit
            deltas = limit if plan.deltas is None else min(limit, plan.deltas)
        cut = plan.outcome is Outcome.CUT
        return AnswerSchedule(
            parts=parts,
            deltas=max(1, int(deltas * plan.cut)) if cut else deltas,
            first_s=plan.first_s,
            gaps_s=gaps_s(self._pace),
            gap=plan.gap,
            cut=cut,
        )


class _Connection(asyncio.Protocol):
    """Answers the requests of a connection one after the other. It stops reading if the client stops reading."""

    def __init__(self, scheduler: Scheduler, wheel: TimerWheel, see: _See) -> None:
        self._scheduler = scheduler
        self._wheel = wheel
        self._see = see
        self._tokens = 0
        self._parser = RequestParser()
        self._answer: Answer | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports don't inherit from it
        self._transport.set_write_buffer_limits(high=_MAX_UNSENT_BYTES)
        self._pipe = Pipe(self._transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        if self._answer is None and not self._paused:
            self._answer_next()
        elif len(self._parser) > _MAX_UNREAD_BYTES:
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
            self._answer_next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer:
            self._answer.abort()
            self._see(Seen.CLOSED, self._tokens)

    def _on_answered(self) -> None:
        self._answer = None
        if not self._paused:
            self._answer_next()

    def _answer_next(self) -> None:
        self._transport.resume_reading()
        while self._answer is None and not self._paused and (request := self._parser.next_request()):
            path, body = request
            if api := _APIS.get(path):
                decoded = decode_body(body)
                self._tokens = decoded.token_limit
                self._start(self._scheduler.schedule(api, decoded))
                self._see(Seen.ARRIVED, self._tokens)
            else:
                self._pipe.write(_NOT_FOUND)

    def _start(self, answer: AnswerSchedule | bytes) -> None:
        if isinstance(answer, AnswerSchedule):
            self._answer = Answer(self._pipe, self._wheel, answer, self._on_answered)
        else:
            self._pipe.write(answer)


def _print_report(seen: Seen, tokens: int) -> None:
    print(msgspec.json.encode(Report(seen, tokens, time.monotonic())).decode(), flush=True)


def _report_nothing(seen: Seen, tokens: int) -> None:
    del seen, tokens


async def serve(host: str, port: int, scheduler: Scheduler, see: _See = _report_nothing) -> None:
    """Serve at that address of this machine until standard input ends."""
    loop, wheel = asyncio.get_running_loop(), TimerWheel()
    server = await loop.create_server(lambda: _Connection(scheduler, wheel, see), host, port, backlog=4_096)
    async with server:
        print(f"http://{host}:{server.sockets[0].getsockname()[1]}", flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; loopback by default")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--reports", action="store_true", help="print when requests arrive and connections close")
    add_pace_arguments(parser)
    parsed = parser.parse_args()
    try:
        pace = Pace.from_arguments(parsed)
    except msgspec.ValidationError as error:
        parser.error(str(error))
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        see = _print_report if parsed.reports else _report_nothing
        runner.run(serve(parsed.host, parsed.port, PacedScheduler(pace), see))


if __name__ == "__main__":
    main()
