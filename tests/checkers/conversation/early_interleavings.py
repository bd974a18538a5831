"""Random interleavings of events in sessions whose tools start while an answer is streamed."""

from collections import Counter
from collections.abc import Sequence

from builders.conversation import answered, received
from builders.conversation_strategies import (
    answer_contents,
    config_changes,
    early_events,
    other_messages,
    request_failures,
    with_early,
)
from checkers.conversation.interleavings import Interleavings
from checkers.conversation.tool_ledger import is_a
from hypothesis import strategies as st

from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.handlers.early_tools import WITHDRAWN
from rayconteur.runtime.core.instructions import Emit, Instruction, SendRequest
from rayconteur.runtime.core.phases import Requesting, batch_of

_ENDS = ("answer", "answer", "interrupt", "failure", "interrupt", "death")
_SOON = 4
"""After so many events, most sessions have a request."""


class EarlyInterleavings(Interleavings):
    """Answers that are streamed, with tools that start meanwhile, one after the other. *seen* counts what happens."""

    def __init__(self, config: SessionConfig, seen: Counter[str]) -> None:
        super().__init__()
        self.seen = seen
        self.open(config)

    def handle(self, event: ev.Event) -> Sequence[Instruction]:
        phase = self.checker.conversation.phase
        had_started = bool(batch_of(phase).uses) and isinstance(phase, Requesting)
        instructions = super().handle(event)
        emitted = [step.event for step in instructions if isinstance(step, Emit)]
        self.seen["started"] += isinstance(event, ev.ToolUseReady) and bool(emitted)
        if had_started and instructions:
            self.seen["ended before the answer"] += is_a(event, msg.ToolResults)
            self.seen["answered"] += isinstance(event, ev.Answered)
            self.seen["interrupted"] += any(isinstance(each, out.Interrupted) for each in emitted)
        self.seen["withdrawn"] += any(
            isinstance(each, out.ToolFailed) and each.message == WITHDRAWN for each in emitted
        )
        return instructions

    def answer_is_streamed(self, data: st.DataObject) -> None:
        """A request, tools that start, and an end of it."""
        for _ in range(_SOON):
            if not self.is_streaming():
                self.work_proceeds(data, 1)
        for _ in range(data.draw(st.integers(1, 5))):
            phase = self.checker.conversation.phase
            if isinstance(phase, Requesting) and self.is_streaming():
                event = data.draw(early_events(phase, self.checker.work).filter(bool))
                assert event is not None
                self.handle(event)
        self.end_answer(data)

    def end_answer(self, data: st.DataObject) -> None:
        """The running request ends, in one way or another."""
        conversation = self.checker.conversation
        phase, provider = conversation.phase, conversation.request_config.provider.name
        if not isinstance(phase, Requesting):
            return
        match data.draw(st.sampled_from(_ENDS)):
            case "answer":
                content = data.draw(answer_contents(provider))
                content = with_early(content, phase) if data.draw(st.integers(0, 3)) else content
                self.handle(answered(conversation.requests, *content, origin=self.origin()))
            case "failure":
                self.handle(data.draw(request_failures(conversation.requests, provider)))
            case "interrupt":
                self.handle(received(msg.Interrupt(), self.partial(data)))
            case _:
                self.another_process_goes_on(data)

    def something_else_happens(self, data: st.DataObject) -> None:
        """A change of the settings, a message, or work that goes on."""
        match data.draw(st.integers(0, 3)):
            case 0:
                self.handle(received(data.draw(config_changes)))
            case 1:
                self.handle(received(data.draw(other_messages)))
            case _:
                self.work_proceeds(data, 2)

    def check(self) -> None:
        """What always holds."""
        self.the_history_is_valid()
        self.a_snapshot_restores_the_conversation()
        self.the_history_counts_what_it_holds()
        self.views_of_the_history_stay_as_they_are()

    def is_streaming(self) -> bool:
        """True if the running request may tell of tools that start before it has ended."""
        return isinstance(self.checker.work, SendRequest) and self.checker.work.early_tools
