"""Strategies that rewrite single messages: the history keeps its length and order."""

from typing import ClassVar

from ...providers.schema.content import Block
from ...providers.schema.messages import Message, Role
from ..job import CompactionJob
from ..sized_history import SizedHistory
from ..strategy import KeepsRecentTurns, Scope, StrategyResult


class MessageRewriter(KeepsRecentTurns, frozen=True, kw_only=True):
    """Rewrites the messages of one role wherever that makes them smaller.

    The assistant's messages in the running turn are left alone.
    """

    rewritten_role: ClassVar[Role]

    def rewrite(self, content: tuple[Block, ...]) -> tuple[Block, ...] | None:
        """The smaller content of a message, or ``None`` to leave the message as it is."""
        raise NotImplementedError

    async def compact(self, history: SizedHistory, job: CompactionJob, scope: Scope) -> StrategyResult:
        role, last_turn_start = self.rewritten_role, history.last_turn_start
        spares_running_turn = role is Role.ASSISTANT and job.running_turn is not None
        stop = last_turn_start if spares_running_turn else history.last_step_start
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
            smaller = Message(role=role, content=content, turn=message.turn, stands_for=message.stands_for)
            saved = history.message_tokens[index] - (tokens := job.count_tokens(smaller))
            if saved > 0:
                rewritten[index] = smaller, tokens
                excess -= saved
        return StrategyResult(history.with_rewritten(rewritten))
