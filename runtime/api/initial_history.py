"""An initial history: the conversation that a new session goes on from, checked before the session is started."""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import msgspec

from ...providers.schema.checks.field_checks import check_fields
from ...providers.schema.checks.shown import shown
from ...providers.schema.content import (
    Block,
    Document,
    Image,
    Opaque,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    is_blank,
)
from ...providers.schema.errors import InvalidConfig
from ...providers.schema.messages import Message, Role, next_message_id
from ...providers.wire.cache_points import check_unmarked
from .validation import validated_struct

_SHOWN_IDS = 3
_ID_CHARACTERS = 100

_ALLOWED: dict[Role, tuple[type[Block], ...]] = {
    Role.USER: (Text, Image, Document, ToolResult),
    Role.ASSISTANT: (Text, Thinking, ToolUse, Opaque),
}


def validated_history(history: object, source: str = "") -> Iterator[Message]:
    """The messages of *history*, each checked, and with the number of its turn.

    *source* is the ``Origin.source`` of the session: what a provider's own compaction wrote is valid only there.

    A message whose turn is 0 gets a number: that of a new turn if it starts one, or else that of the message before.
    One without an id gets one.

    Raises:
        InvalidConfig: no provider would accept the history; the message and the block are named, and the reason.
    """
    if isinstance(history, str | bytes) or not isinstance(history, Iterable):
        raise InvalidConfig("history", f"give a list of Messages, not a {type(history).__name__}")
    check = _HistoryCheck(source)
    for index, message in enumerate(cast("Iterable[Message]", history)):
        yield check.message(message, f"history[{index}]")
    check.end()


def check_added_messages(messages: Sequence[Message], place: str) -> None:
    """*messages* can be added to a history that is complete. Whether an answer can come first depends on that.

    Raises:
        InvalidConfig: no history could go on with them; the message and the block are named, and the reason.
    """
    if not messages:
        raise InvalidConfig(place, "there are no messages; give at least one")
    check = _HistoryCheck()
    last: Role | None = None
    for index, message in enumerate(messages):
        where = f"{place}[{index}]"
        check_fields(message, where)
        if message.stands_for is not None:
            raise InvalidConfig(where, "a summary can only be in an initial history; give what it stands for")
        if message.role is last is Role.ASSISTANT:
            raise InvalidConfig(where, "an answer can't follow an answer: for many models the roles must alternate")
        check.part(message, where)
        last = message.role
    check.end()


