"""Changing single messages: the history keeps its length, and each message its place."""

from collections.abc import Callable
from typing import Protocol

from ..providers.messages import Message
from .history import History
from .strategy import Outcome, Reach
from .task import Task


class _Keeps(Protocol):
    @property
    def keep_recent_turns(self) -> int: ...


class Rewriting:
    """Puts what *change* makes of a message in its place, if that is smaller; ``None`` leaves it as it is.

    With *spare_running* nothing changes in the turn that runs.
    """

    def __init__(self, config: _Keeps, change: Callable[[Message], Message | None], spare_running: bool = False):
        self._keep_turns = config.keep_recent_turns
        self._change = change
        self._spare_running = spare_running

    async def shorten(self, history: History, task: Task, reach: Reach) -> Outcome:
        messages, sizes = history.messages, history.sizes
        spared = self._spare_running and task.running_turn is not None
        end = history.question if spared else history.last_step
        old = min(history.old(self._keep_turns), end)
        over = history.tokens - task.budget_tokens
        changes: dict[int, tuple[Message, int]] = {}
        for at in range(end if reach is Reach.ALL else old):
            if at >= old and over <= 0:
                break
            message = self._change(messages[at]) if at != history.question else None
            if message is not None and (size := task.tokens(message)) < sizes[at]:
                changes[at] = message, size
                over -= sizes[at] - size
        return Outcome(history.with_changes(changes))
