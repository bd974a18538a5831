"""What a conversation was after an earlier turn."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ....providers.schema.messages import HistoryView, Message
from ...api.config import SessionConfig
from ...api.errors import UnknownTurn
from ...api.messages import Interrupt
from ...api.settings.policies import OnInterrupt
from .. import events as ev
from ..changes.rewinding import rewound_to
from ..conversation import Conversation
from ..phases import Closed
from .rest import NOTHING_ELSE, Rest


class Past(NamedTuple):
    """A conversation between two turns: its settings, the *full* history, and the *messages* that requests held.

    The full history has lost *dropped_messages*, and there is a *rest*.
    """

    config: SessionConfig
    full: Sequence[Message]
    messages: Sequence[Message]
    dropped_messages: int = 0
    rest: Rest = NOTHING_ELSE


def past_of(conversation: Conversation, turn: int | None = None) -> Past:
    """What *conversation* was after *turn*, as far as its own history tells; now, if none is given.

    The turn that runs is no part of it, nor is what is queued. The settings are those of now. Turn 0 is the beginning.

    Raises:
        UnknownTurn: its full history does not have the turn.
    """
    if turn is not None and turn == conversation.turn:
        raise UnknownTurn(f"turn {turn} has not ended")
    config, at_rest = conversation.config, _at_rest(conversation)
    full, messages, dropped = at_rest.full_history, at_rest.history, at_rest.dropped_messages
    if turn is None:
        return Past(config, full, messages, dropped, at_rest.rest)
    if turn and all(message.turn != turn for message in full):
        raise UnknownTurn(f"the history has nothing of turn {turn}: it never was, or has left nothing, or is gone")
    after = rewound_to(list(full), list(messages), turn)
    if after.restored and dropped:
        raise UnknownTurn(
            f"the history after turn {turn} is gone: it was compacted, and the limit dropped a part of it"
        )
    rest = at_rest.rest if not after.removed else msgspec.structs.replace(at_rest.rest, cut_off=None)
    return Past(config, after.full, after.messages, dropped if after.full else 0, rest)


def view_of(conversation: Conversation, full: bool, at: int | None) -> HistoryView:
    """The messages of *conversation* now, or after the turn *at*.

    With *full*, those that compactions removed instead of what they wrote. Raises what ``past_of`` does.
    """
    view = conversation.view(full)
    if at is None:
        return view
    past = past_of(conversation, at)
    return HistoryView(list(past.full if full else past.messages), view.revision)


def past_after(before: Conversation, event: ev.Event, turn: int, ended: bool = True) -> Past:
    """What a conversation was after *turn*, which *event* has *ended* in the one that was as *before*.

    If it has not, *event* has added the messages of the turn, perhaps with those of later ones.
    """
    snapshot = before.snapshot()
    # What is queued behind the turn has taken effect at the same time, and must not.
    places = (place for place, each in enumerate(snapshot.queue, 1) if each.turn <= turn < each.turn + each.turn_count)
    alone = Conversation.restore(msgspec.structs.replace(snapshot, queue=snapshot.queue[: next(places, 0)]))
    alone.handle(event)
    return past_of(alone, None if ended else turn)


def _at_rest(conversation: Conversation) -> Conversation:
    """*conversation*, in which the turn that runs has been interrupted and discarded, and what is queued left out."""
    if conversation.turn is None or isinstance(conversation.phase, Closed):
        return conversation
    snapshot = conversation.snapshot()
    config = msgspec.structs.replace(snapshot.config, on_interrupt=OnInterrupt.DISCARD)
    at_rest = Conversation.restore(msgspec.structs.replace(snapshot, config=config, queue=()))
    at_rest.handle(ev.Received(message=Interrupt()))
    return at_rest
