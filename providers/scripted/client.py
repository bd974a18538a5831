"""The client of the scripted provider: it answers from a script, at the script's pace."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import msgspec

from ..schema.client import Sink
from ..schema.content import Block, Opaque, Text, ToolResult
from ..schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    Delta,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from ..schema.draft import Answer, Draft
from ..schema.errors import IncompleteAnswer
from ..schema.messages import Message, Role
from ..schema.request import Request, Settings
from ..schema.stop_reasons import StopReason
from ..schema.usage import Usage, reported
from ..wire.cache_points import system_text
from .config import Scripted
from .pacer import Pacer
from .script import ERRORS_BY_CODE, Call, Cut, Fail, Say, Step, Stop, Think, Wait

_PIECE_CHARS = 4
"""The size of pieces of thinking and tool input, and of text where the script gives none."""

_BYTES_PER_TOKEN = 4

_COMPACTION = "compaction"


class ScriptedClient:
    """Answers from the script of its config, the same on every run."""

    def __init__(self, config: Scripted) -> None:
        self._config = config

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self._config.name

    def check_settings(self, settings: Settings) -> None:
        """All settings are accepted, and ignored."""

    def check_content(self, content: Sequence[Block]) -> None:
        """All content is accepted."""

    async def stream(self, request: Request, sink: Sink) -> None:
        """Stream the answer at the script's pace. After a time without room, *sink* gets all pieces that are due."""
        await asyncio.sleep(self._config.script.first_token_s)
        pacer = Pacer(self._config.script.tokens_per_s)
        batch: list[Delta] = []
        for part in _ScriptedAnswer(self._config, request).parts():
            match part:
                case _PacedText():
                    sent = 0
                    while sent < part.pieces:
                        admitted = pacer.admit(part.pieces - sent)
                        batch += part.cut(sent, sent + admitted)
                        sent += admitted
                        if sent < part.pieces:
                            batch = await _give(batch, sink)
                            await pacer.tick()
                case Wait() | Fail() | Cut():
                    batch = await _give(batch, sink)
                    await self._pause(part)
                    pacer.restart()
                case _:
                    batch.append(part)
        await _give(batch, sink)

    async def complete(self, request: Request) -> Sequence[Delta]:
        """The whole answer, a delta per block, at the time when a stream would have ended."""
        await asyncio.sleep(self._config.script.first_token_s)
        pacer = Pacer(self._config.script.tokens_per_s)
        deltas: list[Delta] = []
        for part in _ScriptedAnswer(self._config, request).parts():
            match part:
                case _PacedText():
                    deltas.append(part.whole())
                    await pacer.skip(part.pieces)
                case Wait() | Fail() | Cut():
                    await self._pause(part)
                    pacer.restart()
                case _:
                    deltas.append(part)
        return deltas

    async def compact(self, request: Request, instructions: str | None) -> Answer:
        """The script's summary as an opaque block, in one piece."""
        await asyncio.sleep(self._config.script.first_token_s)
        draft = Draft(self.provider)
        for part in _ScriptedAnswer(self._config, request).parts(self._config.script.compaction):
            match part:
                case Wait() | Fail() | Cut():
                    await self._pause(part)
                case _PacedText():
                    draft.add([part.whole()])
                case _:
                    draft.add([part])
        answer = draft.finish()
        summary = {"type": _COMPACTION, "summary": "".join(_texts(answer.content)), "instructions": instructions}
        block = Opaque(provider=self.provider, type=_COMPACTION, json=msgspec.json.encode(summary))
        return msgspec.structs.replace(answer, content=(block,))

    async def aclose(self) -> None:
        """Nothing to close."""

    async def _pause(self, step: "_Pause") -> None:
        match step:
            case Wait(seconds=seconds):
                await (asyncio.Event().wait() if seconds is None else asyncio.sleep(seconds))
            case Fail():
                raise ERRORS_BY_CODE[step.code](step.message, self.provider, None, None, step.retry_after_s)
            case Cut():
                raise IncompleteAnswer("the script broke off the answer", self.provider)


async def _give(batch: list[Delta], sink: Sink) -> list[Delta]:
    """Give *batch* to *sink*, and wait until it has room. Returns the next batch."""
    if batch and (room := sink(batch)) is not None:
        await room
    return []


