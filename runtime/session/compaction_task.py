"""The task that runs one compaction."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec

from ...compaction.compaction_run import compact
from ...compaction.config import Compaction
from ...compaction.job import CompactionJob, SideRequest
from ...providers.registry import ProviderConfig
from ...providers.schema.client import Client, CompactingClient
from ...providers.schema.draft import Answer, Draft
from ...providers.schema.errors import ConfigError
from ...providers.schema.messages import Message, Origin
from ...providers.schema.request import Request, Settings, WireMemo
from ..core import events as ev
from ..core.instructions import StartCompaction
from .credentials import Credentials

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CompactionTask:
    """Runs one compaction. Cancelling it aborts its requests, too. *memo* is that of the session's requests."""

    start: StartCompaction
    credentials: Credentials
    memo: WireMemo

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
            window_tokens=start.window_tokens,
            running_turn=start.running_turn,
            count_tokens=start.estimator.tokens,
            send=self._send,
            compact_natively=self._natively(),
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
        draft = Draft(client.provider)
        settings = Settings(system=request.system, max_output_tokens=request.max_output_tokens, prompt_caching=False)
        await client.stream(Request(number=0, messages=request.messages, settings=settings), draft.add)
        answer = draft.finish()
        return msgspec.structs.replace(answer, usage=public.facts.priced(answer.usage))

    def _natively(self) -> Callable[[Sequence[Message], str | None], Awaitable[Answer]] | None:
        """How the session's provider compacts its messages; ``None`` if it can't."""
        provider = self.start.config.provider
        if not provider.facts.compacts:
            return None
        client = self.credentials.client(provider)
        if not isinstance(client, CompactingClient):
            return None

        async def compact(messages: Sequence[Message], instructions: str | None) -> Answer:
            answer = await client.compact(self._compaction_request(client, messages), instructions)
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
            answered = msgspec.structs.replace(settings, system=prompts[-1].system, tools=prompts[-1].tools)
            try:
                client.check_settings(answered)
                settings = answered
            except ConfigError:
                prompts = ()
        return Request(0, messages, settings, self.memo, prompts if len(prompts) > 1 else ())
