"""The pure core of a session: events in, instructions out. No Ray, no I/O, no clock, no randomness."""

from collections.abc import Iterable, Iterator
from typing import Self

import msgspec

from ...providers.models import context_limit_tokens
from ...providers.schema.content import ToolUse
from ...providers.schema.errors import RayconteurError
from ...providers.schema.facts import ModelFacts
from ...providers.schema.messages import HistoryView, Message, RequestInfo
from ...providers.schema.usage import Count, Usage
from ..api import messages as msg
from ..api.config import SessionConfig
from ..api.errors import InvalidRecord, SessionClosed
from ..api.settings.changes import TurnSettings
from ..api.settings.policies import WhenBusy
from ..api.status import ForkOrigin, State
from . import events as ev
from .context_meter import Fill
from .figures.counters import Counters
from .figures.tally import Tally
from .handlers.imports import import_messages
from .handlers.messages import ends_request, run_queue
from .handlers.outcomes import awaits, conclude
from .handlers.receiving import receive, repeated_receipt
from .handlers.recovery import recover
from .history import HistorySize
from .instructions import Emit, Instruction
from .mailbox import Queued
from .past.rest import Rest
from .past.snapshot import Snapshot
from .phases import STATES, Closed, Idle, Phase, Unopened, batch_of
from .receipts import find_receipt
from .settings import changed_config
from .state import ConversationState
from .tools.kept_results import kept_bytes, within
from .turn import correlate


