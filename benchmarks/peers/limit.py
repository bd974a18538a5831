"""The limit: the least that reading a stream takes in Python. aiohttp gives the bytes, msgspec takes the text out."""

import aiohttp
import msgspec

from benchmarks.load.answers import ANTHROPIC, COHERE, OPENAI_CHAT, Api


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


class _Message(msgspec.Struct):
    content: _Piece | list[object] | None = None


class _CoherePart(msgspec.Struct):
    message: _Message | None = None


class _CohereEvent(msgspec.Struct):
    delta: _CoherePart | None = None

    def text(self) -> str | None:
        content = self.delta.message.content if self.delta and self.delta.message else None
        return content.text if isinstance(content, _Piece) else None


_Decoder = msgspec.json.Decoder[_Event] | msgspec.json.Decoder[_Chunk] | msgspec.json.Decoder[_CohereEvent]

_DECODERS: dict[Api, _Decoder] = {
    ANTHROPIC: msgspec.json.Decoder(_Event),
    OPENAI_CHAT: msgspec.json.Decoder(_Chunk),
    COHERE: msgspec.json.Decoder(_CohereEvent),
}


class BareLoop:
    """Reads answers of *api*, and believes that nothing ever goes wrong."""

    def __init__(self, url: str, api: Api) -> None:
        self._http = aiohttp.ClientSession()
        self._url = url + api.path
        self._decode = _DECODERS[api].decode

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
