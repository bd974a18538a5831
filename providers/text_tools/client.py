"""Reading the answers of a model that uses tools in their text: a client whose deltas are those of any other."""

from collections.abc import Awaitable, Iterator, Sequence
from contextlib import suppress

import msgspec

from ..schema.client import Client, Sink
from ..schema.deltas import (
    AnswerEnded,
    BlockEnded,
    BlocksWithdrawn,
    Cited,
    Delta,
    OpaqueReceived,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolInputRejected,
    ToolUseStarted,
    UsageReported,
)
from ..schema.errors import InvalidConfig
from ..schema.request import Request, Settings
from ..schema.stop_reasons import StopReason
from .parser import Over, Piece, ToolUseParser, Unfinished, UseEnded, UseStarted
from .protocol import max_calls, tool_schemas, usable
from .tags import RESULT, USE_END

_UNCLOSED = f"it has no {USE_END}"
_NOT_NOW = "this tool may not be used now"
_INVENTED = f"<{RESULT}"
_REFUSALS = (StopReason.REFUSAL, StopReason.CONTENT_FILTER)


class _Enough(Exception):
    """The rest of an answer is not needed."""


class TextToolsClient:
    """Sends the request *number*, which is text already, through *client*; *settings* are those with the tools.

    It is for one request.
    """

    def __init__(self, client: Client, settings: Settings, number: int) -> None:
        self.cut_short = False
        """True if the answer was not read to its end: nothing reports what it came to."""
        self._client = client
        self._answer = TextAnswer(settings, number)

    async def stream(self, request: Request, sink: Sink) -> None:
        """As ``Client.stream``. What follows the last tool use is not read."""
        answer = self._answer

        def take(deltas: Sequence[Delta]) -> Awaitable[None] | None:
            read = answer.read(deltas)
            waiting = sink(read) if read else None
            if answer.is_over and not answer.has_ended:
                raise _Enough
            return waiting

        try:
            await self._client.stream(request, take)
        except Exception:
            if not answer.is_over or answer.has_ended:
                raise
        if answer.is_over and not answer.has_ended:
            self.cut_short = True
            sink(answer.end())

    async def complete(self, request: Request) -> Sequence[Delta]:
        """As ``Client.complete``."""
        settings = request.settings
        stopping = msgspec.structs.replace(settings, stop_sequences=(*settings.stop_sequences, _INVENTED))
        with suppress(InvalidConfig):  # the API has none, or no more of them: then the model writes on
            self._client.check_settings(stopping)
            request = msgspec.structs.replace(request, settings=stopping)
        return self._answer.read(await self._client.complete(request))


