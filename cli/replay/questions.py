"""What a session was asked, and what it answered, from its records."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from ...providers.schema.content import ToolResult, ToolUse
from ...runtime.api.events import StepCompleted, TurnStarted
from ...runtime.api.messages import UserMessage
from ...runtime.core import events as ev
from ...runtime.core.instructions import Acknowledge
from .records import Step, answer_text


class Question(NamedTuple):
    """The *message* that started *turn*, and the text of the answer."""

    turn: int
    message: UserMessage
    answer: str


class Questions:
    """Follows the records of a session: the questions of the turns that have not ended when ``start`` is called."""

    def __init__(self) -> None:
        self._messages: dict[int, UserMessage] = {}
        self._answers: dict[int, str] = {}
        self._turns: list[int] = []
        self._results: dict[tuple[str, bytes], ToolResult] = {}
        self._running = 0

    def start(self, turn: int | None) -> None:
        """Questions count from here on: the running *turn* and those that start later."""
        self._turns = [turn] if turn else []

    def note(self, step: Step, counts: bool) -> None:
        """Note what *step* did, and that it *counts*."""
        match step.event:
            case ev.Received(message=UserMessage() as message):
                for instruction in step.instructions:
                    if isinstance(instruction, Acknowledge) and instruction.turn:
                        self._messages[instruction.turn] = message
            case ev.Answered() as answered:
                self._answers[self._running] = self._answers.get(self._running, "") + answer_text(answered)
            case _:
                pass
        for event in step.emitted:
            match event:
                case TurnStarted(turn=turn):
                    self._running = turn
                    if counts:
                        self._turns.append(turn)
                case StepCompleted(uses=uses, results=results):
                    by_id = {result.tool_use_id: result for result in results}
                    self._results |= {_key(use): by_id[use.id] for use in uses if use.id in by_id}
                case _:
                    pass

    def __iter__(self) -> Iterator[Question]:
        for turn in self._turns:
            if message := self._messages.get(turn):  # a turn that repeats a request has none
                yield Question(turn, message, self._answers.get(turn, ""))

    def result_of(self, use: ToolUse) -> ToolResult | None:
        """The recorded result of a tool use like *use*."""
        result = self._results.get(_key(use))
        return result and msgspec.structs.replace(result, tool_use_id=use.id)


def _key(use: ToolUse) -> tuple[str, bytes]:
    return use.name, msgspec.json.encode(use.input, order="sorted")
