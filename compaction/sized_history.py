"""A history with the tokens of each message, and the indexes at which it may be split."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from ..providers.schema.content import ToolResult
from ..providers.schema.messages import Message, Role


@dataclass
class SizedHistory:
    """The *messages* and the tokens of each. It is never changed: every edit returns a new history.

    The starts of turns and steps are indexes of messages. Splitting there never separates a tool use from its result.
    """

    messages: tuple[Message, ...]
    message_tokens: tuple[int, ...]

    @classmethod
    def of(cls, messages: Sequence[Message], count_tokens: Callable[[Message], int]) -> "SizedHistory":
        """The history of *messages*, each counted once."""
        return cls(tuple(messages), tuple(map(count_tokens, messages)))

    @cached_property
    def tokens_before(self) -> list[int]:
        """The tokens in front of each index; the last entry is the total."""
        return [0, *accumulate(self.message_tokens)]

    @property
    def tokens(self) -> int:
        """The tokens of all messages."""
        return self.tokens_before[-1]

    @cached_property
    def turn_starts(self) -> list[int]:
        """The indexes of the user's own messages. A retried turn has none and belongs to the turn that failed."""
        return [index for index, message in enumerate(self.messages) if _starts_turn(message)]

    @property
    def last_turn_start(self) -> int:
        """The index of the user's last own message; the length of the history if there is none."""
        return self.turn_starts[-1] if self.turn_starts else len(self.messages)

    @cached_property
    def step_starts(self) -> list[int]:
        """Where the steps of the last turn start: an answer with the results of its tools, or a summary of steps."""
        after_user_message = range(self.last_turn_start + 1, len(self.messages))
        return [index for index in after_user_message if not _has_results(self.messages[index])]

    @property
    def last_step_start(self) -> int:
        """The index from which nothing may be removed; the last user message if no step follows it."""
        return self.step_starts[-1] if self.step_starts else self.last_turn_start

    def recent_start(self, keep_turns: int) -> int:
        """The index at which the last *keep_turns* turns start."""
        return self.turn_starts[max(0, len(self.turn_starts) - keep_turns)] if self.turn_starts else 0

    def with_rewritten(self, rewritten: Mapping[int, tuple[Message, int]]) -> "SizedHistory":
        """This history with other messages and their tokens at some indexes. Turns and steps must start as before."""
        if not rewritten:
            return self
        messages, message_tokens = list(self.messages), list(self.message_tokens)
        for index, (message, tokens) in rewritten.items():
            messages[index], message_tokens[index] = message, tokens
        history = SizedHistory(tuple(messages), tuple(message_tokens))
        history.turn_starts, history.step_starts = self.turn_starts, self.step_starts
        return history

    def keep_only(self, indexes: Iterable[int]) -> "SizedHistory":
        """This history without the messages at all other indexes."""
        kept = sorted(indexes)
        if len(kept) == len(self.messages):
            return self
        return SizedHistory(
            tuple(self.messages[index] for index in kept), tuple(self.message_tokens[index] for index in kept)
        )

    def with_replacement(self, start: int, stop: int, message: Message, tokens: int) -> "SizedHistory":
        """This history with one *message* of so many *tokens* in place of those from *start* up to *stop*."""
        return SizedHistory(
            (*self.messages[:start], message, *self.messages[stop:]),
            (*self.message_tokens[:start], tokens, *self.message_tokens[stop:]),
        )


def _starts_turn(message: Message) -> bool:
    return message.role is Role.USER and message.stands_for is None and not _has_results(message)


def _has_results(message: Message) -> bool:
    # map() instead of a generator expression, which takes twice the time: this is called for every message.
    return message.role is Role.USER and ToolResult in map(type, message.content)
