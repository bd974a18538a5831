"""What leaves the history with a turn: all of its messages, or the content that was meant for it alone."""

from collections.abc import Sequence

import msgspec

from ....providers.schema.messages import Message, Role
from ...api.settings.policies import OnRefusal
from ..changes.rewinding import message_of_turn
from ..state import ConversationState
from ..turn import Overrides, Turn


def discard_turn(state: ConversationState, turn: Turn) -> None:
    """The messages of *turn* leave the history."""
    restore_fill(state, turn, state.history.discard_turn(turn.number).restored)


def discard_refused_turn(state: ConversationState, turn: Turn) -> None:
    """The messages of *turn*, which was refused, leave the history.

    So do those of a failed turn whose answer it requested again.
    """
    history = state.history
    _, _, own, restored = history.discard_turn(turn.number)
    if history.unanswered and (not own or own[0].role is Role.ASSISTANT):
        restored |= history.discard_turn(history.messages[-1].turn).restored
    restore_fill(state, turn, restored)


def discards_refusals(state: ConversationState) -> bool:
    return state.config.discard_refused or state.config.on_refusal is OnRefusal.DISCARD


def restore_fill(state: ConversationState, turn: Turn, restored: bool) -> None:
    """The messages of *turn* have left the history: what it used before is known, unless it has changed since.

    *restored*: messages that a compaction had replaced are back.
    """
    if restored:
        state.history_changed(state.offered(state.config), state.turn_config(turn))
        state.policy.history_replaced()
    elif turn.fill_before is None or turn.fill_before.messages > len(state.history.messages):
        state.meter.estimate_fill(state.history.messages, state.offered(state.config))
    else:
        state.meter.fill = turn.fill_before


def remove_temporary(state: ConversationState, turn: Turn) -> None:
    """*turn* has ended: what was temporary in it leaves the history."""
    if turn.aside is not None:
        last = state.history.messages[-1:]
        if last and last[0].turn == turn.number:
            discard_turn(state, turn)
        last = state.history.messages[-1:]
        if last and last[0].role is Role.ASSISTANT and not last[0].is_native_summary:
            state.cut_off = turn.aside.cut_off
        state.overrides = turn.aside.overrides
    elif held := temporary_message(state, turn):
        _exchange(state, held, _shortened(held, turn))


def put_back_temporary(state: ConversationState, overrides: Overrides | None) -> int:
    """A turn goes on from the message of *overrides*: it gets its temporary content again. Returns how many blocks."""
    if overrides is None or not overrides.temporary_content:
        return 0
    message = message_of_turn(state.history.full, overrides.turn)
    if message is None or not any(message is each for each in reversed(state.history.messages)):
        return 0
    content = (*overrides.temporary_content, *message.content)
    _exchange(state, message, msgspec.structs.replace(message, content=content))
    return len(overrides.temporary_content)


def temporary_message(state: ConversationState, turn: Turn | None) -> Message | None:
    """The message of *turn* that begins with temporary content, if it has one."""
    if turn is None or not turn.temporary_blocks or turn.overrides is None:
        return None
    return message_of_turn(state.history.full, turn.overrides.turn)


def without_temporary(state: ConversationState, turn: Turn | None) -> tuple[Message, ...]:
    """The messages that requests hold, without the temporary content of *turn*: for summaries, which stay."""
    held = temporary_message(state, turn)
    if held is None or turn is None:
        return tuple(state.history.messages)
    return tuple(_shortened(held, turn) if message is held else message for message in state.history.messages)


def with_temporary(state: ConversationState, turn: Turn | None, messages: Sequence[Message]) -> Sequence[Message]:
    """*messages* with the temporary content of *turn*, if the message that has it is among them."""
    held = temporary_message(state, turn)
    if held is None or turn is None:
        return messages
    shortened = _shortened(held, turn)
    return [held if message == shortened else message for message in messages]


def _shortened(message: Message, turn: Turn) -> Message:
    return msgspec.structs.replace(message, content=message.content[turn.temporary_blocks :])


def _exchange(state: ConversationState, message: Message, other: Message) -> None:
    place = next((index for index, each in enumerate(state.history.messages) if each is message), None)
    if place is not None:
        state.meter.message_changed(place, message, other)
    state.history.exchange(message, other)
