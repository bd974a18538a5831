"""Replies whose answer is a value of a type."""

from collections.abc import Callable, Generator
from typing import Generic, TypeVar, cast

import msgspec

from ...providers.schema.errors import InvalidConfig
from ...providers.schema.stop_reasons import StopReason
from ..api.errors import OutputMismatch
from ..api.messages import Receipt, ToLLM, UserMessage
from ..api.status import SessionStatus
from ..events.reader import Reader
from .output_type import Misfit, OutputType
from .reply import FinalAnswer, Reply, ReplyOptions, ReplySession, RunTool
from .silence import SilenceWatch

T = TypeVar("T")

_REFUSALS = (StopReason.REFUSAL, StopReason.CONTENT_FILTER)


class TypedAnswer(FinalAnswer, Generic[T], frozen=True, kw_only=True):
    """A completed turn whose text is *value*. If the model was told about a misfit, both turns are counted."""

    value: T


class TypedReply(Reply, Generic[T]):
    """The events of one turn, or its answer, whose ``value`` is of the type that was asked for."""

    def __init__(
        self,
        session: ReplySession,
        epoch: int,
        message: UserMessage,
        options: ReplyOptions,
        output: OutputType[T],
    ) -> None:
        message = _with_schema(message, output)
        in_words = cast(ReplySession, _SchemaInWords(session, output))  # pyright takes no property for a field
        super().__init__(in_words, epoch, message, options)
        self._output = output

    def __await__(self) -> Generator[None, None, TypedAnswer[T]]:
        return self.answer().__await__()

    async def answer(self, run_tool: RunTool | None = None) -> TypedAnswer[T]:
        """Wait for the whole answer. One that does not fit the type is reported to the model once, in another turn.

        Raises:
            OutputMismatch: the answer does not fit. It is in the history, and its text is in the error.
            TurnFailed, TurnInterrupted, ToolsWaiting, EventsMissed: as for ``Reply.answer``.
        """
        first = await super().answer(run_tool)
        try:
            return _typed(first, self._value(first))
        except Misfit as misfit:
            if first.stop_reason in _REFUSALS:
                raise _mismatch(first, f"the model did not answer ({first.stop_reason})") from None
            message = _with_schema(self._output.correction(str(misfit)), self._output)
        second = await Reply(self._session, self._epoch, message, self._options).answer(run_tool)
        try:
            return _typed(second, self._value(second), first)
        except Misfit as misfit:
            raise _mismatch(second, str(misfit)) from None

    def _value(self, answer: FinalAnswer) -> T:
        if answer.stop_reason is StopReason.MAX_TOKENS:
            raise Misfit("the output limit cut it off")
        return self._output.value(answer.text)


class _SchemaInWords:
    """A session in which a schema that it does not take is part of the message instead."""

    def __init__(self, session: ReplySession, output: OutputType[T]) -> None:
        self.id: str = session.id
        self._session = session
        self._in_words = output.asked_for_in

    @property
    def last_seq(self) -> int:
        """The number of the last event that the session's handle knows of."""
        return self._session.last_seq

    @last_seq.setter
    def last_seq(self, seq: int) -> None:
        self._session.last_seq = seq

    @property
    def open_replies(self) -> int:
        """How many replies of the session's handle are being read."""
        return self._session.open_replies

    @open_replies.setter
    def open_replies(self, count: int) -> None:
        self._session.open_replies = count

    def events(self, after: int = 0) -> Reader:
        """The session's events after number *after*."""
        return self._session.events(after)

    def watch(self, reader: Reader) -> SilenceWatch:
        """Have *reader* fail when its events can't come any more, as long as it is silent."""
        return self._session.watch(reader)

    async def status(self) -> SessionStatus:
        """The session's current status."""
        return await self._session.status()

    async def send(self, message: ToLLM) -> Receipt:
        """Put *message* into the mailbox, with its schema in words if the provider or the model does not take it."""
        return await self.deliver(message, None)

    async def deliver(self, message: ToLLM, on_late: Callable[[Receipt], None] | None) -> Receipt:
        """As ``send``. If the message gets there although this is cancelled, *on_late* gets the receipt."""
        try:
            return await self._session.deliver(message, on_late)
        except InvalidConfig as error:
            if not isinstance(message, UserMessage) or not error.field.startswith("output_schema"):
                raise
        return await self._session.deliver(self._in_words(message), on_late)


def _with_schema(message: UserMessage, output: OutputType[T]) -> UserMessage:
    if output.schema is None:
        return output.asked_for_in(message)
    return msgspec.structs.replace(message, output_schema=output.schema)


def _typed(answer: FinalAnswer, value: T, before: FinalAnswer | None = None) -> TypedAnswer[T]:
    fields = msgspec.structs.asdict(answer)
    if before:
        fields |= {"usage": before.usage + answer.usage, "requests": before.requests + answer.requests}
    return TypedAnswer(**fields, value=value)


def _mismatch(answer: FinalAnswer, problem: str) -> OutputMismatch:
    return OutputMismatch(f"the answer does not fit the type: {problem}", problem, answer.text)
