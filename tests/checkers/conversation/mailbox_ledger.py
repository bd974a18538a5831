"""What the model checker knows of the mailbox, and of the messages that were added without a request."""

from collections.abc import Iterable, Sequence

import msgspec
from checkers.conversation.history_changes import is_compacting_eagerly

from rayconteur.providers.schema.content import Block, Text, ToolResult, ToolUse, UserBlock
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.compact_reason import CompactReason
from rayconteur.runtime.api.settings.policies import Limits, WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.changes.kept_content import without_blank_text
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.phases import Compacting

QUEUEABLE = (msg.UserMessage, msg.AddMessages, msg.Retry, msg.Continue, msg.Clear, msg.Rewind, msg.Compact)


class MailboxLedger:
    """Follows the mailbox: *queue* holds turns by number, and other messages by a word.

    *asked* counts the compactions that were asked for, *added* are the turns that were added without a request.
    """

    def __init__(self) -> None:
        self.queue: list[int | str] = []
        self.asked = 0
        self.added: set[int] = set()
        self._sizes_bytes: dict[int | str, int] = {}
        self._steering: dict[int | str, msg.UserMessage] = {}
        self._additions: dict[str, tuple[Message, ...]] = {}

    def expect(self, before: Conversation, message: msg.ToLLM, size_bytes: int) -> None:
        """*message* came when the conversation was as *before*."""
        assert "close" not in self.queue or not isinstance(message, QUEUEABLE), "accepted after a close"
        place = len(self.queue)
        match message:
            case msg.UserMessage(when_busy=when_busy) as message:
                is_busy = before.state is not State.IDLE and not is_compacting_eagerly(before)
                entry: int | str = before.turns + 1
                match is_busy, when_busy or before.config.when_busy:
                    case True, WhenBusy.INTERRUPT:
                        place = 0
                    case True, WhenBusy.STEER:
                        place = sum(each in self._steering for each in self.queue)
                        self._steering[before.turns + 1] = message
                    case _:
                        pass
            case msg.AddMessages(messages=messages):
                entry = f"add {before.turns + 1} to {before.turns + message.turn_count}"
                self._additions[entry] = messages
            case msg.Retry() | msg.Continue():
                entry = before.turns + 1
            case msg.Clear():
                entry = "clear"
            case msg.Rewind():
                entry = "rewind"
            case msg.Compact():
                self.asked += 1
                entry = f"compact {self.asked}"
            case msg.Configure(next="turn"):
                entry = "configure"
            case msg.Close(drain=True):
                entry = "close"
            case _:
                return
        self.queue.insert(place, entry)
        self._sizes_bytes[entry] = size_bytes if isinstance(message, msg.UserMessage | msg.AddMessages) else 0

    @property
    def turns(self) -> list[int]:
        """The turns that are queued."""
        return [entry for entry in self.queue if isinstance(entry, int)]

    @property
    def numbers(self) -> list[int]:
        """The numbers of queued turns, and of those that are added without a request, queued or not."""
        words = [entry.split() for entry in self.queue if isinstance(entry, str) and entry.startswith("add")]
        return [*self.turns, *self.added, *(turn for word in words for turn in range(int(word[1]), int(word[3]) + 1))]

    def withdrew(self, emitted: out.Compacted) -> bool:
        """True if that compaction was queued, and is withdrawn."""
        is_queued = (waiting := f"compact {emitted.compaction}") in self.queue
        if is_queued:
            self.queue.remove(waiting)
        return is_queued

    def check_steered(self, emitted: out.Steered) -> None:
        """It was the next, and may enter a turn."""
        assert self.queue.pop(0) == emitted.number
        assert self._may_enter(emitted.number)
        self.added.add(emitted.number)

    def check_request(self, after: Conversation, emitted: Sequence[out.FromLLM]) -> None:
        """If the turn goes on after a step, all that may enter it has done so, after the results, in order."""
        if after.turn is None or not any(isinstance(event, out.StepCompleted) for event in emitted):
            return
        assert not (self.queue and self._may_enter(self.queue[0])), "a message that steers did not enter the turn"
        entered = [event.number for event in emitted if isinstance(event, out.Steered) and event.turn == after.turn]
        contents = [without_blank_text(self._steering[number].content) for number in entered]
        last = after.history[len(after.history) - len(entered) :]
        assert [message.content for message in last] == contents
        assert all(message.turn == after.turn and message.role is Role.USER for message in last)

    def _may_enter(self, entry: int | str) -> bool:
        message = self._steering.get(entry)
        return message is not None and not (
            message.settings or message.temporary or _has_text(message.temporary_content)
        )

    def close(self) -> None:
        """The session has ended, and what is queued is void; turns have ended before."""
        assert not self.turns
        self.added |= set(self.numbers)
        self.queue.clear()

    def check_added(self, emitted: out.MessagesAdded) -> Sequence[Message]:
        """It was the next. Returns the messages, which may have been removed at once."""
        entry = f"add {emitted.turns[0]} to {emitted.turns[-1]}"
        assert self.queue.pop(0) == entry
        assert emitted.turns == tuple(range(emitted.turns[0], emitted.turns[-1] + 1))
        messages = self._additions[entry]
        assert emitted.messages == len(messages)
        self.added |= set(emitted.turns)
        return messages

    def check_history(self, after: Conversation, emitted: Sequence[out.FromLLM]) -> set[int]:
        """What has been *emitted* was added to the history, unless it has been removed at once. Returns the turns."""
        added: set[int] = set()
        for event in emitted:
            match event:
                case out.MessagesAdded(turns=turns):
                    added |= set(turns)
                case out.Cleared(history=True):
                    added.clear()
                case out.Rewound(turns=turns):
                    added -= set(turns)
                case _:
                    pass
        for entry, messages in self._additions.items():
            own = set(range(int(entry.split()[1]), int(entry.split()[3]) + 1))
            if own <= added:
                held = [message for message in after.full_history if message.turn in own]
                assert [_outline(message) for message in held] == [_outline(message) for message in messages]
        return added

    def is_full(self, event: ev.Event, limits: Limits) -> bool:
        """True if there is no room for *event*."""
        is_large = isinstance(event, ev.Received) and isinstance(event.message, msg.UserMessage | msg.AddMessages)
        size_bytes = event.size_bytes if is_large and isinstance(event, ev.Received) else 0
        return len(self.queue) >= limits.waiting_messages or self._bytes() + size_bytes > limits.waiting_bytes

    def check_compaction(self, conversation: Conversation, event: ev.Event) -> None:
        """The compaction that has started in *conversation* with *event* is one that was asked for, or needed."""
        phase = conversation.phase
        assert isinstance(phase, Compacting)
        match phase.reason:
            case CompactReason.ASKED if isinstance(event, ev.Recovered):
                pass  # it was under way
            case CompactReason.ASKED:
                assert self.queue.pop(0) == f"compact {phase.asked}"
            case CompactReason.EAGER:
                assert phase.turn is None
                assert not self.queue
            case _:
                assert phase.turn is not None
                assert conversation.config.compaction

    def check_bounds(self, limits: Limits) -> None:
        """It does not hold more than it may."""
        is_closing = "close" in self.queue  # there is always room for a close
        assert len(self.queue) <= limits.waiting_messages + is_closing
        assert self._bytes() <= limits.waiting_bytes

    def _bytes(self) -> int:
        return sum(self._sizes_bytes[entry] for entry in self.queue)


def _has_text(content: Iterable[UserBlock]) -> bool:
    return any(not isinstance(block, Text) or block.text.strip() for block in content)


def turns_added(emitted: Iterable[out.FromLLM]) -> set[int]:
    """The turns that were added without a request, by the events of it."""
    return {turn for event in emitted if isinstance(event, out.MessagesAdded) for turn in event.turns}


def _outline(message: Message) -> tuple[object, ...]:
    """What stays of *message* when its tool uses get other ids."""
    return message.role, *map(_without_id, message.content)


def _without_id(block: Block) -> Block:
    match block:
        case ToolUse():
            return msgspec.structs.replace(block, id="")
        case ToolResult():
            return msgspec.structs.replace(block, tool_use_id="")
        case _:
            return block
