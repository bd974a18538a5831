"""Run the strategies of a config on a history until it fits."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ..providers.schema.usage import NONE_YET, Usage
from .config import AnyStrategy, Compaction, Layered
from .job import CompactionJob
from .report import CompactionReport, CompactionResult
from .sized_history import SizedHistory
from .strategies.summarize import Summarize
from .strategies.window import Window
from .strategy import Scope, StrategyResult
from .summaries.extract import extract


async def compact(job: CompactionJob, config: Compaction) -> CompactionResult:
    """Compact the history of *job* as *config* says until it fits. A history that fits already is left unchanged.

    The compacted history is valid for every provider and in the same order; each tool use is followed by its result.
    Only what the session's provider compacted by itself, the first message then, is for that provider alone. The last
    user message and the last step after it are untouched, and messages that don't change are the same objects.

    Failures are described in the report, never raised. Cancellation leaves nothing behind.
    """
    before = SizedHistory.of(job.messages, job.count_tokens)
    run = _CompactionRun(job, before)
    if before.turn_starts:
        await run.apply_due_by_turns(config.strategies if isinstance(config, Layered) else (config,))
        if isinstance(config, Layered):
            await run.apply(config.strategies, Scope.OLD_TURNS)
            await run.apply(config.strategies, Scope.ALL_TURNS)
        elif job.for_recent_turns.budget_tokens > job.budget_tokens:
            await run.apply((config,), Scope.OLD_TURNS)
            await run.apply((config,), Scope.ALL_TURNS)
        else:
            await run.apply((config,), Scope.ALL_TURNS)
    return run.result(before, config.name)


_EXTRACT_SHARE = 0.25
"""How much of what a request may have of the history is for an extract of what was dropped."""


@dataclass(slots=True)
class _CompactionRun:
    """The *history* so far, the strategies that changed it, and what went wrong in each."""

    job: CompactionJob
    history: SizedHistory
    effective: list[str] = field(default_factory=list[str])
    problems: dict[str, str] = field(default_factory=dict[str, str])
    summary_chars: int = 0
    usage: Usage = NONE_YET

    async def apply_due_by_turns(self, strategies: Sequence[AnyStrategy]) -> None:
        """Apply the strategies that are due by the number of turns, whatever the history's tokens."""
        turns, turns_since = len(self.history.turn_starts), self.job.turns_since
        if turns_since is None:
            return
        for strategy in strategies:
            if strategy.is_due_by_turns(turns, turns_since):
                self._record(strategy.name, await strategy.compact(self.history, self.job, Scope.OLD_TURNS))

    async def apply(self, strategies: Sequence[AnyStrategy], scope: Scope) -> None:
        """Apply one strategy after the other until the history fits. A strategy that failed is not tried again.

        Next to ``Summarize``, and after any strategy that failed, a ``Window`` drops what a request has no room for,
        and no more: what could not be had now may be had later.
        """
        job = self.job if scope is Scope.OLD_TURNS else self.job.for_recent_turns
        summarizes = any(isinstance(strategy, Summarize) for strategy in strategies)
        for strategy in strategies:
            if self.history.tokens <= job.budget_tokens:
                return
            if strategy.name in self.problems:
                continue
            if not (isinstance(strategy, Window) and (summarizes or self.problems)):
                self._record(strategy.name, await strategy.compact(self.history, job, scope))
            elif scope is Scope.ALL_TURNS and self.history.tokens > job.most_tokens:
                before = self.history
                self._record(strategy.name, await strategy.compact(before, self._with_room_for_extract(), Scope.TO_FIT))
                self._keep_extract(before)

    def _extract_tokens(self) -> int:
        """What an extract of dropped messages may have; none where the context window is not known."""
        return 0 if self.job.limit_tokens is None else int(self.job.most_tokens * _EXTRACT_SHARE)

    def _with_room_for_extract(self) -> CompactionJob:
        budget = self.job.most_tokens - self._extract_tokens()
        return replace(self.job, budget_tokens=budget)

    def _keep_extract(self, before: SizedHistory) -> None:
        """Put an extract of what was dropped of the turns in *before* in its place."""
        after = self.history
        summaries = [index for index, message in enumerate(after.messages) if message.stands_for is not None]
        first = 1 if after.messages[0].is_native_summary else 0
        kept = set(map(id, after.messages))
        end = first + sum(index >= first for index in summaries if index < after.last_turn_start)
        dropped = [m for m in before.messages[: before.last_turn_start] if id(m) not in kept]
        message = extract((*after.messages[first:end], *dropped), self._extract_tokens(), self.job.count_tokens)
        if message is not None:
            self.history = after.with_replacement(first, end, message, self.job.count_tokens(message))

    def _record(self, strategy: str, result: StrategyResult) -> None:
        if result.history is not self.history and strategy not in self.effective:
            self.effective.append(strategy)
        if result.problem:
            self.problems[strategy] = result.problem
        self.history = result.history
        self.summary_chars += result.summary_chars
        self.usage += result.usage

    def result(self, before: SizedHistory, configured: str) -> CompactionResult:
        """The compacted history and the report, compared with the history *before*."""
        after = self.history
        turns_kept = _count_kept_turns(before, after)
        report = CompactionReport(
            strategy=", ".join(self.effective) or configured,
            messages_before=len(before.messages),
            messages_after=len(after.messages),
            tokens_before=before.tokens,
            tokens_after=after.tokens,
            turns_compacted=len(before.turn_starts) - turns_kept,
            turns_kept=turns_kept,
            summary_chars=self.summary_chars,
            usage=self.usage,
            problem=self._describe_problems(before),
        )
        return CompactionResult(messages=None if after is before else after.messages, report=report)

    def _describe_problems(self, before: SizedHistory) -> str | None:
        problems = [f"{strategy}: {problem}" for strategy, problem in self.problems.items()]
        is_unchanged, allowed = self.history is before, self.job.for_recent_turns.budget_tokens
        tokens, turns = f"{self.history.tokens:,}", len(before.turn_starts)
        if not turns:
            problems.append("there is nothing to compact: the history is empty")
        elif self.history.tokens > allowed:
            has = "has" if is_unchanged else "still has"
            problems.append(
                f"the history {has} {tokens} tokens, over its budget of {allowed:,}: "
                f"the configured strategies can remove nothing more"
            )
        elif is_unchanged and self.history.tokens <= self.job.budget_tokens:
            problems.append(f"the history fits already, with {tokens} of {self.job.budget_tokens:,} tokens")
        elif is_unchanged and not problems:
            count = "1 turn is" if turns == 1 else f"{turns:,} turns are"
            problems.append(f"there is nothing to compact: its {count} kept unless the context window has no room")
        return "; ".join(problems) or None


def _count_kept_turns(before: SizedHistory, after: SizedHistory) -> int:
    """How many turns of *before* are unchanged in *after*."""
    kept = set(map(id, after.messages))
    spans = pairwise([*before.turn_starts, len(before.messages)])
    return sum(all(id(message) in kept for message in before.messages[start:stop]) for start, stop in spans)
