"""Replies whose answer is a value of a type."""

from collections.abc import Generator
from typing import Generic, TypeVar

import msgspec

from ...providers.schema.content import Text
from ...providers.schema.errors import InvalidConfig
from ...providers.schema.stop_reasons import StopReason
from ..api.errors import OutputMismatch
from ..api.messages import Continue, Receipt, Retry, UserMessage
from ..api.notebooks import text_html
from .answers.final_answer import FinalAnswer
from .answers.output_type import Misfit, OutputType
from .calls.questions import OnQuestion
from .calls.reply_options import ReplyOptions
from .calls.tool_runs import RunTool
from .reply import Reply, ReplySession

T = TypeVar("T")

_NO_ANSWERS = (StopReason.REFUSAL, StopReason.CONTENT_FILTER, StopReason.MAX_STEPS)
"""Turns that ended for these reasons are not corrected: there is nothing that the model could write differently."""

_AGAIN = "\0again"
"""After the key of a message: that of the message which has the model correct its answer."""


class TypedAnswer(FinalAnswer, Generic[T], frozen=True, kw_only=True):
    """A completed turn whose text is *value*. If the model was told about a misfit, it counts both turns."""

    value: T

    def _repr_html_(self) -> str:
        return text_html(repr(self.value)) + self._notes_html()


class _SchemaReply(Reply, Generic[T]):
    """The events of one turn with a schema, which is part of the message where the session does not take it."""

    def __init__(
        self,
        session: ReplySession,
        epoch: int,
        message: UserMessage | Retry,
        options: ReplyOptions,
        output: OutputType[T],
    ) -> None:
        super().__init__(session, epoch, _with_schema(message, output), options)
        self._output = output

    async def _deliver(self, message: UserMessage | Retry | Continue) -> Receipt:
        try:
            return await super()._deliver(message)
        except InvalidConfig as error:
            if not isinstance(message, UserMessage) or not error.field.startswith("output_schema"):
                raise
        return await super()._deliver(self._output.asked_for_in(message))


class TypedReply(_SchemaReply[T]):
    """The events of one turn, or its answer, whose ``value`` is of the type that was asked for."""

    def __await__(self) -> Generator[None, None, TypedAnswer[T]]:
        return self.answer().__await__()

    async def answer(self, run_tool: RunTool | None = None, on_question: OnQuestion | None = None) -> TypedAnswer[T]:
        """Wait for the whole answer. One that does not fit the type is reported to the model once, in another turn.

        Raises:
            OutputMismatch: the answer does not fit. It is in the history, and its text is in the error.
            TurnFailed, TurnInterrupted, ToolsWaiting, EventsMissed: as for ``Reply.answer``.
        """
        first = await super().answer(run_tool, on_question)
        try:
            return _typed(first, self._value(first))
        except Misfit as misfit:
            if first.stop_reason in _NO_ANSWERS:
                raise _mismatch(first, f"the model did not answer ({first.stop_reason})") from None
            message = self._correction(first, str(misfit))
        options = msgspec.structs.replace(self._options, key=self._options.key and self._options.key + _AGAIN)
        again = _SchemaReply(self._session, self._epoch, message, options, self._output)
        second = await again.answer(run_tool, on_question)
        try:
            return _typed(second, self._value(second), first)
        except Misfit as misfit:
            raise _mismatch(second, str(misfit)) from None

    def _correction(self, answer: FinalAnswer, problem: str) -> UserMessage:
        """The message that reports the *problem* of *answer*. One about a temporary turn, which is gone, repeats it."""
        correction, asked = self._output.correction(problem), self._message
        if not isinstance(asked, UserMessage):
            return msgspec.structs.replace(correction, settings=self._options.settings)
        if asked.temporary:
            content = (*asked.content, Text(f"You answered:\n{answer.text}"), *correction.content)
            return msgspec.structs.replace(asked, content=content, output_schema=None)
        return msgspec.structs.replace(
            correction,
            settings=self._options.settings,
            temporary_content=asked.temporary_content,
            correlation_id=asked.correlation_id,
            metadata=asked.metadata,
        )

    def _value(self, answer: FinalAnswer) -> T:
        if answer.stop_reason is StopReason.MAX_TOKENS:
            raise Misfit("the output limit cut it off")
        return self._output.value(answer.text)


def _with_schema(message: UserMessage | Retry, output: OutputType[T]) -> UserMessage | Retry:
    """*message* with the schema. The session repeats a request with the schema that it had."""
    if isinstance(message, Retry):
        return message
    if output.schema is None:
        return output.asked_for_in(message)
    return msgspec.structs.replace(message, output_schema=output.schema)


def _typed(answer: FinalAnswer, value: T, before: FinalAnswer | None = None) -> TypedAnswer[T]:
    fields = msgspec.structs.asdict(answer)
    if before:
        fields |= {
            "usage": before.usage + answer.usage,
            "requests": before.requests + answer.requests,
            "tool_calls": (*before.tool_calls, *answer.tool_calls),
            "steps": (*before.steps, *answer.steps),
            "duration_s": before.duration_s + answer.duration_s,
        }
    return TypedAnswer(**fields, value=value)


def _mismatch(answer: FinalAnswer, problem: str) -> OutputMismatch:
    return OutputMismatch(f"the answer does not fit the type: {problem}", problem, answer.text)
