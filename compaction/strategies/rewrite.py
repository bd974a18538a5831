"""Changing single messages: the history keeps its length, and each message its place."""

from collections.abc import Callable
from typing import Protocol

from ...providers.schema.messages import Message, Role
from ..history import History
from ..strategy import Outcome, Reach
from ..task import Task


class _Keeps(Protocol):
    @property
    def keep_recent_turns(self) -> int: ...


class Rewriting:
    """Puts what *change* makes of a message of *role* in its place, if that is smaller; ``None`` leaves it as it is.

    What the assistant said in the turn that runs stays.
    """

    def __init__(self, config: _Keeps, role: Role, change: Callable[[Message], Message | None]):
        self._keep_turns = config.keep_recent_turns
        self._role = role
        self._change = change

    async def shorten(self, history: History, task: Task, reach: Reach) -> Outcome:
        messages, sizes = history.messages, history.sizes
        spares_turn = self._role is Role.ASSISTANT and task.running_turn is not None
        end = history.question if spares_turn else history.last_step
        old = min(history.old(self._keep_turns), end)
        over = history.tokens - task.budget_tokens
        role, question = self._role, history.question
        changes: dict[int, tuple[Message, int]] = {}
        for at in range(end if reach is Reach.ALL else old):
            if at >= old and over <= 0:
                break
            if messages[at].role is not role or at == question:
                continue
            message = self._change(messages[at])
            if message is not None and (size := task.tokens(message)) < sizes[at]:
                changes[at] = message, size
                over -= sizes[at] - size
        return Outcome(history.with_changes(changes))
