"""The final answer of a turn, and its parts as the events bring them."""

import time
from collections.abc import Sequence

import msgspec

from ....providers.schema.checks.shown import short_repr
from ....providers.schema.content import Text, Thinking, ToolUse
from ....providers.schema.messages import Message
from ....providers.schema.stop_reasons import StopReason
from ....providers.schema.usage import NONE_YET, Usage
from ...api.events import (
    Completed,
    Continuing,
    FromLLM,
    QuestionAsked,
    Retrying,
    StepCompleted,
    StreamStarted,
    TextChunk,
    ThinkingChunk,
    TokenUpdate,
    ToolBatch,
    TurnStarted,
)
from ...api.notebooks import caption_html, counted, folded_html, text_html, usage_text


class FinalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A completed turn: the text and thinking of its last answer, and the usage of the whole turn.

    The text of an answer that was continued is that of all of its parts. *tool_calls* are the tool uses of the turn, in
    the order in which the model asked for them; *steps* are its answers, with their tool uses and results; *message_id*
    is the provider's id of the last answer, empty where it has none. *duration_s* is the time from sending the message
    to the turn's end, as this program saw it. *correlation_id* is that of the message.
    """

    __repr__ = short_repr

    text: str
    thinking: str
    stop_reason: StopReason
    raw_stop_reason: str | None
    usage: Usage
    requests: int
    turn: int
    tool_calls: tuple[ToolUse, ...] = ()
    steps: tuple[StepCompleted, ...] = ()
    message_id: str = ""
    duration_s: float = 0.0
    correlation_id: str = ""

    def _repr_html_(self) -> str:
        return text_html(self.text) + self._notes_html()

    def _notes_html(self) -> str:
        """What a notebook displays below the answer itself."""
        facts = (f"turn {self.turn}", self.stop_reason, counted(self.requests, "request"), usage_text(self.usage))
        return folded_html("thinking", self.thinking) + caption_html(*facts)


class AnswerParts:
    """The parts of a turn's answer so far."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._complete = (0, 0)  # how much of them belongs to the parts of the answer before the running request
        self._steps: list[StepCompleted] = []
        self._usage = NONE_YET  # of the last request
        self._message_id = ""
        self._started_at = time.monotonic()
        self._step_at = 0.0  # when the last step began, by the clock of the session
        self.asked: set[str] = set()
        """The tool uses and questions that the turn has asked programs for."""

    def add(self, event: FromLLM) -> None:
        """Take in the next *event* of the turn."""
        match event:
            case TextChunk():
                self._text.append(event.text)
            case ThinkingChunk():
                self._thinking.append(event.text)
            case StreamStarted() | Retrying():
                del self._text[self._complete[0] :], self._thinking[self._complete[1] :]
                if isinstance(event, StreamStarted):
                    self._message_id = event.message_id
            case Continuing():
                self._text += [event.text] if event.text else []
                self._complete = len(self._text), len(self._thinking)
            case ToolBatch(uses=uses):
                self.asked.update(use.id for use in uses)
            case QuestionAsked(tool_use_id=use):
                self.asked.add(use)
            case TurnStarted():
                self._step_at = event.at
            case TokenUpdate():
                self._usage = event.request
            case StepCompleted():
                self._complete, self._step_at = (0, 0), event.at
                self._steps.append(event)
            case _:
                pass

    def restore(self, answers: Sequence[Message]) -> bool:
        """Take text and thinking from the turn's *answers* in the history, as some of their events were missed.

        False if these are not the answers of all steps that are known.
        """
        if not answers or sum(map(_uses_tools, answers)) != len(self._steps):
            return False
        content = answers[-1].content
        self._text = [block.text for block in content if isinstance(block, Text)]
        self._thinking = [block.text for block in content if isinstance(block, Thinking)]
        return True

    @property
    def text(self) -> str:
        """The text of the answer so far."""
        return "".join(self._text)

    def answer(self, completed: Completed) -> FinalAnswer:
        """The answer of the turn that *completed*."""
        steps = self._steps
        if completed.stop_reason not in (StopReason.MAX_STEPS, StopReason.ENDED_BY_TOOL):
            steps = [*steps, self._last_step(completed)]
        calls = (use for step in steps for use in step.uses if use.malformed is None)
        return FinalAnswer(
            text=self.text,
            thinking="".join(self._thinking),
            stop_reason=completed.stop_reason,
            raw_stop_reason=completed.raw_stop_reason,
            usage=completed.usage,
            requests=completed.requests,
            turn=completed.turn,
            tool_calls=tuple(calls),
            steps=tuple(steps),
            message_id=self._message_id,
            duration_s=time.monotonic() - self._started_at,
            correlation_id=completed.correlation_id,
        )

    def _last_step(self, completed: Completed) -> StepCompleted:
        """The answer that ends the turn, as a step without tool uses."""
        return StepCompleted(
            session_id=completed.session_id,
            seq=completed.seq,
            at=completed.at,
            turn=completed.turn,
            correlation_id=completed.correlation_id,
            number=len(self._steps) + 1,
            text=self.text,
            uses=(),
            results=(),
            stop_reason=completed.stop_reason,
            usage=self._usage,
            duration_s=max(0.0, completed.at - self._step_at) if self._step_at else None,
        )


def _uses_tools(answer: Message) -> bool:
    return any(isinstance(block, ToolUse) for block in answer.content)
