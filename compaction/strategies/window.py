"""Keep the last turns and drop everything before them."""

from collections.abc import Sequence
from typing import ClassVar

from ...providers.schema.errors import InvalidConfig
from ..job import CompactionJob
from ..sized_history import SizedHistory
from ..strategy import FIELD, Scope, Strategy, StrategyResult


class Window(Strategy, frozen=True, kw_only=True):
    """Keeps the last *keep_recent_turns* or the last *max_tokens* and drops older turns. Summaries are dropped last.

    With *max_turns* the history never has more turns: beyond that, all but the recent ones are dropped, and without
    another figure all but the last *max_turns*.
    """

    counts: ClassVar[tuple[str, ...]] = ("keep_recent_turns", "max_tokens", "max_turns")

    keep_recent_turns: int | None = None
    max_tokens: int | None = None
    max_turns: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        given = (self.keep_recent_turns is not None) + (self.max_tokens is not None)
        if given > 1 or not (given or self.max_turns):
            raise InvalidConfig(
                f"{FIELD}.keep_recent_turns", "give either keep_recent_turns or max_tokens, or else max_turns"
            )
        if self.max_turns is not None and self.max_turns < (self.keep_recent_turns or 0):
            raise InvalidConfig(
                f"{FIELD}.max_turns",
                f"give keep_recent_turns, {self.keep_recent_turns}, or more: {self.max_turns} is less",
            )

    def is_due_by_turns(self, turns: int, turns_since: int) -> bool:
        del turns_since
        return self.max_turns is not None and turns > self.max_turns

    async def compact(self, history: SizedHistory, job: CompactionJob, scope: Scope) -> StrategyResult:
        recent_start = 0 if scope is Scope.TO_FIT else self._recent_start(history)
        compacted = _without(history, recent_start, history.last_turn_start + 1)
        if scope is not Scope.OLD_TURNS and compacted.tokens > job.budget_tokens:
            compacted = _cut_to_fit(history, recent_start, job.budget_tokens)
        return StrategyResult(compacted)

    def _recent_start(self, history: SizedHistory) -> int:
        """The index at which the turns start that the config keeps."""
        if self.max_tokens is None:
            return history.recent_start(self.keep_recent_turns or self.max_turns or 1)
        first_kept_token = history.tokens - self.max_tokens
        starts = (start for start in history.turn_starts if history.tokens_before[start] >= first_kept_token)
        return next(starts, history.last_turn_start)


def _cut_to_fit(history: SizedHistory, recent_start: int, budget_tokens: int) -> SizedHistory:
    """Drop no more than it takes to fit: first turns, then steps of the last turn, then summaries."""
    summary_tokens = _summary_tokens_before(history)
    user_message, before = history.last_turn_start, history.tokens_before
    excess = history.tokens - budget_tokens
    turn_starts = [start for start in history.turn_starts if start >= recent_start]
    turn_cut = _first_that_frees(history, summary_tokens, turn_starts, 0, excess)
    freed = before[turn_cut] - summary_tokens[turn_cut]
    step_starts = [user_message + 1, *history.step_starts[1:]]
    step_cut = _first_that_frees(history, summary_tokens, step_starts, user_message + 1, excess - freed)
    compacted = _without(history, turn_cut, step_cut)
    if compacted.tokens <= budget_tokens:
        return compacted
    return history.keep_only({user_message, *range(history.last_step_start, len(history.messages))})


def _first_that_frees(
    history: SizedHistory, summary_tokens: Sequence[int], cuts: Sequence[int], start: int, tokens: int
) -> int:
    """The first of *cuts* that drops at least *tokens* between *start* and the cut; otherwise the last of them."""
    before = history.tokens_before
    base = before[start] - summary_tokens[start]
    return next((cut for cut in cuts if before[cut] - summary_tokens[cut] - base >= tokens), cuts[-1])


def _summary_tokens_before(history: SizedHistory) -> list[int]:
    """The tokens of summaries in front of each index. They are not dropped by a cut."""
    totals = [0]
    for message, tokens in zip(history.messages, history.message_tokens, strict=True):
        totals.append(totals[-1] + (tokens if message.stands_for is not None else 0))
    return totals


def _without(history: SizedHistory, turn_cut: int, step_cut: int) -> SizedHistory:
    """Drop messages before *turn_cut*, and those between the last user message and *step_cut*, but keep summaries."""
    user_message, messages = history.last_turn_start, history.messages
    return history.keep_only(
        index
        for index in range(len(messages))
        if index >= step_cut or turn_cut <= index <= user_message or messages[index].stands_for is not None
    )
