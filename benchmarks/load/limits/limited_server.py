"""A load server that enforces the limits of an account. It ends when its standard input does, and prints what it saw.

python -m rayconteur.benchmarks.load.limits.limited_server '{"requests": 100}'
"""

import asyncio
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from random import Random

import msgspec

from ..answer import AnswerSchedule
from ..answers import Api, text_parts
from ..event_loop import new_event_loop
from ..refusals import overloaded_response, rate_limited_response
from ..request import RequestBody
from ..server import serve


class AccountLimits(msgspec.Struct, frozen=True):
    """In any *period_s* so many *requests* and *output_tokens*, and *concurrent* requests in flight.

    An answer has a random length, *tokens* on average, at *tokens_per_s*.
    """

    requests: int = 100
    output_tokens: int = 1_000_000
    concurrent: int = 1_000
    period_s: float = 1.0
    tokens: int = 40
    tokens_per_s: float = 40.0


class Second(msgspec.Struct):
    """What a server has seen in a second: requests that were answered and turned down, and tokens of answers."""

    answered: int = 0
    limited: int = 0
    overloaded: int = 0
    tokens: int = 0


class LimitingScheduler:
    """Answers what is within the limits, in any period that ends now; turns down the rest. *seconds* is what it saw."""

    def __init__(self, limits: AccountLimits) -> None:
        self._limits = limits
        self._random = Random(0)
        self._used: deque[tuple[float, int]] = deque()  # times and tokens of the answers in the last period
        self._used_tokens = 0
        self._ends: deque[float] = deque()  # of the answers, about in order
        self.seconds: dict[int, Second] = {}

    def schedule(self, api: Api, request: RequestBody) -> AnswerSchedule | bytes:
        """The answer of the next request: a stream, or the bytes of a refusal."""
        now, limits = time.monotonic(), self._limits
        second = self.seconds.setdefault(int(now), Second())
        while self._used and self._used[0][0] <= now - limits.period_s:
            self._used_tokens -= self._used.popleft()[1]
        self._ends = deque(end for end in self._ends if end > now)
        if len(self._used) >= limits.requests or self._used_tokens >= limits.output_tokens:
            second.limited += 1
            return rate_limited_response(api, self._used[0][0] + limits.period_s - now)
        if len(self._ends) >= limits.concurrent:
            second.overloaded += 1
            return overloaded_response(api)
        tokens = min(request.token_limit, max(1, int(self._random.gammavariate(4, limits.tokens / 4))))
        self._used.append((now, tokens))
        self._used_tokens += tokens
        self._ends.append(now + tokens / limits.tokens_per_s)
        second.answered += 1
        second.tokens += tokens
        return AnswerSchedule(text_parts(api), tokens, 0.0, (1 / limits.tokens_per_s,), 0)


class LimitedServer:
    """A server that runs: its *url*, and what it *saw* in each second, once it has ended."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.saw: list[Second] = []


@contextmanager
def limited_server(limits: AccountLimits) -> Generator[LimitedServer]:
    """Runs a server on loopback that enforces *limits*."""
    command = [sys.executable, "-m", __spec__.name, msgspec.json.encode(limits).decode()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        server = LimitedServer(process.stdout.readline().strip())
        try:
            yield server
        finally:
            process.stdin.close()
            server.saw = msgspec.json.decode(process.stdout.read() or "[]", type=list[Second])


def main() -> None:
    """Serve with the limits of the command line."""
    scheduler = LimitingScheduler(msgspec.json.decode(sys.argv[1], type=AccountLimits))
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve("127.0.0.1", 0, scheduler))
    seconds = scheduler.seconds
    saw = [seconds.get(number, Second()) for number in range(min(seconds, default=0), max(seconds, default=-1) + 1)]
    print(msgspec.json.encode(saw).decode())


if __name__ == "__main__":
    main()
