"""The lower bound of reading a stream in Python: aiohttp delivers the bytes, msgspec extracts the text."""

import aiohttp
import msgspec

from ..load.answers import ANTHROPIC
from .adapter import AdapterConfig, OnText

_TEXT_EVENT = b"event: content_block_delta\ndata: "


class _Piece(msgspec.Struct):
    text: str


class _Event(msgspec.Struct):
    delta: _Piece


_decode = msgspec.json.Decoder(_Event).decode


class BareAdapter:
    """Keeps no conversation, and handles no error after the head of an answer."""

    def __init__(self, config: AdapterConfig) -> None:
        self._url = config.url + ANTHROPIC.path
        messages = [{"role": "user", "content": "Hi"}]
        self._body = msgspec.json.encode(
            {"model": ANTHROPIC.model, "max_tokens": config.tokens, "messages": messages, "stream": True}
        )
        self._http: aiohttp.ClientSession | None = None

    async def open(self, sessions: int) -> None:
        """Open a connection pool without limit and without timeouts."""
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(), raise_for_status=True
            )

    async def ask(self, session: int, on_text: OnText) -> None:
        """Extract the text of each event, and look at nothing else."""
        assert self._http
        rest = b""
        async with self._http.post(self._url, data=self._body) as response:
            async for data in response.content.iter_any():
                *events, rest = (rest + data).split(b"\n\n")
                for event in events:
                    if event.startswith(_TEXT_EVENT):
                        on_text(_decode(event[len(_TEXT_EVENT) :]).delta.text)

    async def reset(self, session: int) -> None:
        """Do nothing: there is no conversation."""

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None
