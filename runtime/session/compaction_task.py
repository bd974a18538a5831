"""A compaction under way."""

import logging
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from ...compaction.compaction_run import compact
from ...compaction.config import Compaction
from ...compaction.job import CompactionJob, SideRequest
from ...providers.registry import ProviderConfig
from ...providers.schema.draft import Answer, Draft
from ...providers.schema.request import Request, Settings
from ..core import events as ev
from ..core.instructions import Shorten
from .credentials import Wallet

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shortening:
    """One compaction. Cancelling the task that runs it aborts its requests, too."""

    wanted: Shorten
    wallet: Wallet

    async def run(self, compaction: Compaction) -> ev.CompactionEnded:
        """See it through by *compaction*."""
        wanted = self.wanted
        job = CompactionJob(
            messages=wanted.messages,
            budget_tokens=wanted.budget_tokens,
            window_tokens=wanted.window_tokens,
            running_turn=wanted.running_turn,
            count_tokens=wanted.tokens,
            send=self._send,
        )
        try:
            result = await compact(job, compaction)
        except Exception as error:
            log.error("a compaction failed in an unforeseen way", exc_info=error)
            problem = f"{type(error).__name__} inside the runtime; its log has more"
            return ev.CompactionEnded(compaction=wanted.number, problem=problem)
        return ev.CompactionEnded(
            compaction=wanted.number,
            messages=result.messages,
            problem=result.report.problem,
            report=result.report,
        )

    async def _send(self, request: SideRequest) -> Answer:
        """The answer to a request that is not part of the conversation.

        Raises:
            ProviderError: the request failed.
        """
        public: ProviderConfig = request.provider or self.wanted.config.provider
        client = self.wallet.client(public)
        draft = Draft(client.provider)
        settings = Settings(system=request.system, max_output_tokens=request.max_output_tokens, prompt_caching=False)
        async with aclosing(client.stream(Request(number=0, messages=request.messages, settings=settings))) as answer:
            async for deltas in answer:
                draft.add(deltas)
        whole = draft.finish()
        return msgspec.structs.replace(whole, usage=public.facts.priced(whole.usage))
