"""The messages of a conversation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...providers.schema.content import Block, ToolUse
from ...providers.schema.messages import Message, Role
from .content import worth_keeping


@dataclass(slots=True)
class History:
    """The *messages* that requests hold; *full* has besides them what compactions took out.

    A turn's messages stand together at the end of both while it runs.
    """

    messages: list[Message] = field(default_factory=list[Message])
    full: list[Message] = field(default_factory=list[Message])
    _tool_use_ids: set[str] = field(default_factory=set[str])

    @property
    def unanswered(self) -> bool:
        """Whether it ends with something that a model has not answered."""
        return bool(self.messages) and self.messages[-1].role is Role.USER

    def append(self, message: Message) -> None:
        """Add *message* behind the others."""
        self.messages.append(message)
        self.full.append(message)

    def keep(self, content: Iterable[Block], turn: int) -> tuple[Block, ...]:
        """Add what of an answer's *content* is worth it, if anything is. Its tool uses get ids of their own."""
        kept = worth_keeping(content, self._tool_use_ids)
        if kept:
            self._tool_use_ids.update(block.id for block in kept if isinstance(block, ToolUse))
            self.append(Message(role=Role.ASSISTANT, content=kept, turn=turn))
        return kept

    def discard(self, turn: int) -> None:
        """Take the messages of *turn*, the last one, out. A summary that stands for others as well stays."""
        _cut(self.messages, turn)
        for message in _cut(self.full, turn):
            self._tool_use_ids.difference_update(block.id for block in message.content if isinstance(block, ToolUse))

    def shorten(self, messages: Sequence[Message]) -> None:
        """Put *messages* in the place of those that requests hold."""
        self.messages = list(messages)

    def clear(self) -> None:
        """Take everything out."""
        self.messages.clear()
        self.full.clear()
        self._tool_use_ids.clear()


def _cut(messages: list[Message], turn: int) -> list[Message]:
    end = len(messages)
    while end and _is_of(messages[end - 1], turn):
        end -= 1
    taken = messages[end:]
    del messages[end:]
    return taken


def _is_of(message: Message, turn: int) -> bool:
    return message.turn == turn and (message.stands_for is None or message.stands_for.first_turn == turn)
