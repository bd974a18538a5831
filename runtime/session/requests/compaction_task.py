"""The task that runs one compaction."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field

import msgspec

from ....compaction.compaction_run import compact
from ....compaction.config import Compaction
from ....compaction.job import CompactionJob, SideRequest
from ....providers.registry import ProviderConfig
from ....providers.schema.client import Client, CompactingClient
from ....providers.schema.draft import Answer, Draft
from ....providers.schema.errors import ConfigError, ProviderError
from ....providers.schema.messages import Message, Origin
from ....providers.schema.request import Request, Settings, WireMemo
from ....providers.text_tools.protocol import check_settings, text_request, uses_text
from ...core import events as ev
from ...core.instructions import StartCompaction
from ...core.retry import backoff_delay_s
from .credentials import Credentials
from .request_task import failure_of, named_message

log = logging.getLogger(__name__)

_SUMMARY_ATTEMPTS = 3
"""A summary is requested so often at most if the answers are none: each of them costs what it would have cost."""


class _TimeLimit:
    """A limit for the time that the requests of a strategy take. Waiting until one is sent again does not count."""

    def __init__(self) -> None:
        self._timeout: asyncio.Timeout | None = None

    def begin(self, seconds: float) -> asyncio.Timeout:
        """What ends after so many *seconds*: one strategy runs after the other."""
        self._timeout = asyncio.timeout(seconds)
        return self._timeout

    async def wait(self, seconds: float) -> None:
        """Wait so long, in addition to the limit."""
        if self._timeout and (ends_at := self._timeout.when()) is not None:
            self._timeout.reschedule(ends_at + seconds)
        await asyncio.sleep(seconds)

    @contextmanager
    def paused(self) -> Generator[None]:
        """The time does not pass meanwhile."""
        timeout, loop = self._timeout, asyncio.get_running_loop()
        if timeout is None or (ends_at := timeout.when()) is None:
            yield
            return
        began_at = loop.time()
        timeout.reschedule(None)
        try:
            yield
        finally:
            timeout.reschedule(ends_at + loop.time() - began_at)


@dataclass(frozen=True, slots=True)
class CompactionTask:
    """Runs one compaction. Cancelling it aborts its requests, too. *memo* is that of the session's requests."""

    start: StartCompaction
    credentials: Credentials
    memo: WireMemo
    session_id: str
    _limit: _TimeLimit = field(default_factory=_TimeLimit)

    async def run(self) -> ev.CompactionEnded:
        """Compact the history by the configured strategy."""
        compaction = self.start.config.compaction
        if compaction is None:
            return self._failed("no compaction strategy is configured")
        try:
            return await self._compact(compaction)
        except Exception as error:
            log.error("unhandled error in a compaction", exc_info=error)
            return self._failed(f"{type(error).__name__} in the runtime; see the log of the session's process")

    async def _compact(self, compaction: Compaction) -> ev.CompactionEnded:
        start = self.start
        job = CompactionJob(
            messages=start.messages,
            budget_tokens=start.budget_tokens,
            recent_budget_tokens=start.recent_budget_tokens,
            window_tokens=start.window_tokens,
            limit_tokens=start.limit_tokens,
            running_turn=start.running_turn,
            turns_since=start.turns_since,
            summary_attempts=min(start.config.retry.max_attempts, _SUMMARY_ATTEMPTS),
            count_tokens=start.estimator.tokens,
            send=self._send,
            compact_natively=self._natively(),
            limit_time=self._limit.begin,
        )
        result = await compact(job, compaction)
        return ev.CompactionEnded(
            compaction=start.number,
            messages=result.messages,
            problem=result.report.problem,
            report=result.report,
        )

    def _failed(self, problem: str) -> ev.CompactionEnded:
        return ev.CompactionEnded(compaction=self.start.number, problem=problem)

    async def _send(self, request: SideRequest) -> Answer:
        """The answer to a request that is not part of the conversation.

        Raises:
            ProviderError: the request failed.
        """
        public: ProviderConfig = request.provider or self.start.config.provider
        client = self.credentials.client(public)
        settings = Settings(system=request.system, max_output_tokens=request.max_output_tokens, prompt_caching=False)
        tokens = sum(map(self.start.estimator.tokens, request.messages))
        answer = await self._with_retries(lambda: _answer(client, request.messages, settings), public, tokens)
        return msgspec.structs.replace(answer, usage=public.facts.priced(answer.usage))

    async def _with_retries(self, send: Callable[[], Awaitable[Answer]], public: ProviderConfig, tokens: int) -> Answer:
        """The answer of *send*, a request of about *tokens*, which is called again as the session's retry policy says.

        Raises:
            ProviderError: the last request failed. The error names its provider, *public*, as those of turns do.
        """
        policy, now, attempt = self.start.config.retry, asyncio.get_running_loop().time, 0
        started_at = now()
        while True:
            attempt += 1
            try:
                return await self._admitted(send, public, tokens)
            except ProviderError as error:
                failed = ev.RequestFailed(
                    request=0, failure=failure_of(error), elapsed_s=now() - started_at, jitter=random.random()
                )
                delay_s = backoff_delay_s(policy, failed, attempt)
                if delay_s is None:
                    raise _named(error, self.credentials.with_secrets(public)) from None
                log.info("a request of a compaction is sent again in %.1f s: %s", delay_s, error.code)
            await self._limit.wait(delay_s)

    async def _admitted(self, send: Callable[[], Awaitable[Answer]], public: ProviderConfig, tokens: int) -> Answer:
        if (gate := self.credentials.gate) is None:
            return await send()
        account = self.credentials.account(public)
        with self._limit.paused():
            admission = await gate.admit_side(self.session_id, self.start.config, public, account, tokens)
        return await gate.send(admission, public, send)

    def _natively(self) -> Callable[[Sequence[Message], str | None], Awaitable[Answer]] | None:
        """How the session's provider compacts its messages; ``None`` if it can't."""
        provider = self.start.config.provider
        if not provider.facts.compacts:
            return None
        client = self.credentials.client(provider)
        if not isinstance(client, CompactingClient):
            return None

        async def compact(messages: Sequence[Message], instructions: str | None) -> Answer:
            request = self._compaction_request(client, messages)
            if uses_text(request.settings, provider.facts):
                request = text_request(request)
            tokens = sum(map(self.start.estimator.tokens, messages))
            answer = await self._with_retries(lambda: client.compact(request, instructions), provider, tokens)
            source = self.credentials.source(provider)
            origin = Origin(source=source, prefix=self.memo.prefix, previous=self.memo.previous)
            return msgspec.structs.replace(answer, usage=provider.facts.priced(answer.usage), origin=origin)

        return compact

    def _compaction_request(self, client: Client, messages: Sequence[Message]) -> Request:
        """*messages* with the prompts and settings under which they were sent: signed thinking is bound to these.

        Where only another provider accepts them, which was asked before, they are those of the next request.
        """
        settings = self.start.config
        prompts = tuple(prompt for prompt in self.start.prompts if prompt.start < len(messages))
        if prompts:
            try:
                answered = msgspec.structs.replace(settings, system=prompts[-1].system, tools=prompts[-1].tools)
                check_settings(client, answered, answered.provider.facts)
                settings = answered
            except ConfigError:
                prompts = ()
        return Request(0, messages, settings, self.memo, prompts if len(prompts) > 1 else ())


async def _answer(client: Client, messages: Sequence[Message], settings: Settings) -> Answer:
    draft = Draft(client.provider)
    await client.stream(Request(number=0, messages=messages, settings=settings), draft.add)
    return draft.finish()


def _named(error: ProviderError, provider: ProviderConfig) -> ProviderError:
    """*error*, with a message that names *provider*, resolved."""
    named = copy(error)
    if named.args[:1] == (error.message,):
        named.args = (named_message(error, provider), *named.args[1:])
    return named
