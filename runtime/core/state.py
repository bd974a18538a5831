"""The state of a conversation."""

import math
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field
from typing import Self

import msgspec
from msgspec import UNSET

from ...compaction.estimate.estimator import Estimator
from ...providers.schema.messages import HistoryView, Message, RequestInfo
from ...providers.schema.request import Prompt
from ...providers.schema.stop_reasons import StopReason
from ...providers.schema.tools import Tool
from ...providers.schema.usage import NONE_YET, Usage
from ...providers.scripted.config import Scripted
from ..api.config import SessionConfig
from ..api.status import ForkOrigin
from .compaction_policy import CompactionPolicy, ContextWindow
from .context_meter import ContextMeter, Fill
from .figures.counters import NOTHING_COUNTED, Counters
from .figures.tally import Tally
from .history import History
from .mailbox import Mailbox
from .past.snapshot import Snapshot
from .phases import TRANSITIONS, Backoff, Compacting, MailboxEmpty, Phase, Requesting, ToolsOut, Unopened
from .receipts import KeptReceipt
from .settings import prompts_before_change
from .tools.approvals import Grant
from .tools.kept_results import KeptResult
from .tools.offered import NOTHING_ADDED, OfferedTools, deferred_tools, offered, used_tools
from .tools.search import ToolIndex
from .turn import Overrides, Turn

NOT_OPENED = SessionConfig(provider=Scripted(model="none"))
"""In place of the settings, before ``Opened``."""


