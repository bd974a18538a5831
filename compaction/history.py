"""A history with its sizes, and where it may be parted: never between a tool use and its result."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from ..providers.schema.content import ToolResult
from ..providers.schema.messages import Message, Role

Tokens = Callable[[Message], int]


@dataclass
class History:
    """The *messages* and the tokens of each. All places are indexes of messages. It does not change."""

    messages: tuple[Message, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, messages: Sequence[Message], tokens: Tokens) -> "History":
        """The history of *messages*."""
        return cls(tuple(messages), tuple(map(tokens, messages)))

    @cached_property
    def before(self) -> list[int]:
        """The tokens before each place, and before the end."""
        return [0, *accumulate(self.sizes)]

    @property
    def tokens(self) -> int:
        """The tokens of all messages."""
        return self.before[-1]

    @cached_property
    def turns(self) -> list[int]:
        """Where the turns begin: with a message of the user's own. A retried turn goes on with the one that failed."""
        return [at for at, message in enumerate(self.messages) if _is_asked(message)]

    @property
    def question(self) -> int:
        """The last message of the user's own; the end where there is none."""
        return self.turns[-1] if self.turns else len(self.messages)

    @cached_property
    def steps(self) -> list[int]:
        """Where the steps after the question begin: an answer with the results of its tools, or a summary of steps."""
        after = range(self.question + 1, len(self.messages))
        return [at for at in after if not _has_results(self.messages[at])]

    @property
    def last_step(self) -> int:
        """Where what can't be left out goes on after the question."""
        return self.steps[-1] if self.steps else self.question

    def old(self, keep_turns: int) -> int:
        """Where the last *keep_turns* begin. At most that is the question."""
        return self.turns[max(0, len(self.turns) - keep_turns)] if self.turns else 0

    def with_changes(self, changes: Mapping[int, tuple[Message, int]]) -> "History":
        """With other messages, and their tokens, in some places. Where it may be parted does not change by that."""
        if not changes:
            return self
        messages, sizes = list(self.messages), list(self.sizes)
        for at, (message, size) in changes.items():
            messages[at], sizes[at] = message, size
        changed = History(tuple(messages), tuple(sizes))
        changed.turns, changed.steps = self.turns, self.steps
        return changed

    def only(self, places: Iterable[int]) -> "History":
        """Without the messages in all other places."""
        kept = sorted(places)
        if len(kept) == len(self.messages):
            return self
        return History(tuple(self.messages[at] for at in kept), tuple(self.sizes[at] for at in kept))

    def replaced(self, begin: int, end: int, message: Message, size: int) -> "History":
        """With one message of *size* tokens in the place of those from *begin* to *end*."""
        return History(
            (*self.messages[:begin], message, *self.messages[end:]), (*self.sizes[:begin], size, *self.sizes[end:])
        )


def _is_asked(message: Message) -> bool:
    return message.role is Role.USER and message.stands_for is None and not _has_results(message)


def _has_results(message: Message) -> bool:
    # A generator would take twice the time, and this is asked of every message.
    return message.role is Role.USER and ToolResult in map(type, message.content)
