"""The keys and the correlation ids of messages: part of the model checker."""

from collections.abc import Sequence

import msgspec
import pytest
from builders.conversation import copy_of

from rayconteur.runtime.api import events as out
from rayconteur.runtime.api.errors import KeyMisused
from rayconteur.runtime.api.messages import MessageKey, UserMessage
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Acknowledge, Instruction
from rayconteur.runtime.core.receipts import KEPT_RECEIPTS


class KeyLedger:
    """Gives each message a key, and keeps what it was acknowledged with; user messages get correlation ids, too."""

    def __init__(self) -> None:
        self._sent = 0
        self._correlation_ids: dict[int, str] = {}  # by turn
        self._accepted: list[tuple[ev.Received, Acknowledge]] = []

    def keyed(self, event: ev.Event) -> ev.Event:
        """*event*, with a key of its own if it is a message, and an id if it is the user's."""
        if not isinstance(event, ev.Received):
            return event
        self._sent += 1
        message = event.message
        if isinstance(message, UserMessage):
            message = msgspec.structs.replace(message, correlation_id=f"message {self._sent}")
        key = MessageKey(f"key {self._sent}", b"digest")
        return msgspec.structs.replace(event, message=message, key=key, seq=self._sent * 10)

    def note(self, event: ev.Event, instructions: Sequence[Instruction]) -> None:
        """*event* was accepted."""
        if isinstance(event, ev.Received):
            [acknowledge] = [step for step in instructions if isinstance(step, Acknowledge)]
            assert acknowledge.seq is None, "a message that is new is said to have arrived before"
            self._accepted.append((event, acknowledge))
            if isinstance(event.message, UserMessage) and acknowledge.turn is not None:
                self._correlation_ids[acknowledge.turn] = event.message.correlation_id

    def check_correlation(self, emitted: out.FromLLM) -> None:
        """Each event of a turn has the id of the message that started it, and none that another turn's has."""
        if isinstance(emitted, out.Steered):
            assert emitted.correlation_id == self._correlation_ids[emitted.number]
        elif isinstance(emitted, out.OfTurn):
            assert emitted.correlation_id == self._correlation_ids.get(emitted.turn, "")

    def check(self, conversation: Conversation) -> None:
        """Whatever has happened since: a message that comes again is acknowledged as it was, and changes nothing."""
        if not self._accepted:
            return
        kept = self._accepted[-KEPT_RECEIPTS:]
        before = copy_of(conversation)
        for event, acknowledge in (kept[0], kept[-1]):
            assert conversation.handle(event) == [msgspec.structs.replace(acknowledge, seq=event.seq)]
            assert event.key
            with pytest.raises(KeyMisused):
                conversation.handle(msgspec.structs.replace(event, key=MessageKey(event.key.key, b"another")))
        assert conversation == before, "a message that came again changed something"
