"""The limit for Amazon's event stream: aiohttp gives the bytes, a bare loop cuts the frames, msgspec takes the text."""

from struct import Struct

import aiohttp
import msgspec
from yarl import URL

from ..load.answers import BEDROCK

_HEAD_BYTES, _TAIL_BYTES = 12, 4
_lengths = Struct(">II").unpack_from


class _Piece(msgspec.Struct):
    text: str | None = None


class _Event(msgspec.Struct):
    delta: _Piece | None = None


class BareFrames:
    """Reads Bedrock's answers, and believes that nothing ever goes wrong: it looks at no checksum and at no header."""

    def __init__(self, url: str) -> None:
        self._http = aiohttp.ClientSession()
        self._url = URL(url + BEDROCK.path, encoded=True)
        self._decode = msgspec.json.Decoder(_Event).decode

    async def read(self, deltas: int) -> int:
        """Ask for an answer of so many text deltas; how many came."""
        seen, decode, rest = 0, self._decode, b""
        async with self._http.post(self._url, json={"inferenceConfig": {"maxTokens": deltas}}) as response:
            async for piece in response.content.iter_any():
                rest, at = rest + piece, 0
                while len(rest) - at >= _HEAD_BYTES:
                    total, headers = _lengths(rest, at)
                    if len(rest) - at < total:
                        break
                    event = decode(rest[at + _HEAD_BYTES + headers : at + total - _TAIL_BYTES])
                    if event.delta and event.delta.text:
                        seen += 1
                    at += total
                rest = rest[at:]
        return seen

    async def aclose(self) -> None:
        """Give the sockets back."""
        await self._http.close()
