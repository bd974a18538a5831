"""Let the provider compact the history with its own API."""

from collections.abc import Sequence
from typing import ClassVar

from ...providers.schema.content import Opaque, is_blank
from ...providers.schema.draft import Answer
from ...providers.schema.errors import IncompleteAnswer, InvalidConfig, ProviderError
from ...providers.schema.messages import Message, Origin, Role
from ...providers.schema.usage import NONE_YET, Usage, estimated
from ..job import CompactionJob
from ..sized_history import SizedHistory
from ..strategy import FIELD, KeepsRecentTurns, Scope, StrategyResult
from ..summaries.summary_message import native_summary

_EXPECTED_TOKENS = 4_000
"""For planning: what a provider's summary may come to."""


class NativeCompaction(KeepsRecentTurns, frozen=True, kw_only=True):
    """Has the session's own provider compact old turns, where its API offers that for the model (``ModelFacts``).

    The result is opaque: only that provider can read it, and requests to it begin with it. When the session changes to
    another provider, model or account, the original messages come back. Elsewhere the strategy changes nothing.

    *instructions* replace the provider's own, where it takes any. *timeout_s* bounds the request,
    without the waits between retries.

    https://platform.claude.com/docs/en/build-with-claude/compaction-on-demand and
    https://platform.openai.com/docs/guides/compaction.
    """

    counts: ClassVar[tuple[str, ...]] = ("keep_recent_turns",)

    instructions: str | None = None
    timeout_s: float = 120.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.timeout_s > 0:
            raise InvalidConfig(f"{FIELD}.timeout_s", "give more than 0 seconds")
        if self.instructions is not None and is_blank(self.instructions):
            raise InvalidConfig(f"{FIELD}.instructions", "are blank; leave them out to use the provider's own")

    async def compact(self, history: SizedHistory, job: CompactionJob, scope: Scope) -> StrategyResult:
        stop = self._stop(history, job, scope)
        if job.compact_natively is None or not stop:
            return StrategyResult(history)
        messages, usage = history.messages[:stop], NONE_YET
        sent = Usage(input=estimated(history.tokens_before[stop]))
        try:
            async with job.limit_time(self.timeout_s):
                answer = await job.compact_natively(messages, self.instructions)
        except TimeoutError:
            usage, problem = sent, f"the provider's compaction took longer than {self.timeout_s:g} s"
        except IncompleteAnswer as error:
            usage, problem = sent, f"the provider's compaction failed: {error.code}: {error.message}"
        except (ProviderError, InvalidConfig) as error:
            problem = f"the provider's compaction failed: {error.code}: {error}"
        else:
            usage = answer.usage
            summary = _summary(messages, answer)
            tokens = job.count_tokens(summary) if summary else 0
            if summary and tokens < history.tokens_before[stop]:
                return StrategyResult(history.with_replacement(0, stop, summary, tokens), usage=usage)
            wrote = "a summary that is no shorter than the messages" if summary else "no summary"
            problem = f"the provider wrote {wrote} ({answer.stop_reason})"
        return StrategyResult(history, usage=usage, problem=problem)

    def _stop(self, history: SizedHistory, job: CompactionJob, scope: Scope) -> int:
        """The index up to which messages are compacted: the start of a turn that follows an answer; 0 for none."""
        recent_start = history.recent_start(self.keep_recent_turns)
        limit = max(job.window_tokens or 0, job.budget_tokens)
        stops = [
            start
            for start in history.turn_starts
            if start and history.messages[start - 1].role is Role.ASSISTANT and history.tokens_before[start] <= limit
        ]
        stop = max((start for start in stops if start <= recent_start), default=0)
        if scope is Scope.ALL_TURNS:
            excess = history.tokens - job.budget_tokens + _EXPECTED_TOKENS
            enough = (start for start in stops if start >= stop and history.tokens_before[start] >= excess)
            stop = next(enough, max(stops, default=0))
        return stop if any(not message.is_native_summary for message in history.messages[:stop]) else 0


def _summary(messages: Sequence[Message], answer: Answer) -> Message | None:
    content = tuple(block for block in answer.content if isinstance(block, Opaque))
    return native_summary(messages, content, answer.origin or Origin(source="")) if content else None
