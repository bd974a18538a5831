"""Replace old turns by a summary that a model writes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Self, cast

import msgspec

from ...providers.model_names import model
from ...providers.registry import ProviderConfig
from ...providers.schema.content import is_blank
from ...providers.schema.errors import InvalidConfig, ProviderError
from ..job import CompactionJob
from ..sized_history import SizedHistory
from ..strategy import FIELD, KeepsRecentTurns, Scope, StrategyResult
from ..summaries.summary_message import summary_text
from ..summaries.summary_writer import INSTRUCTIONS, NoSummary, SummaryWriter

_NOTE_TOKENS = 40
"""An upper bound for the note in front of a summary that says what it is."""

_SUMMARY_SHARE = 0.2
"""A summary has at most this share of what a request may have of the history."""

_LEAST_SUMMARY_TOKENS = 100
"""Less is not enough for a summary, however small the context window is."""

_LEAST_SPAN_TOKENS = 100
"""Messages that come to less stay: a summary of them, with its note, would be as long."""


class Summarize(KeepsRecentTurns, frozen=True, kw_only=True):
    """Replaces old turns by a summary of at most *max_summary_tokens*, which the session's own model writes.

    Old steps of the last turn are summarized too if that is needed to fit. Earlier summaries become part of the new
    one, except for what a provider compacted by itself, which stays. Messages that are shorter than their summary stay.
    If a summary can't be had, the history is unchanged.

    With *every_turns* it runs whenever so many turns have passed since the last compaction, too.

    *provider*, a config or a name such as ``"openai:gpt-5-mini"``, is another model to write it. *timeout_s* bounds all
    requests of one compaction together, without the waits between retries. *prompt* replaces the instructions that tell
    the model what to keep.
    """

    counts: ClassVar[tuple[str, ...]] = ("keep_recent_turns", "max_summary_tokens", "every_turns")

    max_summary_tokens: int = 2_048
    timeout_s: float = 60.0
    provider: ProviderConfig | None = None
    prompt: str | None = None
    every_turns: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        provider = cast(object, self.provider)
        if isinstance(provider, str):
            msgspec.structs.force_setattr(self, "provider", model(provider))
        elif provider is not None and not isinstance(provider, ProviderConfig):
            kind = type(provider).__name__
            raise InvalidConfig(f"{FIELD}.provider", f"give the config of a provider, or provider:model, not a {kind}")
        if not self.timeout_s > 0:
            raise InvalidConfig(f"{FIELD}.timeout_s", "give more than 0 seconds")
        if self.prompt is not None and is_blank(self.prompt):
            raise InvalidConfig(f"{FIELD}.prompt", "is blank; leave it out to use the default prompt")

    def is_due_by_turns(self, turns: int, turns_since: int) -> bool:
        del turns
        return self.every_turns is not None and turns_since > self.every_turns

    def with_providers(self, change: Callable[[ProviderConfig], ProviderConfig]) -> Self:
        if self.provider is None:
            return self
        try:
            return msgspec.structs.replace(self, provider=change(self.provider))
        except InvalidConfig as error:
            raise InvalidConfig(f"{FIELD}.{error.field}", error.problem) from error

    def providers(self) -> tuple[ProviderConfig, ...]:
        return () if self.provider is None else (self.provider,)

    async def compact(self, history: SizedHistory, job: CompactionJob, scope: Scope) -> StrategyResult:
        writer = SummaryWriter(job, self.prompt or INSTRUCTIONS, self._summary_tokens(job), self.provider)
        compacted, problem = history, None
        try:
            async with job.limit_time(self.timeout_s):
                compacted = await self._summarize(history, writer, job, scope)
        except TimeoutError:
            problem = f"the summary took longer than {self.timeout_s:g} s"
        except ProviderError as error:
            problem = f"the request for a summary failed: {error.code}: {error.message}"
        except NoSummary as error:
            problem = str(error)
        return StrategyResult(compacted, _new_summary_chars(history, compacted), writer.usage, problem)

    def _summary_tokens(self, job: CompactionJob) -> int:
        """What a summary may have: so much less than the history may that it is not dropped to make room again."""
        return min(self.max_summary_tokens, max(_LEAST_SUMMARY_TOKENS, int(job.most_tokens * _SUMMARY_SHARE)))

    async def _summarize(
        self, history: SizedHistory, writer: SummaryWriter, job: CompactionJob, scope: Scope
    ) -> SizedHistory:
        recent_start = history.recent_start(self.keep_recent_turns)
        if scope is Scope.OLD_TURNS:
            return await _carry_out(_Plan(recent_start, 0), history, writer, job)
        plan = self._plan(history, recent_start, job)
        compacted = await _carry_out(plan, history, writer, job)
        if compacted.tokens > job.budget_tokens:  # the summaries are longer than planned: summarize all there is
            plan = _Plan(compacted.last_turn_start, compacted.last_step_start)
            compacted = await _carry_out(plan, compacted, writer, job)
        return compacted

    def _plan(self, history: SizedHistory, recent_start: int, job: CompactionJob) -> "_Plan":
        """The least that has to be summarized to fit; old turns in any case."""
        summary_tokens = self._summary_tokens(job) + _NOTE_TOKENS
        excess = history.tokens - job.budget_tokens
        before, user_message = history.tokens_before, history.last_turn_start
        for start in history.turn_starts:
            if start >= recent_start and before[start] - summary_tokens >= excess:
                return _Plan(start, 0)
        excess -= max(0, before[user_message] - summary_tokens)
        enough = before[user_message + 1] + summary_tokens + excess
        step_starts = (start for start in history.step_starts[1:] if before[start] >= enough)
        return _Plan(user_message, next(step_starts, history.last_step_start))


@dataclass(frozen=True, slots=True)
class _Plan:
    """Summarize the messages before *turn_cut*, and those between the last user message and *step_cut*."""

    turn_cut: int
    step_cut: int

    def spans(self, history: SizedHistory) -> Iterator[tuple[int, int]]:
        """The spans to summarize, the last one first so that earlier indexes stay valid; none of summaries alone."""
        first = 1 if history.messages[:1] and history.messages[0].is_native_summary else 0
        for start, stop in ((history.last_turn_start + 1, self.step_cut), (first, self.turn_cut)):
            tokens = sum(history.message_tokens[start:stop])
            if tokens >= _LEAST_SPAN_TOKENS and any(m.stands_for is None for m in history.messages[start:stop]):
                yield start, stop


async def _carry_out(plan: _Plan, history: SizedHistory, writer: SummaryWriter, job: CompactionJob) -> SizedHistory:
    for start, stop in plan.spans(history):
        summary = await writer.summarize(history, start, stop)
        tokens = job.count_tokens(summary)
        if tokens < history.tokens_before[stop] - history.tokens_before[start]:
            history = history.with_replacement(start, stop, summary, tokens)
    return history


def _new_summary_chars(before: SizedHistory, after: SizedHistory) -> int:
    known = {id(message) for message in before.messages}
    new = (message for message in after.messages if message.stands_for is not None and id(message) not in known)
    return sum(len(summary_text(message)) for message in new)