class _HistoryCheck:
    """Checks messages one after the other."""

    def __init__(self, source: str = "") -> None:
        self._source = source
        self._index = 0
        self._turn = 0
        self._last_turn = 0  # the highest number so far
        self._ended_turns: set[int] = set()
        self._open: tuple[str, ...] = ()  # the ids of the tool uses that wait for their results
        self._open_at = ""
        self._tool_use_ids: set[str] = set()
        self._previous: Message | None = None
        self._message_ids: set[str] = set()

    def message(self, message: Message, place: str) -> Message:
        """*message*, with the number of its turn."""
        message = validated_struct(message, (Message,), place)
        self._check_role(message, place)
        self.part(message, place)
        self._index += 1
        self._previous = self._identified(self._numbered(message, place), place)
        return self._previous

    def part(self, message: Message, place: str) -> None:
        """What *message* says follows from those before it."""
        self._check_content(message, place)
        self._check_tools(message, place)

    def end(self) -> None:
        """The history is complete."""
        if self._open:
            raise InvalidConfig(
                self._open_at, f"the tool uses {_ids(self._open)} have no results; add them, or leave it out"
            )

    def _check_role(self, message: Message, place: str) -> None:
        if message.is_native_summary and self._index:
            raise InvalidConfig(place, "what a provider's own compaction wrote can only be the first message")
        if message.is_native_summary and not message.readable_by(self._source):
            raise InvalidConfig(place, "only its maker can read this compaction; give the full history instead")
        if not self._index and message.role is Role.ASSISTANT and not message.is_native_summary:
            raise InvalidConfig(place, "the first message must be the user's, not an answer")

    def _check_content(self, message: Message, place: str) -> None:
        content = message.content
        check_unmarked(content, f"{place}.content")
        if not content:
            raise InvalidConfig(f"{place}.content", "the message is empty; give it a block, or leave it out")
        for number, block in enumerate(content):
            where = f"{place}.content[{number}]"
            if not isinstance(block, _ALLOWED[message.role]):
                raise InvalidConfig(where, f"a {type(block).__name__} can't be in a message of role {message.role}")
            if isinstance(block, Text) and is_blank(block.text):
                raise InvalidConfig(where, "the text is blank, which providers reject; leave it out")
        if message.role is Role.USER:
            return
        if not any(isinstance(block, Text | ToolUse | Opaque) for block in content):
            raise InvalidConfig(f"{place}.content", "providers reject an answer of thinking alone; leave it out")
        last = content[-1]
        if isinstance(last, Thinking) and last.signature is not None:
            where = f"{place}.content[{len(content) - 1}]"
            raise InvalidConfig(where, "an answer can't end with signed thinking; leave it out")

    def _check_tools(self, message: Message, place: str) -> None:
        results = tuple(block.tool_use_id for block in message.content if isinstance(block, ToolResult))
        if results and len(results) < len(message.content):
            raise InvalidConfig(
                f"{place}.content", "tool results are a message of their own; put the rest into the next"
            )
        if results != self._open:
            if not self._open:
                raise InvalidConfig(f"{place}.content", f"there are no tool uses {_ids(results)} in the message before")
            given = _ids(results) if results else "none"
            problem = f"{self._open_at} asks for the results of {_ids(self._open)}, in this order; here are {given}"
            raise InvalidConfig(f"{place}.content", problem)
        self._open = tuple(block.id for block in message.content if isinstance(block, ToolUse))
        self._open_at = place
        for number, use_id in enumerate(self._open):
            if use_id in self._tool_use_ids or use_id in self._open[:number]:
                raise InvalidConfig(f"{place}.content", f"the id {shown(use_id)} is that of an earlier tool use, too")
        self._tool_use_ids.update(self._open)

    def _numbered(self, message: Message, place: str) -> Message:
        turn = message.turn
        if turn < 0:
            raise InvalidConfig(f"{place}.turn", f"turns are numbered from 1, not {turn}")
        if not turn:
            turn = self._last_turn + 1 if message.starts_turn or not self._turn else self._turn
            message = msgspec.structs.replace(message, turn=turn)
        if turn != self._turn:
            self._ended_turns.add(self._turn)
        if turn in self._ended_turns:
            raise InvalidConfig(f"{place}.turn", f"turn {turn} is split: its messages must follow each other")
        self._turn, self._last_turn = turn, max(turn, self._last_turn)
        return message

    def _identified(self, message: Message, place: str) -> Message:
        message_id = message.id or next_message_id(self._previous, message.turn)
        if len(message_id) > _ID_CHARACTERS:
            raise InvalidConfig(f"{place}.id", f"an id has at most {_ID_CHARACTERS} characters, not {len(message_id)}")
        of_turn, _, number = message_id.partition(".")
        if number.isdecimal() and of_turn.isdecimal() and int(of_turn) > message.turn:
            problem = f"{shown(message_id)} would be an id in turn {of_turn}, and the message is of turn {message.turn}"
            raise InvalidConfig(f"{place}.id", problem)
        if message_id in self._message_ids:
            raise InvalidConfig(f"{place}.id", f"an earlier message has the id {shown(message_id)}, too")
        self._message_ids.add(message_id)
        return message if message.id else msgspec.structs.replace(message, id=message_id)


def _ids(ids: Sequence[str]) -> str:
    shown_ids = ", ".join(map(shown, ids[:_SHOWN_IDS]))
    return f"{shown_ids} and {len(ids) - _SHOWN_IDS:,} more" if len(ids) > _SHOWN_IDS else shown_ids
