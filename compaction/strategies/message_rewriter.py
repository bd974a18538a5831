"""Strategies that rewrite single messages: the history keeps its length and order."""

from typing import ClassVar

import msgspec

from ...providers.schema.content import Block
from ...providers.schema.messages import Message, Role
from ..job import CompactionJob
from ..sized_history import SizedHistory
from ..strategy import KeepsRecentTurns, Scope, StrategyResult


class MessageRewriter(KeepsRecentTurns, frozen=True, kw_only=True):
    """Rewrites the messages of one role wherever that makes them smaller.

    The assistant's messages in the running turn are left alone, and in a turn that has not got its answer.

    What the assistant signed is valid only up to the first change: ``rewrite`` must leave no signed thinking after it.
    *leaves_no_gaps*: the messages up to the last one that is rewritten are all rewritten, if there is anything to it.
    """

    rewritten_role: ClassVar[Role]
    leaves_no_gaps: ClassVar[bool] = False

    def rewrite(self, content: tuple[Block, ...]) -> tuple[Block, ...] | None:
        """The smaller content of a message, or ``None`` to leave the message as it is."""
        raise NotImplementedError

    async def compact(self, history: SizedHistory, job: CompactionJob, scope: Scope) -> StrategyResult:
        role, last_turn_start = self.rewritten_role, history.last_turn_start
        stop = last_turn_start if role is Role.ASSISTANT and _goes_on(history, job) else history.last_step_start
        recent_start = min(history.recent_start(self.keep_recent_turns), stop)
        excess = history.tokens - job.budget_tokens
        rewritten: dict[int, tuple[Message, int]] = {}
        for index in range(stop if scope is Scope.ALL_TURNS else recent_start):
            if index >= recent_start and excess <= 0:
                break
            message = history.messages[index]
            if message.role is not role or index == last_turn_start:
                continue
            content = self.rewrite(message.content)
            if content is None:
                continue
            smaller = msgspec.structs.replace(message, content=content)
            saved = history.message_tokens[index] - (tokens := job.count_tokens(smaller))
            if saved > 0 or self.leaves_no_gaps:
                rewritten[index] = smaller, tokens
                excess -= saved
        compacted = history.with_rewritten(rewritten)
        return StrategyResult(compacted if compacted.tokens < history.tokens else history)


def _goes_on(history: SizedHistory, job: CompactionJob) -> bool:
    """True if a turn is running, or one has failed that may be requested again."""
    return job.running_turn is not None or (bool(history.messages) and history.messages[-1].role is Role.USER)
