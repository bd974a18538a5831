"""The limit: what reading a stream takes in Python at least. aiohttp gives the bytes, msgspec takes the text out."""

import aiohttp
import msgspec

from ..load.answers import ANTHROPIC
from .adapter import Hear, Site

_TEXT = b"event: content_block_delta\ndata: "


class _Piece(msgspec.Struct):
    text: str


class _Event(msgspec.Struct):
    delta: _Piece


_decode = msgspec.json.Decoder(_Event).decode


class Bare:
    """Believes that nothing ever goes wrong after an answer's head, and remembers nothing: it is no conversation."""

    def __init__(self, site: Site) -> None:
        self._url = site.url + ANTHROPIC.path
        asked = [{"role": "user", "content": "Hi"}]
        self._body = msgspec.json.encode(
            {"model": ANTHROPIC.model, "max_tokens": site.tokens, "messages": asked, "stream": True}
        )
        self._http: aiohttp.ClientSession | None = None

    async def open(self, sessions: int) -> None:
        """Have a pool of connections that sets no limit, and no clock."""
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(), raise_for_status=True
            )

    async def ask(self, session: int, hear: Hear) -> None:
        """Find the text of each event, and look at nothing else."""
        assert self._http
        rest = b""
        async with self._http.post(self._url, data=self._body) as response:
            async for data in response.content.iter_any():
                *events, rest = (rest + data).split(b"\n\n")
                for event in events:
                    if event.startswith(_TEXT):
                        hear(_decode(event[len(_TEXT) :]).delta.text)

    async def forget(self, session: int) -> None:
        """There is nothing to forget."""

    async def close(self) -> None:
        """Give the sockets back."""
        if self._http is not None:
            await self._http.close()
            self._http = None