@dataclass(frozen=True, slots=True)
class _PacedText:
    """The *text* of block *index*, sent in pieces of *size* characters. An empty text is one piece."""

    kind: type[TextDelta] | type[ThinkingDelta] | type[ToolInputDelta]
    index: int
    text: str
    size: int = _PIECE_CHARS

    @property
    def pieces(self) -> int:
        return max(1, -(-len(self.text) // self.size))

    def cut(self, first: int, end: int) -> list[Delta]:
        kind, index, text, size = self.kind, self.index, self.text, self.size
        return [kind(index, text[at : at + size]) for at in range(first * size, end * size, size)]

    def whole(self) -> Delta:
        return self.kind(self.index, self.text)


_Pause = Wait | Fail | Cut
_Part = _PacedText | Delta | _Pause


class _ScriptedAnswer:
    """One answer of a script, with the number of pieces produced so far, and of those that were thinking."""

    def __init__(self, config: Scripted, request: Request) -> None:
        self._config = config
        self._request = request
        self._input_bytes = _wire_bytes(request)
        self._pieces = 0
        self._thought = 0

    def parts(self, steps: Iterable[Step] | None = None) -> Iterator[_Part]:
        """The parts in order, of *steps* if given. The answer starts with its first block, after pauses and errors."""
        started, stop, index = False, StopReason.END_TURN, count()
        for step in self._steps() if steps is None else steps:
            match step:
                case Stop(reason=reason):
                    stop = reason
                    break
                case Wait() | Fail() | Cut():
                    yield step
                    continue
                case Call():
                    stop = StopReason.TOOL_USE
                case _:
                    pass
            if not started:
                yield self._answer_started()
                started = True
            yield from self._block(step, next(index))
        if not started:
            yield self._answer_started()
        yield from self._answer_end(stop)

    def _steps(self) -> tuple[Step, ...]:
        answers = self._config.script.answers
        return answers[min(self._request.number, len(answers)) - 1] if answers else (Say(),)

    def _answer_started(self) -> AnswerStarted:
        return AnswerStarted(f"scripted-{self._request.number}", self._config.model)

    def _block(self, step: Say | Think | Call, index: int) -> Iterator[_Part]:
        match step:
            case Say():
                text = self._last_user_text() if step.text is None else step.text
                yield self._counted(_PacedText(TextDelta, index, text, step.piece_chars))
            case Think():
                thought = _PacedText(ThinkingDelta, index, step.text)
                self._thought += thought.pieces
                yield self._counted(thought)
                yield ThinkingSigned(index, step.signature)
            case Call():
                yield ToolUseStarted(index, step.id or f"call-{self._request.number}-{index}", step.name)
                json = msgspec.json.encode(step.input).decode() if step.json is None else step.json
                yield self._counted(_PacedText(ToolInputDelta, index, json))
        yield BlockEnded(index)

    def _counted(self, utterance: _PacedText) -> _PacedText:
        self._pieces += utterance.pieces
        return utterance

    def _answer_end(self, stop: StopReason) -> Iterator[Delta]:
        if self._config.script.usage == "reported":
            yield UsageReported(self._usage())
        yield AnswerEnded(stop, stop.value)

    def _last_user_text(self) -> str:
        user_messages = (message for message in reversed(self._request.messages) if message.role is Role.USER)
        last = next(user_messages, None)
        return "".join(_texts(last.content)) if last else ""

    def _usage(self) -> Usage:
        return Usage(
            input=reported(-(-self._input_bytes // _BYTES_PER_TOKEN)),
            output=reported(self._pieces),
            cache_read=reported(0),
            cache_write=reported(0),
            reasoning=reported(self._thought),
        )


def _texts(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        match block:
            case Text(text=text):
                yield text
            case ToolResult(content=content):
                yield from _texts(content)
            case _:
                pass


def _wire_form(message: Message) -> Message:
    """*message* without what no provider gets."""
    content, origin = message.content, message.origin
    return Message(role=message.role, content=content, turn=message.turn, stands_for=message.stands_for, origin=origin)


def _wire_bytes(request: Request) -> int:
    settings = request.settings
    request.memo.forms(request.messages, "scripted", lambda message: [_wire_form(message)])
    system = None if settings.system is None else system_text(settings.system)
    return request.memo.size_bytes + len(msgspec.json.encode((system, settings.tools)))
