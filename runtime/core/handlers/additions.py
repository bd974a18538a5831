"""Messages that are added to the history without a request."""

from collections.abc import Iterator, Sequence

import msgspec

from ....providers.schema.errors import InvalidConfig
from ....providers.schema.messages import Message, Role
from ...api import events as out
from ...api import messages as msg
from ..instructions import Emit, Instruction
from ..mailbox import Queued, require_size
from ..settings import answered_prompts
from ..state import ConversationState
from .turns import require_history_room


def queued_addition(state: ConversationState, message: msg.AddMessages, size_bytes: int, at_rest: bool) -> Queued:
    """*message* for the mailbox, with the number of the first turn that it adds.

    Raises:
        InvalidConfig: an answer comes first, and can't come next.
        MessageTooLarge, HistoryFull: there is no room for it.
    """
    if message.messages[0].role is Role.ASSISTANT:
        _require_question(state, at_rest)
    require_size(size_bytes, state.config.limits)
    require_history_room(state, size_bytes)
    return Queued(message=message, turn=state.turns + 1, size_bytes=size_bytes)


def add_messages(state: ConversationState, messages: Sequence[Message], first_turn: int) -> list[Instruction]:
    """Add *messages* to the history, numbered from *first_turn* on."""
    numbered = list(_numbered(messages, first_turn, state.history.now))
    # Their answers are under the prompt of those before. That of a turn which has left may not come back with them.
    state.prompts = answered_prompts(state.prompts, state.history.messages)
    state.history.add(numbered)
    state.offer_used(numbered, state.config)
    state.meter.fill_up(state.history.messages, state.offered(state.config))
    state.cut_off = state.overrides = None
    turns = tuple(dict.fromkeys(message.turn for message in numbered))
    return [Emit(out.MessagesAdded(turns=turns, messages=len(numbered)))]


def _require_question(state: ConversationState, at_rest: bool) -> None:
    """Raises:
    InvalidConfig: an answer can't come next, or it is not known yet.
    """
    place = "message.messages[0]"
    if not at_rest:
        raise InvalidConfig(place, "an answer can't come first while a turn is running, or messages are queued")
    if not state.history.unanswered:
        last = "ends with an answer" if state.history.messages else "is empty"
        raise InvalidConfig(place, f"the first message must be the user's: the history {last}")


def _numbered(messages: Sequence[Message], first_turn: int, now: float) -> Iterator[Message]:
    """*messages* with the numbers of their turns, and without ids: theirs may be those of other messages here."""
    turn = first_turn - 1
    for index, message in enumerate(messages):
        if not index or message.starts_turn:
            turn += 1
        yield msgspec.structs.replace(message, turn=turn, id="", at=message.at or now)