@dataclass(slots=True)
class ConversationState:
    """Everything that a conversation knows. Only ``Conversation.handle`` and its handlers change it.

    *record* is the number of the last record. *turns* (queued ones included), *requests*, *compactions* and
    *asked_compactions*, which ``Compact`` messages asked for, are totals.
    """

    phase: Phase = field(default_factory=Unopened)
    config: SessionConfig = NOT_OPENED
    """The settings in force, without secrets."""
    source: str = ""
    """The ``Origin.source`` of answers from now on."""
    created_at: float = 0.0
    record: int = 0
    turns: int = 0
    requests: int = 0
    compactions: int = 0
    asked_compactions: int = 0
    usage: Usage = NONE_YET
    history: History = field(default_factory=History)
    mailbox: Mailbox = field(default_factory=Mailbox)
    meter: ContextMeter = field(default_factory=ContextMeter)
    policy: CompactionPolicy = field(default_factory=CompactionPolicy)
    cut_off: StopReason | None = None
    """Why the last answer is not complete, if it may be continued."""
    overrides: Overrides | None = None
    """The settings of the last message, if it had any: for what repeats its request, or continues its answer."""
    prompts: tuple[Prompt, ...] = ()
    """The system prompts and tools along the history as of the last request, if they have changed since its first
    message. Starts beyond the end are of a turn that has left the history: the next request drops them."""
    grants: tuple[Grant, ...] = ()
    """Tool uses that need no approval any more."""
    offered_tools: OfferedTools = NOTHING_ADDED
    """What requests offer besides the tools of the settings."""
    kept_results: tuple[KeptResult, ...] = ()
    """The results of which the model has got a part, whole; the last ones, as far as there is room."""
    _offered: tuple[SessionConfig, OfferedTools, SessionConfig] | None = field(default=None, compare=False)
    # The last settings, and what requests have of them: the estimator knows settings by their identity.
    _deferred: tuple[SessionConfig, dict[str, Tool]] | None = field(default=None, compare=False)
    _index: tuple[dict[str, Tool], ToolIndex] | None = field(default=None, compare=False)  # of the last of these
    last_request: RequestInfo | None = None
    """The last request that has ended, however it did."""
    tally: Tally | None = None
    """What has happened so far; nothing before the first event for readers."""
    receipts: tuple[KeptReceipt, ...] = ()
    """Those of the last messages with a key."""
    counted_from: Counters = NOTHING_COUNTED
    """What the totals were when they were last set to 0."""
    forked_from: ForkOrigin | None = None
    trigger: type = field(default=MailboxEmpty, compare=False)
    """What is taking effect: the key of the transition in ``TRANSITIONS``."""

    @property
    def running_turn(self) -> Turn | None:
        """The turn that the phase carries."""
        return _running_turn(self.phase)

    def change_fill_before(self, changed: Callable[[Fill], Fill | None]) -> None:
        """The running turn, if there is one that knows its ``fill_before``, gets what *changed* makes of it."""
        match self.phase:
            case (Requesting() | Backoff() | ToolsOut() | Compacting()) as phase if (
                phase.turn and phase.turn.fill_before
            ):
                turn = msgspec.structs.replace(phase.turn, fill_before=changed(phase.turn.fill_before))
                self.phase = msgspec.structs.replace(phase, turn=turn)
            case _:
                pass

    @property
    def redacts(self) -> bool:
        """True if the model may not read again what a compaction has left out."""
        return self.config.compaction is not None and self.config.compaction.redacts

    def with_fill_before(self, turn: Turn) -> Turn:
        """*turn*, which is the running one, after what requests offer has changed: that takes room in the context."""
        running = self.running_turn
        if running is None or running.fill_before == turn.fill_before:
            return turn
        return msgspec.structs.replace(turn, fill_before=running.fill_before)

    @property
    def request_config(self) -> SessionConfig:
        """The settings of requests now: those of the running turn, or the session's."""
        return self.offered(_request_config(self.phase, self.config))

    def turn_config(self, turn: Turn) -> SessionConfig:
        """The settings of the requests of *turn*."""
        return self.offered(turn.config(self.config))

    def offered(self, config: SessionConfig) -> SessionConfig:
        """*config* with the tools that requests offer."""
        if not config.tools:
            return config
        known = self._offered
        if known is None or known[0] is not config or known[1] is not self.offered_tools:
            settings = offered(config, self.offered_tools, self.deferred(config))
            known = self._offered = (config, self.offered_tools, settings)
        return known[2]

    def deferred(self, config: SessionConfig) -> dict[str, Tool]:
        """The tools of *config*, by name, that requests do not hold before they are found."""
        if self._deferred is None or not _defer_alike(self._deferred[0], config):
            self._deferred = (config, deferred_tools(config))
        return self._deferred[1]

    def deferred_index(self, config: SessionConfig) -> ToolIndex:
        """``deferred``, to be searched."""
        deferred = self.deferred(config)
        if self._index is None or self._index[0] is not deferred:
            self._index = (deferred, ToolIndex(deferred.values()))
        return self._index[1]

    def offer_used(self, messages: Iterable[Message], config: SessionConfig) -> None:
        """Requests hold the definitions of tools that are used in *messages*, under *config*, from the next one on."""
        if deferred := self.deferred(config):
            self.offer(self.offered_tools.adding(name for name in used_tools(messages) if name in deferred))

    def offer(self, tools: OfferedTools) -> None:
        """Requests offer *tools* from the next one on."""
        if tools == self.offered_tools:
            return
        old, old_base = self.request_config, self.offered(self.config)
        self.offered_tools = tools
        new, base = self.request_config, self.offered(self.config)
        self.change_request_config(old, new)
        if new.tools != old.tools:
            self.meter.change_settings(new)
        if base.tools != old_base.tools:
            self.change_fill_before(lambda fill: self.meter.with_settings(fill, base))

    def request_tokens(self) -> int:
        """The tokens of a request with the history as it is."""
        return self.meter.request_tokens(self.history.messages, self.request_config)

    def due_tokens(self, config: SessionConfig) -> int:
        """What decides whether a request with the history as it is, and *config*, must wait for a compaction.

        The figures may be too low. By our own count, the history has no more than a request may have of it: where it
        has a larger share of that than of its threshold by the figures, the share counts.
        """
        tokens = self.meter.request_tokens(self.history.messages, config)
        counted = self.meter.counted_tokens(self.history.view, config)
        if counted <= tokens:
            return tokens
        window, by_count = self.policy.window(config, self.meter.settings_tokens(config)), self.counted_window(config)
        room = by_count.request_tokens - by_count.settings_tokens
        if room <= 0:
            return tokens
        threshold = window.threshold_tokens - window.settings_tokens
        share_of_threshold = math.ceil(threshold * (counted - by_count.settings_tokens) / room)
        return max(tokens, window.settings_tokens + share_of_threshold)

    def counted_window(self, config: SessionConfig) -> ContextWindow:
        """The context window, with the settings in *config* by our own count."""
        return self.policy.window(config, self.meter.estimator.counted_settings(config))

    def settings_tokens(self) -> int:
        """The tokens of everything in a request except its history."""
        return self.meter.settings_tokens(self.request_config)

    def window(self) -> ContextWindow:
        """The context window, as far as it is known."""
        return self.policy.window(self.request_config, self.settings_tokens())

    @property
    def last_overrides(self) -> Overrides | None:
        """The settings of the message that the last messages of the history follow from, if it had any."""
        last = self.history.messages[-1:]
        return self.overrides if self.overrides and last and last[0].turn >= self.overrides.turn else None

    def history_changed(self, config: SessionConfig, next_config: SessionConfig) -> None:
        """The messages that requests hold are others: the prompt in *config* is that of all of them.

        *next_config* has that of the next request. What the provider compacted by itself stays under the first prompt,
        with which it was made: what is signed after it is bound to that one.
        """
        is_native = self.history.messages[:1] and self.history.messages[0].is_native_summary
        self.prompts = self.prompts[:1] if is_native else prompts_before_change((), config, next_config)
        self.meter.estimate_fill(self.history.messages, next_config)

    def change_request_config(self, old: SessionConfig, new: SessionConfig) -> None:
        """The next request has the settings *new* in place of *old*: another model, perhaps, or another prompt."""
        if self.history.messages:
            self.prompts = prompts_before_change(self.prompts, old, new)
        if (new.provider.name, new.provider.model) != (old.provider.name, old.provider.model):
            self.policy.model_changed()
        if new.provider.name != old.provider.name:
            self.meter.use_provider(new.provider.name)
            self.meter.estimate_fill(self.history.messages, new)

    def enter(self, phase: Phase) -> None:
        """Move to *phase*, which ``TRANSITIONS`` must allow for the trigger."""
        allowed = TRANSITIONS[type(self.phase)].get(self.trigger, ())
        assert type(phase) in allowed, f"{self.trigger.__name__} does not lead from {self.phase} to {phase}"
        self.phase = phase

    def snapshot(self) -> Snapshot:
        """The state as a struct for storage."""
        return Snapshot(
            record=self.record,
            created_at=self.created_at,
            config=self.config,
            phase=self.phase,
            full=tuple(self.history.full),
            messages=self.history.indexed_messages(),
            queue=self.mailbox.queue,
            turns=self.turns,
            requests=self.requests,
            compactions=self.compactions,
            usage=self.usage,
            fill=self.meter.fill,
            learned=self.meter.estimator.learned_so_far,
            floor_tokens=self.policy.floor_tokens,
            prompts=self.prompts,
            source=self.source,
            grants=self.grants or UNSET,
            offered_tools=UNSET if self.offered_tools == NOTHING_ADDED else self.offered_tools,
            kept_results=self.kept_results or UNSET,
            now=self.history.now or UNSET,
            spent_ids=self.history.spent_ids or UNSET,
            last_request=self.last_request or UNSET,
            tally=copy(self.tally) if self.tally else UNSET,
            receipts=self.receipts or UNSET,
            counted_from=UNSET if self.counted_from == NOTHING_COUNTED else self.counted_from,
            forked_from=self.forked_from or UNSET,
            counted=self.meter.estimator.counted_messages(self.history.view) or UNSET,
            dropped_messages=self.history.dropped_messages,
            figure=self.meter.figure or UNSET,
            learned_window_tokens=self.policy.learned_tokens or UNSET,
            cut_off=self.cut_off or UNSET,
            turns_since_compaction=self.policy.turns_since or UNSET,
            asked_compactions=self.asked_compactions or UNSET,
            overrides=self.overrides or UNSET,
        )

    @classmethod
    def restored(cls, snapshot: Snapshot) -> Self:
        """The state that *snapshot* was taken of."""
        history = History.restored(snapshot.full, snapshot.messages)
        history.dropped_messages = snapshot.dropped_messages
        history.now, history.spent_ids = snapshot.now or 0.0, snapshot.spent_ids or ()
        return cls(
            phase=snapshot.phase,
            config=snapshot.config,
            created_at=snapshot.created_at,
            record=snapshot.record,
            turns=snapshot.turns,
            requests=snapshot.requests,
            compactions=snapshot.compactions,
            asked_compactions=snapshot.asked_compactions or 0,
            usage=snapshot.usage,
            history=history,
            mailbox=Mailbox.restored(snapshot.queue),
            meter=ContextMeter(
                snapshot.fill,
                _estimator(snapshot, history),
                None if snapshot.figure is UNSET else snapshot.figure,
            ),
            policy=CompactionPolicy(
                snapshot.floor_tokens, snapshot.learned_window_tokens or 0, snapshot.turns_since_compaction or 0
            ),
            cut_off=snapshot.cut_off or None,
            overrides=snapshot.overrides or None,
            prompts=snapshot.prompts,
            source=snapshot.source,
            grants=snapshot.grants or (),
            offered_tools=snapshot.offered_tools or NOTHING_ADDED,
            kept_results=snapshot.kept_results or (),
            last_request=snapshot.last_request or None,
            tally=copy(snapshot.tally) if snapshot.tally else None,
            receipts=snapshot.receipts or (),
            counted_from=snapshot.counted_from or NOTHING_COUNTED,
            forked_from=snapshot.forked_from or None,
        )


def _estimator(snapshot: Snapshot, history: History) -> Estimator:
    provider = _request_config(snapshot.phase, snapshot.config).provider.name
    if snapshot.counted is UNSET:
        return Estimator(provider, snapshot.learned)
    counted, sizes = snapshot.counted
    return Estimator.restored(
        provider, snapshot.learned, HistoryView(history.messages, history.revision, counted), sizes
    )


def _defer_alike(one: SessionConfig, other: SessionConfig) -> bool:
    """True if the same tools are deferred under both, as far as that is seen at once."""
    return (
        one.tools is other.tools
        and one.tool_choice is other.tool_choice
        and one.provider is other.provider
        and one.defer_tools is other.defer_tools
    )


def _running_turn(phase: Phase) -> Turn | None:
    match phase:
        case Requesting(turn=turn) | Backoff(turn=turn) | ToolsOut(turn=turn) | Compacting(turn=turn):
            return turn
        case _:
            return None


def _request_config(phase: Phase, config: SessionConfig) -> SessionConfig:
    turn = _running_turn(phase)
    return turn.config(config) if turn else config
