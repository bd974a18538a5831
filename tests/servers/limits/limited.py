"""A provider with Anthropic's API that enforces limits: it answers 429 and 529, and says in headers what is left."""

import asyncio
import json
from collections import Counter, deque
from dataclasses import dataclass, field

from builders.anthropic import START, STOP, events
from servers.loopback import Exchange

_DELTA = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word "}}'


@dataclass(slots=True)
class Limited:
    """Enforces *requests* and *output_tokens* in any *period_s*, and turns away what is beyond *concurrent* requests.

    An answer has *answer_tokens* and takes *answer_s*. *statuses* counts the answers, by their status, *answered* those
    of each user, who is named in the request's first message; *most* is the most requests in flight.
    """

    requests: int = 1_000_000
    output_tokens: int = 1_000_000
    concurrent: int = 1_000
    period_s: float = 60.0
    answer_tokens: int = 10
    answer_s: float = 0.01
    statuses: Counter[int] = field(default_factory=Counter[int])
    answered: Counter[str] = field(default_factory=Counter[str])
    most: int = 0
    _in_flight: int = 0
    _used: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])  # when, and output tokens

    async def respond(self, exchange: Exchange) -> None:
        """Answer a request."""
        now = asyncio.get_running_loop().time()
        while self._used and self._used[0][0] <= now - self.period_s:
            self._used.popleft()
        used_tokens = sum(tokens for _, tokens in self._used)
        if len(self._used) >= self.requests or used_tokens >= self.output_tokens:
            await self._refuse(exchange, 429, "rate_limit_error", self._used[0][0] + self.period_s - now)
        elif self._in_flight >= self.concurrent:
            await self._refuse(exchange, 529, "overloaded_error", None)
        else:
            self._used.append((now, self.answer_tokens))
            await self._answer(exchange, self.requests - len(self._used))

    async def _refuse(self, exchange: Exchange, status: int, kind: str, retry_after_s: float | None) -> None:
        self.statuses[status] += 1
        body = json.dumps({"type": "error", "error": {"type": kind, "message": "no"}}).encode()
        headers = {} if retry_after_s is None else {"retry_after": f"{retry_after_s:.3f}"}
        await exchange.send_answer(body, status, content_type="application/json", **headers)

    async def _answer(self, exchange: Exchange, remaining: int) -> None:
        self._in_flight += 1
        self.most = max(self.most, self._in_flight)
        try:
            await exchange.send_head(
                anthropic_ratelimit_requests_limit=str(self.requests),
                anthropic_ratelimit_requests_remaining=str(remaining),
            )
            await asyncio.sleep(self.answer_s)
            usage = f'"usage":{{"output_tokens":{self.answer_tokens}}}'
            end = f'{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},{usage}}}'
            block = '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
            stop = '{"type":"content_block_stop","index":0}'
            await exchange.send_chunk(events(START, block, *(_DELTA,) * self.answer_tokens, stop, end, STOP))
            await exchange.end_body()
        finally:
            self._in_flight -= 1
        self.statuses[200] += 1
        first = json.loads(exchange.request.body)["messages"][0]["content"]
        self.answered[first if isinstance(first, str) else first[0]["text"]] += 1
