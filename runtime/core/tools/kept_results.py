"""Results that are too long to be read at once: the model gets a part of each, and the session keeps the whole."""

from collections.abc import Iterable, Sequence

import msgspec

from ....providers.schema.checks.shown import shown
from ....providers.schema.content import Block, Text, ToolResult
from ....providers.schema.messages import Message
from ...api.tools.builtins import ReadInput

_PART_BYTES = 64 << 10
"""So much of a result from the history, of which a compaction has left a note, is read at once."""

_MATCHES, _CONTEXT = 20, 100
"""How many places a search finds at most, and how many characters it shows before and after each."""


class KeptResult(msgspec.Struct, frozen=True, gc=False):
    """The whole *text* of a result, of *size_bytes*. The model reads up to *part_bytes* of it at once."""

    tool_use_id: str
    text: str
    size_bytes: int
    part_bytes: int


class Unreadable(Exception):
    """The model asks for what the session does not have."""


def cut_results(
    results: Iterable[ToolResult], part_bytes: int, limit_bytes: int
) -> tuple[tuple[ToolResult, ...], tuple[KeptResult, ...]]:
    """*results* with at most *part_bytes* of text each, and the whole of those that had more.

    None is kept whose text has more than *limit_bytes*.
    """
    cut: list[ToolResult] = []
    kept: list[KeptResult] = []
    for result in results:
        texts = [block.text for block in result.content if isinstance(block, Text)]
        size_bytes = sum(map(_size_bytes, texts))
        if size_bytes <= part_bytes:
            cut.append(result)
            continue
        whole = KeptResult(result.tool_use_id, "".join(texts), size_bytes, part_bytes)
        is_kept = size_bytes <= limit_bytes
        cut.append(msgspec.structs.replace(result, content=tuple(_cut(result.content, whole, is_kept))))
        if is_kept:
            kept.append(whole)
    return tuple(cut), tuple(kept)


def within(kept: tuple[KeptResult, ...], limit_bytes: int) -> tuple[KeptResult, ...]:
    """The last of *kept* that come to at most *limit_bytes*."""
    left = limit_bytes
    for number, each in enumerate(reversed(kept)):
        left -= each.size_bytes
        if left < 0:
            return kept[len(kept) - number :]
    return kept


def kept_bytes(kept: Iterable[KeptResult]) -> int:
    """What *kept* takes."""
    return sum(each.size_bytes for each in kept)


def read(wanted: ReadInput, kept: tuple[KeptResult, ...], full: Sequence[Message]) -> str:
    """What *wanted* asks for, of a result in *kept*, or in the *full* history.

    Raises:
        Unreadable: there is no such result, or it is shorter.
    """
    for each in reversed(kept):
        if each.tool_use_id == wanted.id:
            return _part(wanted, each.text, each.part_bytes)
    for message in reversed(full):
        for block in message.content:
            if isinstance(block, ToolResult) and block.tool_use_id == wanted.id:
                text = "".join(part.text for part in block.content if isinstance(part, Text))
                return _part(wanted, text, _PART_BYTES)
    ids = ", ".join(shown(each.tool_use_id) for each in kept[-20:]) or "none"
    raise Unreadable(f"There is no result {shown(wanted.id)}, or it is no longer kept. Long results: {ids}.")


def _part(wanted: ReadInput, text: str, part_bytes: int) -> str:
    if wanted.search:
        return _matches(wanted, text)
    if wanted.offset >= len(text):
        raise Unreadable(f"What is kept of the result {shown(wanted.id)} has {len(text):,} characters.")
    part = beginning_of(text[wanted.offset : wanted.offset + part_bytes], part_bytes)
    end = wanted.offset + len(part)
    return part if end == len(text) else f"{part}{_note(wanted.id, end, len(text))}"


def _matches(wanted: ReadInput, text: str) -> str:
    searched = wanted.search or ""
    found, rest = places_of(searched, text, wanted.offset)
    if not found:
        raise Unreadable(f"{shown(searched)} is not in the result from offset {wanted.offset} on.")
    more = "" if rest < 0 else f"\n[more matches: search again with offset={rest}]"
    return "\n".join(f"[offset {at}] {place}" for at, place in found) + more


def places_of(searched: str, text: str, offset: int = 0) -> tuple[list[tuple[int, str]], int]:
    """Where *searched* is in *text* from *offset* on, with what is around it; and where the next place is, or -1."""
    places: list[tuple[int, str]] = []
    at = text.find(searched, offset)
    while at >= 0 and len(places) < _MATCHES:
        places.append((at, text[max(0, at - _CONTEXT) : at + len(searched) + _CONTEXT]))
        at = text.find(searched, at + len(searched))
    return places, at


def _cut(content: Iterable[Block], whole: KeptResult, is_kept: bool) -> Iterable[Block]:
    """*content* with the beginning of its text: a note follows it. Of the rest, what is no text stays."""
    left, offset = whole.part_bytes, 0
    for block in content:
        if not isinstance(block, Text):
            yield block
            continue
        if left < 0:
            continue
        size_bytes = _size_bytes(block.text)
        if size_bytes <= left:
            yield block
            offset += len(block.text)
            left -= size_bytes
            continue
        text = beginning_of(block.text, left)
        note = f"\n[cut off here: the text has {whole.size_bytes:,} bytes]"
        yield Text(text + (_note(whole.tool_use_id, offset + len(text), len(whole.text)) if is_kept else note))
        left = -1


def _note(tool_use_id: str, offset: int, length: int) -> str:
    return (
        f"\n[cut off here, after {offset:,} of {length:,} characters: "
        f'to read on, use read_result with the id "{tool_use_id}" and the offset {offset}]'
    )


def beginning_of(text: str, size_bytes: int) -> str:
    """The first *size_bytes* of *text* in UTF-8, without half a character."""
    return text[:size_bytes] if text.isascii() else text.encode()[:size_bytes].decode(errors="ignore")


def _size_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
