"""How a conversation stands, and the small moves that all others are made of."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ...providers.schema.content import Block, ToolUse
from ...providers.schema.draft import Partial
from ...providers.schema.messages import Message
from ...providers.schema.usage import NONE_YET, Count, Usage
from ..api import messages as say
from ..api.config import SessionConfig
from ..api.status import State
from . import events as ev
from .compaction_policy import Compactor, Window, budget_tokens
from .context_meter import Context, Fill
from .history import History
from .instructions import Abandon, Emit, Instruction, Shorten
from .mailbox import Mailbox
from .tool_batch import Batch
from .turn import Turn

_UNDER_WAY = (State.REQUESTING, State.STREAMING)


@dataclass(slots=True)
class Standing:
    """A conversation's history, its turn, its mailbox, its counters."""

    config: SessionConfig
    past: History = field(default_factory=History)
    state: State = State.IDLE
    turn: Turn | None = None
    mailbox: Mailbox = field(default_factory=Mailbox)
    turns: int = 0
    requests: int = 0
    usage: Usage = NONE_YET
    window: Context = field(default_factory=Context)
    compactor: Compactor = field(default_factory=Compactor)

    def __post_init__(self) -> None:
        self.window.goes_to(self.config.provider.name)

    @property
    def history(self) -> list[Message]:
        """The messages that requests hold."""
        return self.past.messages

    @property
    def context(self) -> Count:
        """What the last request and its answer took of the context window."""
        return self.window.fill.count

    @property
    def open_tool_uses(self) -> tuple[ToolUse, ...]:
        """The tool uses that wait for their results."""
        return self.turn.batch.open if self.turn and self.turn.batch else ()

    # Counting

    def count_partial(self, partial: Partial) -> list[Instruction]:
        # Where the provider never began to answer, there is nothing to pay for.
        return [] if partial == ev.NOTHING else self.count(partial.usage)

    def count(self, usage: Usage) -> list[Instruction]:
        turn = self.running()
        turn.usage += usage
        self.usage += usage
        self.window.filled(usage, len(self.history))
        return [Emit(say.TokenUpdate(turn=turn.number, request=usage, of_turn=turn.usage, of_session=self.usage))]

    def keep(self, content: Iterable[Block]) -> Batch:
        kept = self.past.keep(content, self.running().number)
        self.window.fill = Fill(self.window.fill.count, len(self.history))
        return Batch.of(kept)

    @property
    def at_rest(self) -> bool:
        """Whether nobody waits for anything."""
        return self.state is State.IDLE or self.compactor.eager

    def tokens(self) -> int:
        return self.window.tokens(self.history, self.config)

    def awaits(self, request: int) -> bool:
        return self.state in _UNDER_WAY and request == self.requests

    def running(self) -> Turn:
        assert self.turn is not None
        return self.turn

    # Compaction

    def compact(self, why: say.CompactReason, failed: ev.RequestFailed | None = None) -> Instruction:
        self.state = State.COMPACTING
        tokens = self.tokens()
        budget = budget_tokens(why, tokens, self.config) - self.window.settings_tokens(self.config)
        return Shorten(
            number=self.compactor.begin(why, failed),
            messages=tuple(self.history),
            config=self.config,
            budget_tokens=max(budget, 0),
            window_tokens=Window.of(self.config).full,
            tokens=self.window.estimator.tokens,
            running_turn=self.turn.number if self.turn else None,
        )

    def end_compaction(self, event: ev.CompactionEnded) -> Instruction:
        before = len(self.history)
        if event.messages is not None:
            self.past.shorten(event.messages)
            self.window.recount(self.history, self.config)
            if self.turn:
                self.turn.fill_before = None
        ended = self.compactor.end(self.tokens(), self.config)
        if event.report is not None:
            self.usage += event.report.usage
        self.state = State.IDLE
        return Emit(
            say.Compacted(
                turn=self.turn.number if self.turn else 0,
                messages_before=before,
                messages_after=len(self.history),
                problem=event.problem,
                reason=ended.why,
                report=event.report,
            )
        )

    def make_way(self) -> list[Instruction]:
        """Drop a compaction that began early: somebody waits now."""
        if not self.compactor.eager:
            return []
        self.compactor.give_way()
        self.state = State.IDLE
        return [Abandon()]

    def restore(self, fill: Fill | None) -> None:
        if fill is None:
            self.window.recount(self.history, self.config)
        else:
            self.window.fill = fill
