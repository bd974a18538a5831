"""Temporary messages and content: part of the model checker. The content that is drawn as temporary is never other."""

from collections.abc import Iterable, Sequence

import msgspec

from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.runtime.core.changes.continuation import is_prompt
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.phases import Backoff, Compacting, Requesting, ToolsOut

TEMPORARY = Text("It is 10:00.")


def is_aside(conversation: Conversation) -> bool:
    """True if the running turn is temporary."""
    match conversation.phase:
        case Requesting(turn=turn) | Backoff(turn=turn) | ToolsOut(turn=turn) | Compacting(turn=turn):
            return turn is not None and turn.aside is not None
        case _:
            return False


def has_temporary(messages: Iterable[Message]) -> bool:
    """True if there is something temporary in *messages*."""
    return any(TEMPORARY in message.content for message in messages)


def without_temporary(messages: Iterable[Message]) -> tuple[Message, ...]:
    """*messages* without what is temporary in them."""
    return tuple(
        msgspec.structs.replace(message, content=message.content[1:])
        if message.content[:1] == (TEMPORARY,)
        else message
        for message in messages
    )


class TemporaryLedger:
    """Which *turns* started with a message that has temporary content."""

    def __init__(self) -> None:
        self.turns: set[int] = set()

    def check_sent(self, messages: Sequence[Message], turn: int | None) -> None:
        """A request of a turn that goes on from the message of *turn* has its temporary content, and no other."""
        own = [each for each in messages if each.turn == turn and each.starts_turn and not is_prompt(each)]
        if own and turn in self.turns:
            assert own[0].content[0] == TEMPORARY, "the temporary content is missing"
            messages = [message for message in messages if message is not own[0]]
        assert not has_temporary(messages), "the temporary content of another turn is sent"

    def check_rest(self, conversation: Conversation) -> None:
        """While no turn is running, nothing is temporary."""
        held = (*conversation.history, *conversation.full_history)
        assert not any(message.role is Role.USER and has_temporary([message]) for message in held)