class Conversation:
    """A conversation: its history, mailbox, counters and phase.

    ``handle`` is the only way to change it. It either applies an event, or raises and leaves everything as it was.
    Conversations with equal states are equal.
    """

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = ConversationState()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Conversation) and self._state == other._state

    __hash__ = None  # type: ignore[assignment]  # it changes

    # Views

    @property
    def config(self) -> SessionConfig:
        """The settings in force, without secrets."""
        return self._state.config

    @property
    def request_config(self) -> SessionConfig:
        """The settings of requests now: those of the running turn, or the session's."""
        return self._state.request_config

    @property
    def phase(self) -> Phase:
        """What the conversation is doing, and the data of that phase."""
        return self._state.phase

    @property
    def state(self) -> State:
        """The public name of the phase."""
        return STATES[type(self._state.phase)]

    @property
    def turn(self) -> int | None:
        """The number of the running turn."""
        turn = self._state.running_turn
        return turn.number if turn else None

    @property
    def created_at(self) -> float:
        """When the session was opened, in Unix seconds."""
        return self._state.created_at

    @property
    def forked_from(self) -> ForkOrigin | None:
        """Where it comes from, if it is a fork."""
        return self._state.forked_from

    @property
    def turns(self) -> int:
        """The number of the last turn, queued ones included."""
        return self._state.turns

    @property
    def requests(self) -> int:
        """The number of the last request."""
        return self._state.requests

    @property
    def counters(self) -> Counters:
        """How many turns, queued ones included, requests and compactions there were since they were set to 0."""
        return Counters(self.turns, self.requests, self._state.compactions).since(self._state.counted_from)

    @property
    def usage(self) -> Usage:
        """The total of all requests."""
        return self._state.usage

    @property
    def last_request(self) -> RequestInfo | None:
        """The last request that has ended, however it did."""
        return self._state.last_request

    @property
    def tally(self) -> Tally:
        """What has happened so far, counted. Don't change it."""
        return self._state.tally or Tally()

    @property
    def fill(self) -> Fill:
        """What the last request and its answer used of the context window."""
        return self._state.meter.fill

    @property
    def context(self) -> Count:
        """The tokens of ``fill``."""
        return self._state.meter.fill.count

    @property
    def context_limit_tokens(self) -> int:
        """The size of the context window: as the provider has named it, as known, or as guessed."""
        return self._state.policy.learned_tokens or context_limit_tokens(self.request_config.provider.facts)

    @property
    def history(self) -> tuple[Message, ...]:
        """The messages that requests hold."""
        return tuple(self._state.history.messages)

    @property
    def full_history(self) -> tuple[Message, ...]:
        """All messages: those that compactions replaced, instead of the summaries and placeholders."""
        return tuple(self._state.history.full)

    def view(self, full: bool) -> HistoryView:
        """``history`` or ``full_history``, without a copy."""
        return self._state.history.full_view if full else self._state.history.view

    @property
    def message_count(self) -> int:
        """The length of ``history``; unlike ``len(history)``, it copies nothing."""
        return len(self._state.history.messages)

    @property
    def history_size(self) -> HistorySize:
        """What the history takes."""
        size, kept = self._state.history.size, self._state.kept_results
        return size.plus_removed(kept_bytes(kept)) if kept else size

    @property
    def dropped_messages(self) -> int:
        """How many messages the full history has lost because it was too large."""
        return self._state.history.dropped_messages

    @property
    def rest(self) -> Rest:
        """What it knows besides its messages."""
        return Rest(self._state.cut_off, self._state.kept_results)

    @property
    def queue(self) -> tuple[Queued, ...]:
        """The messages in the mailbox."""
        return self._state.mailbox.queue

    @property
    def open_tool_uses(self) -> tuple[ToolUse, ...]:
        """The tool uses that wait for their results."""
        return batch_of(self._state.phase).open

    @property
    def unapproved_tool_uses(self) -> tuple[ToolUse, ...]:
        """The tool uses that wait for approval."""
        return batch_of(self._state.phase).waiting

    @property
    def open_questions(self) -> tuple[ToolUse, ...]:
        """The tool uses that wait for the user's answer."""
        return batch_of(self._state.phase).asked

    def config_after(self, change: msg.Configure, facts: ModelFacts) -> SessionConfig:
        """The settings that would be in force after *change*. *facts* are those of a model that it names."""
        config = self._state.config if change.next == "request" else self.with_queued_changes(self._state.config)
        return changed_config(config, change, facts)

    def with_queued_changes(self, config: SessionConfig) -> SessionConfig:
        """What becomes of *config* by the changes that are queued."""
        return self._state.mailbox.changed_config(config)

    def config_before(self, message: msg.UserMessage) -> SessionConfig:
        """The session's settings when the turn of *message* starts, as far as it is known now."""
        waits = (message.when_busy or self._state.config.when_busy) is WhenBusy.QUEUE
        return self.with_queued_changes(self._state.config) if waits else self._state.config

    @property
    def last_settings(self) -> TurnSettings | None:
        """The settings of the message that ``Retry`` or ``Continue`` would go on from, if it had any."""
        return overrides.settings if (overrides := self._state.last_overrides) else None

    def turn_configs(self, config: SessionConfig) -> Iterator[SessionConfig]:
        """The settings of the turns that have some of their own, running or queued, in a session with *config*."""
        if (turn := self._state.running_turn) and turn.overrides:
            yield turn.config(config)
        yield from self._state.mailbox.turn_configs(config)

    def knows(self, key: msg.MessageKey) -> bool:
        """True if a message with *key* has arrived before: it would be acknowledged as then, and change nothing.

        Raises:
            KeyMisused: it was another message.
        """
        return find_receipt(self._state.receipts, key) is not None

    def ends_request(self, message: msg.ToLLM) -> bool:
        """True if *message* would end the running request, so that its partial answer is needed."""
        return ends_request(self._state, message)

    # Events

    def handle(self, event: ev.Event) -> list[Instruction]:
        """Apply *event* and return what has to be done, in order.

        The first instruction is the record of the event, the second, for a message, its ``Acknowledge``. The result is
        empty if nothing waits for the event: it is the outcome of something that was cancelled. For a message that has
        arrived before, with the same key, it is the first ``Acknowledge`` only.

        Raises:
            SessionClosed: the session has ended, or ends after the queued messages.
            MailboxError: the message is not acceptable now; the class says why.
            KeyMisused: another message had its key.
            InvalidConfig: the settings are never acceptable.
            InvalidRecord: an event before ``Opened``, a second ``Opened``, or an ``Imported`` after the first message.
        """
        state = self._state
        if isinstance(event, ev.Opened) is not isinstance(state.phase, Unopened):
            raise InvalidRecord(f"{type(event).__name__} does not apply here: Opened comes first, and only once")
        if isinstance(event, ev.Outcome) and not awaits(state, event):
            return []
        if isinstance(event, ev.Received) and event.partial is not ev.NOTHING and not self.ends_request(event.message):
            event = msgspec.structs.replace(event, partial=ev.NOTHING)
        if repeated := repeated_receipt(state, event):
            return [repeated]
        was_idle, last_request, turn = isinstance(state.phase, Idle | Unopened), state.last_request, state.running_turn
        before, state.history.now = state.history.now, event.at or state.history.now
        try:
            instructions = self._change(event)
        except RayconteurError:
            state.history.now = before
            raise
        if not was_idle or state.mailbox:
            instructions += run_queue(state)
        state.history.drop_removed(state.config.limits.history_bytes)
        state.record += 1
        ended = None if state.last_request is last_request else state.last_request
        if (emitted := [step.event for step in instructions if isinstance(step, Emit)]) or ended:
            correlate(emitted, (turn, state.running_turn))
            state.tally = state.tally or Tally()
            state.tally.count(emitted, ended, state.history.now)
        return [ev.Record(state.record, event), *instructions]

    def _change(self, event: ev.Event) -> list[Instruction]:
        state = self._state
        match event:
            case ev.Received(message=message):
                if isinstance(state.phase, Closed):
                    raise SessionClosed("the session is closed")
                state.trigger = type(message)
                return receive(state, event)
            case ev.Opened():
                state.trigger = ev.Opened
                return self._open(event)
            case ev.Imported():
                import_messages(state, event)
                return []
            case ev.HistoryTrimmed(limit_bytes=limit_bytes):
                state.history.drop_removed(limit_bytes)
                state.kept_results = within(state.kept_results, limit_bytes)
                return []
            case ev.Recovered():
                state.trigger = ev.Recovered
                return recover(state, event)
            case _:
                state.trigger = type(event)
                return conclude(state, event)

    def _open(self, event: ev.Opened) -> list[Instruction]:
        state = self._state
        state.config = event.config
        state.created_at = state.history.now = event.created_at
        state.source = event.source
        state.meter.use_provider(event.config.provider.name)
        state.enter(Idle())
        return []

    # Persistence

    def snapshot(self) -> Snapshot:
        """The whole state: ``restore`` makes an equal conversation of it."""
        return self._state.snapshot()

    @classmethod
    def restore(cls, snapshot: Snapshot) -> Self:
        """The conversation that *snapshot* was taken of."""
        restored = cls()
        restored._state = ConversationState.restored(snapshot)
        return restored

    @classmethod
    def replay(cls, records: Iterable[ev.Record], snapshot: Snapshot | None = None) -> Self:
        """The conversation that *records* rebuild: all of its records, or those after *snapshot*.

        Raises:
            InvalidRecord: a record is missing, out of order, or does not apply to the state that those before it lead
                to. None is skipped.
        """
        conversation = cls.restore(snapshot) if snapshot else cls()
        for record in records:
            conversation.apply(record)
        return conversation

    def apply(self, record: ev.Record) -> None:
        """Apply the next record. Raises what ``replay`` does."""
        last = self._state.record
        if record.number != last + 1:
            raise InvalidRecord(f"record {record.number} comes after record {last}: one is missing or out of order")
        try:
            instructions = self.handle(record.event)
        except RayconteurError as error:
            raise InvalidRecord(f"record {record.number} does not apply: {error}") from error
        if instructions[:1] != [record]:
            kind = type(record.event).__name__
            raise InvalidRecord(f"record {record.number} does not apply: nothing waits for this {kind}")
