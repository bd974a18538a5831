"""The limit: the least that reading a stream takes in Python. aiohttp gives the bytes, msgspec takes the text out."""

from collections.abc import Callable

import aiohttp
import msgspec

from ..load.answers import ANTHROPIC, COHERE, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES, Api


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


class _CoherePart(msgspec.Struct):
    message: _Message | None = None


class _CohereEvent(msgspec.Struct):
    delta: _CoherePart | None = None

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


_Known = _Event | _Chunk | _ResponsesEvent | _GeminiChunk | _CohereEvent

_DECODE: dict[Api, Callable[[bytes], _Known]] = {
    ANTHROPIC: msgspec.json.Decoder(_Event).decode,
    OPENAI_CHAT: msgspec.json.Decoder(_Chunk).decode,
    OPENAI_RESPONSES: msgspec.json.Decoder(_ResponsesEvent).decode,
    GEMINI: msgspec.json.Decoder(_GeminiChunk).decode,
    COHERE: msgspec.json.Decoder(_CohereEvent).decode,
}


class BareLoop:
    """Reads answers of *api*, and believes that nothing ever goes wrong."""

    def __init__(self, url: str, api: Api) -> None:
        self._http = aiohttp.ClientSession()
        self._url = url + api.path
        self._decode = _DECODE[api]

    async def read(self, deltas: int) -> int:
        """Ask for an answer of so many text deltas; how many came."""
        seen, decode, rest = 0, self._decode, b""
        async with self._http.post(self._url, json={"max_tokens": deltas}) as response:
            async for piece in response.content.iter_any():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if line.startswith(b"data: {") and decode(line[6:]).text():
                        seen += 1
        return seen

    async def aclose(self) -> None:
        """Give the sockets back."""
        await self._http.close()
