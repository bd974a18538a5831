"""A strategy of a program's own."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

from ...providers.schema.content import Text
from ...providers.schema.errors import InvalidConfig, ProviderError
from ...providers.schema.messages import Message, Role
from ...providers.schema.usage import NONE_YET, Usage
from ..job import CompactionJob, SideRequest
from ..sized_history import SizedHistory
from ..strategy import FIELD, Scope, Strategy, StrategyResult
from .returned_history import broken_rule


class Room:
    """What a strategy of a program's own is told, and what it may ask a model.

    The history should come to *budget_tokens*. *keep_recent* is true as long as recent turns should be left alone.
    """

    def __init__(self, job: CompactionJob, keep_recent: bool) -> None:
        self.budget_tokens = job.budget_tokens
        self.keep_recent = keep_recent
        self.usage: Usage = NONE_YET
        self._job = job

    def __repr__(self) -> str:
        return f"Room(budget_tokens={self.budget_tokens}, keep_recent={self.keep_recent})"

    def count_tokens(self, message: Message) -> int:
        """An estimate of the tokens of *message*."""
        return self._job.count_tokens(message)

    async def ask(self, text: str, system: str = "", max_output_tokens: int = 2_048) -> str:
        """What the session's own model answers to *text*.

        Raises:
            ProviderError: the request failed.
        """
        message = Message(role=Role.USER, content=(Text(text),), turn=1)
        answer = await self._job.send(SideRequest((message,), system, max_output_tokens))
        self.usage += answer.usage
        return "".join(block.text for block in answer.content if isinstance(block, Text))


@runtime_checkable
class CompactionStrategy(Protocol):
    """A strategy of a program's own: any object with this method, whose class the session's process can import.

    Objects of a program's main module reach it too: Ray ships them with their code.
    """

    async def compact(self, messages: Sequence[Message], room: Room) -> Sequence[Message]:
        """The messages that requests hold from now on.

        They end with the same message, and tool uses stay with their results. Messages that stay are the same objects.
        What it raises is in the report, and the history stays.
        """
        ...


class Custom(Strategy, frozen=True, kw_only=True):
    """Compacts with *instance*, a ``CompactionStrategy`` or, once it has been shipped to the session, its pickle.

    If it raises, takes longer than *timeout_s*, not counting the waits between retries of what it asks, or returns
    messages that no request may hold, the history stays.
    """

    instance: Any
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.timeout_s > 0:
            raise InvalidConfig(f"{FIELD}.timeout_s", "give more than 0 seconds")
        if isinstance(self.instance, type):
            problem = f"give an instance, such as {self.instance.__name__}(), not the class"
            raise InvalidConfig(f"{FIELD}.instance", problem)
        if not isinstance(self.instance, bytes | CompactionStrategy):
            kind = type(self.instance).__name__
            raise InvalidConfig(f"{FIELD}.instance", f"give an object with an async method compact(), not a {kind}")

    async def compact(self, history: SizedHistory, job: CompactionJob, scope: Scope) -> StrategyResult:
        room = Room(job, scope is Scope.OLD_TURNS)
        outcome = await self._outcome(history, room, job)
        if isinstance(outcome, _Problem):
            return StrategyResult(history, usage=room.usage, problem=outcome.text)
        compacted = SizedHistory.of(outcome, job.count_tokens)
        return StrategyResult(compacted if compacted.tokens < history.tokens else history, usage=room.usage)

    async def _outcome(self, history: SizedHistory, room: Room, job: CompactionJob) -> "Sequence[Message] | _Problem":
        try:
            strategy = loaded(self.instance) if isinstance(self.instance, bytes) else self.instance
            name = type(strategy).__name__
        except Exception as error:
            return _Problem(f"it can't be loaded in the session's process: {type(error).__name__}: {error}")
        try:
            async with job.limit_time(self.timeout_s):
                messages = await strategy.compact(history.messages, room)
        except TimeoutError:
            return _Problem(f"{name} took longer than {self.timeout_s:g} s")
        except ProviderError as error:
            return _Problem(f"{name}: {error.code}: {error.message}")
        except Exception as error:
            return _Problem(f"{name} raised {type(error).__name__}: {error}")
        problem = broken_rule(messages, history.messages[-1])
        return _Problem(f"{name} returned a history that can't be sent: {problem}") if problem else messages


@dataclass(frozen=True, slots=True)
class _Problem:
    text: str


@lru_cache(maxsize=64)
def loaded(pickled: bytes) -> CompactionStrategy:
    """The strategy that *pickled* is of: one object for all sessions of a process."""
    strategy: CompactionStrategy = pickle.loads(pickled)  # from a driver that knows the namespace's secret
    return strategy
