"""The lower bound of reading a stream in Python: aiohttp delivers the bytes, msgspec extracts the text."""

from collections.abc import AsyncIterator, Callable
from struct import Struct

import aiohttp
import msgspec
from yarl import URL

from ..load.answers import ANTHROPIC, BEDROCK, COHERE, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES, Api

_HEAD_BYTES, _TAIL_BYTES = 12, 4
_frame_lengths = Struct(">II").unpack_from


class _Piece(msgspec.Struct):
    text: str | None = None


class _Event(msgspec.Struct):
    delta: _Piece | None = None

    def text(self) -> str | None:
        return self.delta.text if self.delta else None


class _ChatPiece(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _ChatPiece


class _Chunk(msgspec.Struct):
    choices: list[_Choice]

    def text(self) -> str | None:
        return self.choices[0].delta.content if self.choices else None


class _ResponsesEvent(msgspec.Struct):
    delta: str | None = None

    def text(self) -> str | None:
        return self.delta


class _Message(msgspec.Struct):
    content: _Piece | list[object] | None = None


class _CohereDelta(msgspec.Struct):
    message: _Message | None = None


class _CohereEvent(msgspec.Struct):
    delta: _CohereDelta | None = None

    def text(self) -> str | None:
        content = self.delta.message.content if self.delta and self.delta.message else None
        return content.text if isinstance(content, _Piece) else None


class _Content(msgspec.Struct):
    parts: list[_Piece]


class _Candidate(msgspec.Struct):
    content: _Content


class _GeminiChunk(msgspec.Struct):
    candidates: list[_Candidate]

    def text(self) -> str | None:
        return self.candidates[0].content.parts[0].text


_AnyEvent = _Event | _Chunk | _ResponsesEvent | _GeminiChunk | _CohereEvent
_Decode = Callable[[bytes], _AnyEvent]

_DECODE: dict[Api, _Decode] = {
    ANTHROPIC: msgspec.json.Decoder(_Event).decode,
    BEDROCK: msgspec.json.Decoder(_Event).decode,
    OPENAI_CHAT: msgspec.json.Decoder(_Chunk).decode,
    OPENAI_RESPONSES: msgspec.json.Decoder(_ResponsesEvent).decode,
    GEMINI: msgspec.json.Decoder(_GeminiChunk).decode,
    COHERE: msgspec.json.Decoder(_CohereEvent).decode,
}


class BareLoop:
    """Reads answers of *api* without any error handling: no checksum or header of a frame is looked at."""

    def __init__(self, url: str, api: Api) -> None:
        self._http = aiohttp.ClientSession()
        self._url = URL(url + api.path, encoded=True)
        self._decode = _DECODE[api]
        self._count = _count_in_frames if api == BEDROCK else _count_in_lines

    async def read(self, deltas: int) -> int:
        body = {"max_tokens": deltas, "inferenceConfig": {"maxTokens": deltas}}
        async with self._http.post(self._url, json=body) as response:
            return await self._count(response.content.iter_any(), self._decode)

    async def aclose(self) -> None:
        await self._http.close()


async def _count_in_lines(data: AsyncIterator[bytes], decode: _Decode) -> int:
    """Count the text deltas of server-sent events."""
    seen, rest = 0, b""
    async for piece in data:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data: {") and decode(line[6:]).text():
                seen += 1
    return seen


async def _count_in_frames(data: AsyncIterator[bytes], decode: _Decode) -> int:
    """Count the text deltas of Amazon's event stream."""
    seen, rest = 0, b""
    async for piece in data:
        rest, at = rest + piece, 0
        while len(rest) - at >= _HEAD_BYTES:
            total, headers = _frame_lengths(rest, at)
            if len(rest) - at < total:
                break
            if decode(rest[at + _HEAD_BYTES + headers : at + total - _TAIL_BYTES]).text():
                seen += 1
            at += total
        rest = rest[at:]
    return seen
