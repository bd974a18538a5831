"""Assembling an answer from deltas."""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeVar, cast

import msgspec

from .checks.shown import short_repr
from .content import Block, Citation, Opaque, Text, Thinking, ToolUse
from .deltas import (
    AnswerEnded,
    AnswerStarted,
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
from .drafts.tool_use import ToolUseDraft
from .errors import IncompleteAnswer, ProtocolError
from .messages import Origin
from .stop_reasons import StopDetails, StopReason
from .usage import NOTHING_KNOWN, Usage


class Answer(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A complete answer. *content* is in the order of the blocks' indexes, without empty blocks.

    The ids of its tool uses are unique. *raw_stop_reason* is the provider's own value, *stop_details* what it says
    about it. The session adds the *origin*, and how long the answer and its first text took.
    """

    __repr__ = short_repr

    message_id: str
    model: str
    content: tuple[Block, ...]
    stop_reason: StopReason
    raw_stop_reason: str | None
    usage: Usage
    stop_details: StopDetails | None = None
    origin: Origin | None = None
    duration_s: float | None = None
    first_text_s: float | None = None


class Partial(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """An incomplete answer. *content* is what a history may keep of it.

    That is the text so far, signed thinking, tool uses with complete input, and opaque blocks. *text* is all visible
    text. *message_id* and *model* are ``None`` before the answer has started. The session adds the rest, as for an
    ``Answer``.
    """

    __repr__ = short_repr

    content: tuple[Block, ...] = ()
    text: str = ""
    usage: Usage = NOTHING_KNOWN
    message_id: str | None = None
    model: str | None = None
    origin: Origin | None = None
    duration_s: float | None = None
    first_text_s: float | None = None


@dataclass(slots=True)
class _TextDraft:
    pieces: list[str] = field(default_factory=list[str])
    citations: list[Citation] = field(default_factory=list[Citation])


@dataclass(slots=True)
class _ThinkingDraft:
    pieces: list[str] = field(default_factory=list[str])
    signature: str | None = None


_OpenBlock = _TextDraft | _ThinkingDraft | ToolUseDraft
_WholeBlock = Thinking | Opaque
_Kind = TypeVar("_Kind", _TextDraft, _ThinkingDraft)


class Draft:
    """An answer of *provider* that is being received. It enforces the guarantees that ``deltas`` states.

    A text or thinking block starts with its first delta, even an empty one, a tool use with ``ToolUseStarted``.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._started: AnswerStarted | None = None
        self._ended: AnswerEnded | None = None
        self._usage = NOTHING_KNOWN
        self._blocks: dict[int, _OpenBlock | _WholeBlock] = {}
        self._closed: set[int] = set()
        self._rewritten: set[int] = set()
        self._withdrawn: set[int] = set()
        # The text block of the last text delta: the next one appends to it without a look-up.
        self._text_index: int | None = None
        self._append_text: Callable[[str], None] = _TextDraft().pieces.append

    def add(self, deltas: Iterable[Delta]) -> None:
        """Add *deltas* in the order of their arrival.

        Raises:
            ProtocolError: one of them violates a guarantee. Those before it are kept.
        """
        for delta in deltas:
            # Nearly every delta is one of these, and a `match` costs twice this.
            if type(delta) is TextDelta:
                if delta.index != self._text_index:
                    self._switch_to_text_block(delta)
                self._append_text(delta.text)
            else:
                self._add_other(delta)

    def finish(self) -> Answer:
        """The complete answer.

        Raises:
            IncompleteAnswer: its end has not arrived.
        """
        if self._started is None or self._ended is None:
            raise IncompleteAnswer("the answer stopped before its end", self._provider)
        return Answer(
            message_id=self._started.message_id,
            model=self._started.model,
            content=self._content(),
            stop_reason=self._ended.stop_reason,
            raw_stop_reason=self._ended.raw_stop_reason,
            usage=self._usage,
            stop_details=self._ended.details,
        )

    def partial(self) -> Partial:
        """The answer so far. The draft does not change."""
        content = self._content()
        return Partial(
            content=content,
            text="".join(block.text for block in content if isinstance(block, Text)),
            usage=self._usage,
            message_id=self._started.message_id if self._started else None,
            model=self._started.model if self._started else None,
        )

    def ready_tool_uses(self, after: int) -> Iterator[tuple[int, ToolUse]]:
        """The tool uses behind block *after*, with their blocks, up to the first whose input may still change.

        One is ready before the end of the answer if the model went on after it, or if its input, the model's own text,
        is closed. Their ids are unique as in the answer.
        """
        shown = [(index, block) for index, block in sorted(self._blocks.items()) if index not in self._withdrawn]
        last = max((index for index, block in shown if not isinstance(block, Opaque)), default=-1)
        drafts = [(index, block) for index, block in shown if isinstance(block, ToolUseDraft)]
        ids = unique_tool_ids(ToolUse(block.id, block.name, {}) for _, block in drafts)
        for (index, block), unique in zip(drafts, ids, strict=True):
            if index <= after:
                continue
            use = block.complete()
            is_closed = index in self._closed
            if index == last and (not is_closed or index in self._rewritten or block.is_empty()):
                return
            if not is_closed and (use.malformed is not None or block.is_empty()):
                return
            yield index, msgspec.structs.replace(use, id=cast(ToolUse, unique).id)

    def _add_other(self, delta: Delta) -> None:
        self._require_in_progress(delta)
        match delta:
            case ToolInputDelta():
                self._tool_use(delta).pieces.append(delta.json)
            case ToolInputRejected(text=text, problem=problem):
                use = self._tool_use(delta)
                use.pieces, use.problem = [text], problem
            case ThinkingDelta():
                self._thinking(delta).pieces.append(delta.text)
            # Every answer has these four.
            case UsageReported():
                self._usage = delta.usage.or_else(self._usage)
            case BlockEnded():
                self._end_block(delta)
            case AnswerStarted():
                self._started = delta
            case AnswerEnded():
                self._ended, self._text_index = delta, None
            case TextDelta():
                self._switch_to_text_block(delta)
                self._append_text(delta.text)
            case ToolUseStarted():
                self._start_block(delta, ToolUseDraft(delta.id, delta.name))
            case ThinkingSigned(redacted=True):
                whole = Thinking(text="", provider=self._provider, signature=delta.signature, redacted=True)
                self._start_block(delta, whole)
            case ThinkingSigned():
                self._thinking(delta).signature = delta.signature
            case Cited():
                self._cite(delta)
            case OpaqueReceived():
                self._start_block(delta, Opaque(provider=self._provider, type=delta.type, json=delta.json))
            case BlocksWithdrawn():
                self._withdrawn.update(delta.indexes)

    def _require_in_progress(self, delta: Delta) -> None:
        if self._ended:
            raise self._violation(delta, "came after the answer's end")
        if self._started and isinstance(delta, AnswerStarted):
            raise self._violation(delta, "came twice")
        if not self._started and not isinstance(delta, AnswerStarted):
            raise self._violation(delta, "came before the answer's start")

    def _switch_to_text_block(self, delta: TextDelta) -> None:
        self._require_in_progress(delta)
        self._append_text = self._continued_block(delta, _TextDraft).pieces.append
        self._text_index = delta.index

    def _thinking(self, delta: ThinkingDelta | ThinkingSigned) -> _ThinkingDraft:
        return self._continued_block(delta, _ThinkingDraft)

    def _continued_block(self, delta: TextDelta | ThinkingDelta | ThinkingSigned, kind: type[_Kind]) -> _Kind:
        """The block that *delta* continues, started if necessary."""
        block = self._blocks.setdefault(delta.index, kind())
        if not isinstance(block, kind) or delta.index in self._closed:
            raise self._violation(delta, f"does not continue block {delta.index}")
        return block

    def _tool_use(self, delta: ToolInputDelta | ToolInputRejected) -> ToolUseDraft:
        block = self._blocks.get(delta.index)
        if not isinstance(block, ToolUseDraft) or delta.index in self._closed:
            raise self._violation(delta, f"does not continue block {delta.index}")
        return block

    def _cite(self, delta: Cited) -> None:
        block = self._blocks.get(delta.index)
        if not isinstance(block, _TextDraft):
            raise self._violation(delta, f"came when there was no text block {delta.index}")
        block.citations.append(delta.citation)

    def _start_block(
        self, delta: ToolUseStarted | ThinkingSigned | OpaqueReceived, block: _OpenBlock | _WholeBlock
    ) -> None:
        if delta.index in self._blocks:
            raise self._violation(delta, f"came when block {delta.index} had started")
        self._blocks[delta.index] = block

    def _end_block(self, delta: BlockEnded) -> None:
        if delta.index not in self._blocks or delta.index in self._closed:
            raise self._violation(delta, f"came when there was no open block {delta.index}")
        self._closed.add(delta.index)
        if delta.rewritten:
            self._rewritten.add(delta.index)
        if delta.index == self._text_index:
            self._text_index = None

    def _violation(self, delta: Delta, how: str) -> ProtocolError:
        return ProtocolError(f"{type(delta).__name__} {how}", self._provider)

    def _content(self) -> tuple[Block, ...]:
        return tuple(unique_tool_ids(self._complete_blocks()))

    def _cut_off(self) -> int | None:
        """The index of the tool use within which the answer may have ended: the last thing that the model wrote."""
        if self._ended is None or not self._ended.stop_reason.cuts_off:
            return None
        shown = ((index, block) for index, block in self._blocks.items() if index not in self._withdrawn)
        written = [index for index, block in shown if not isinstance(block, Opaque)]
        last = max(written, default=None)
        return last if last is not None and isinstance(self._blocks[last], ToolUseDraft) else None

    def _complete_blocks(self) -> Iterator[Block]:
        cut_off = self._cut_off()
        for index, block in sorted(self._blocks.items()):
            if index in self._withdrawn:
                continue
            match block:
                case _TextDraft():
                    if text := "".join(block.pieces):
                        yield Text(text=text, citations=tuple(block.citations))
                case _ThinkingDraft():
                    text = "".join(block.pieces)
                    if block.signature or (text and self._ended):
                        yield Thinking(text=text, provider=self._provider, signature=block.signature)
                case ToolUseDraft():
                    if self._ended and index == cut_off:
                        yield block.cut_off(self._ended, index)
                    elif self._ended or index in self._closed:
                        yield block.complete()
                case _:
                    yield block


def unique_tool_ids(blocks: Iterable[Block], taken: AbstractSet[str] = frozenset()) -> Iterator[Block]:
    """*blocks* with unique tool use ids, none of them in *taken*: only the id links a result to its tool use."""
    used: set[str] = set()
    for block in blocks:
        if not isinstance(block, ToolUse):
            yield block
            continue
        original = block.id or "tool_use"
        unique, copies = original, 1
        while unique in taken or unique in used:
            copies += 1
            unique = f"{original}-{copies}"
        used.add(unique)
        yield msgspec.structs.replace(block, id=unique)
