"""A compaction under way."""

import logging
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from ...compaction.compact import shorten
from ...compaction.config import Compaction
from ...compaction.task import Ask, Task
from ...providers.configs import ProviderConfig
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
        task = Task(
            messages=wanted.messages,
            budget_tokens=wanted.budget_tokens,
            window_tokens=wanted.window_tokens,
            running_turn=wanted.running_turn,
            tokens=wanted.tokens,
            ask=self._ask,
        )
        try:
            shortened = await shorten(task, compaction)
        except Exception as error:
            log.error("a compaction failed in an unforeseen way", exc_info=error)
            problem = f"{type(error).__name__} inside the runtime; its log has more"
            return ev.CompactionEnded(compaction=wanted.number, problem=problem)
        return ev.CompactionEnded(
            compaction=wanted.number,
            messages=shortened.messages,
            problem=shortened.report.problem,
            report=shortened.report,
        )

    async def _ask(self, ask: Ask) -> Answer:
        """An answer that is no part of the conversation.

        Raises:
            ProviderError: there is none.
        """
        public: ProviderConfig = ask.provider or self.wanted.config.provider
        client = self.wallet.client(public)
        draft = Draft(client.provider)
        settings = Settings(system=ask.system, max_output_tokens=ask.max_output_tokens, prompt_caching=False)
        async with aclosing(client.stream(Request(number=0, messages=ask.messages, settings=settings))) as answer:
            async for deltas in answer:
                draft.add(deltas)
        whole = draft.finish()
        return msgspec.structs.replace(whole, usage=public.facts.priced(whole.usage))