class TextAnswer:
    """Turns the deltas of the answer to the request *number*, with *settings*, into deltas with its tool uses.

    A block of text becomes several: the indexes of the blocks are given in the order in which they start.
    """

    def __init__(self, settings: Settings, number: int) -> None:
        self.is_over = False
        """True if the model went on after all that is read of it."""
        self.has_ended = False
        self._parser = ToolUseParser(tool_schemas(settings), max_calls(settings))
        self._usable = usable(settings)
        self._stops = settings.stop_sequences
        self._id = f"text-{number}"
        self._next = 0
        self._texts: dict[int, list[int]] = {}  # by the client's index of a block of text: ours of its texts
        self._uses: dict[int, list[int]] = {}  # and of its tool uses
        self._others: dict[int, int] = {}  # ours of other blocks
        self._text: int | None = None  # the open block of text, ours
        self._source = -1  # the client's block of text that is being read
        self._use, self._name = -1, ""  # the last tool use
        self._reason = StopReason.TOOL_USE

    def read(self, deltas: Sequence[Delta]) -> list[Delta]:
        """What *deltas*, the next ones, come to. When it is over that is the usage and the end, if they come."""
        return [each for delta in deltas for each in (self._read_end(delta) if self.is_over else self._read(delta))]

    def end(self) -> list[Delta]:
        """The end of an answer that is over before its client's."""
        self.has_ended = True
        return [AnswerEnded(self._reason, None)]

    def _read(self, delta: Delta) -> Iterator[Delta]:
        match delta:
            case TextDelta(index=index, text=text):
                if index != self._source:
                    yield from self._flush()
                    self._source = index
                yield from self._show(self._parser.feed(text))
            case BlockEnded(index=index) if index == self._source:
                yield from self._flush()
            case AnswerEnded():
                yield from self._finish(delta)
            case BlocksWithdrawn(indexes=indexes):
                yield self._withdrawn(indexes)
            case Cited(index=index, citation=citation):
                if texts := self._texts.get(index):
                    moved = len(texts) > 1 or index in self._uses
                    where = {"start": None, "end": None} if moved else {}
                    yield Cited(texts[-1], msgspec.structs.replace(citation, **where))
            case (
                ThinkingDelta(index=index)
                | ThinkingSigned(index=index)
                | ToolUseStarted(index=index)
                | ToolInputDelta(index=index)
                | ToolInputRejected(index=index)
                | OpaqueReceived(index=index)
                | BlockEnded(index=index)
            ):
                yield from self._flush()
                if index not in self._others:
                    self._others[index] = self._new_index()
                yield msgspec.structs.replace(delta, index=self._others[index])
            case _:
                yield delta

    def _read_end(self, delta: Delta) -> Iterator[Delta]:
        match delta:
            case UsageReported():
                yield delta
            case AnswerEnded():
                self.has_ended = True
                reason = delta.stop_reason if delta.stop_reason in _REFUSALS else self._reason
                yield AnswerEnded(reason, delta.raw_stop_reason, delta.details)
            case _:
                pass

    def _finish(self, delta: AnswerEnded) -> Iterator[Delta]:
        for piece in self._parser.finish():
            if isinstance(piece, Unfinished) and not delta.stop_reason.cuts_off:
                yield ToolInputRejected(self._use, piece.raw, _UNCLOSED)
            else:
                yield from self._show([piece])
        yield from self._end_text()
        if self.is_over:
            yield from self._read_end(delta)
            return
        self.has_ended = True
        reason = delta.stop_reason
        if self._parser.uses and not reason.cuts_off:
            reason = StopReason.TOOL_USE
        elif reason is StopReason.STOP_SEQUENCE and not self._stops:
            reason = StopReason.END_TURN  # it was the one for invented results
        rewritten = None if delta.rewritten is None else self._others.get(delta.rewritten)
        yield AnswerEnded(reason, delta.raw_stop_reason, delta.details, rewritten)

    def _withdrawn(self, indexes: tuple[int, ...]) -> BlocksWithdrawn:
        if self._source in indexes:
            self._parser.drop_use()
            self._text = None
        found = [ours for index in indexes for ours in (*self._texts.get(index, ()), *self._uses.get(index, ()))]
        return BlocksWithdrawn((*found, *(self._others[index] for index in indexes if index in self._others)))

    def _new_index(self) -> int:
        self._next += 1
        return self._next - 1

    def _flush(self) -> Iterator[Delta]:
        """What is read next is not in the same block of text."""
        yield from self._show(self._parser.flush())
        yield from self._end_text()

    def _end_text(self) -> Iterator[Delta]:
        if self._text is not None:
            yield BlockEnded(self._text)
            self._text = None

    def _show(self, pieces: Sequence[Piece]) -> Iterator[Delta]:
        for piece in pieces:
            match piece:
                case str():
                    if self._text is None:
                        self._text = self._new_index()
                        self._texts.setdefault(self._source, []).append(self._text)
                    yield TextDelta(self._text, piece)
                case UseStarted(name=name):
                    yield from self._end_text()
                    self._use, self._name = self._new_index(), name
                    self._uses.setdefault(self._source, []).append(self._use)
                    yield ToolUseStarted(self._use, f"{self._id}-{self._parser.uses}", name)
                case UseEnded():
                    yield self._input(piece)
                    yield BlockEnded(self._use)
                case Unfinished(raw=raw):
                    yield ToolInputDelta(self._use, raw)
                case Over(reason=reason):
                    self.is_over = True
                    self._reason = StopReason.TOOL_LIMIT if reason == "limit" else StopReason.TOOL_USE
                    yield from self._end_text()

    def _input(self, use: UseEnded) -> Delta:
        if use.problem is not None:
            return ToolInputRejected(self._use, use.raw, use.problem)
        if self._usable is not None and self._name not in self._usable:
            return ToolInputRejected(self._use, use.raw, _NOT_NOW)
        # Not "{}", which some servers announce an input by that is still to come.
        return ToolInputDelta(self._use, msgspec.json.encode(use.input).decode() if use.input else "{ }")
