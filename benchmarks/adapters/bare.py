"""The lower bound of reading a stream in Python: aiohttp delivers the bytes, msgspec extracts the text."""

from typing import Any

import aiohttp
import msgspec

from ..load.answers import ANTHROPIC
from .adapter import AdapterConfig, OnText
from .tool import DESCRIPTION, NAME, SCHEMA, look_around

_START_EVENT = b"event: content_block_start\ndata: "
_TEXT_EVENT = b"event: content_block_delta\ndata: "


class _Block(msgspec.Struct):
    id: str = ""  # of a tool use


class _Start(msgspec.Struct):
    content_block: _Block


class _Piece(msgspec.Struct):
    text: str = ""
    partial_json: str = ""


class _Event(msgspec.Struct):
    delta: _Piece


_decode = msgspec.json.Decoder(_Event).decode
_decode_start = msgspec.json.Decoder(_Start).decode

_QUESTION: dict[str, Any] = {"role": "user", "content": "Hi"}


class BareAdapter:
    """Keeps no conversation beyond a turn, and handles no error after the head of an answer."""

    def __init__(self, config: AdapterConfig) -> None:
        self._url = config.url + ANTHROPIC.path
        self._request: dict[str, Any] = {"model": ANTHROPIC.model, "max_tokens": config.tokens, "stream": True}
        self._has_tool = config.tool != "none"
        if self._has_tool:
            self._request["tools"] = [{"name": NAME, "description": DESCRIPTION, "input_schema": SCHEMA}]
        self._body = msgspec.json.encode({**self._request, "messages": [_QUESTION]})
        self._http: aiohttp.ClientSession | None = None

    async def open(self, sessions: int) -> None:
        """Open a connection pool without limit and without timeouts."""
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(), raise_for_status=True
            )

    async def ask(self, session: int, on_text: OnText) -> None:
        """Extract the text of each event, and look at nothing else."""
        if self._has_tool:
            await self._run_loop(on_text)
            return
        assert self._http
        rest = b""
        async with self._http.post(self._url, data=self._body) as response:
            async for data in response.content.iter_any():
                *events, rest = (rest + data).split(b"\n\n")
                for event in events:
                    if event.startswith(_TEXT_EVENT):
                        on_text(_decode(event[len(_TEXT_EVENT) :]).delta.text)

    async def _run_loop(self, on_text: OnText) -> None:
        messages = [_QUESTION]
        while call := await self._read_step(messages, on_text):
            tool_use_id, written = call
            arguments = msgspec.json.decode(written)
            use = {"type": "tool_use", "id": tool_use_id, "name": NAME, "input": arguments}
            result = {"type": "tool_result", "tool_use_id": tool_use_id, "content": await look_around(**arguments)}
            messages += ({"role": "assistant", "content": [use]}, {"role": "user", "content": [result]})

    async def _read_step(self, messages: list[dict[str, Any]], on_text: OnText) -> tuple[str, str] | None:
        """The id and the input of the tool use in the answer, if there is one."""
        assert self._http
        rest, tool_use_id, written = b"", "", ""
        body = msgspec.json.encode({**self._request, "messages": messages})
        async with self._http.post(self._url, data=body) as response:
            async for data in response.content.iter_any():
                *events, rest = (rest + data).split(b"\n\n")
                for event in events:
                    if event.startswith(_START_EVENT):
                        tool_use_id = _decode_start(event[len(_START_EVENT) :]).content_block.id
                    elif event.startswith(_TEXT_EVENT):
                        piece = _decode(event[len(_TEXT_EVENT) :]).delta
                        written += piece.partial_json
                        if piece.text:
                            on_text(piece.text)
        return (tool_use_id, written) if tool_use_id else None

    async def reset(self, session: int) -> None:
        """Do nothing: there is no conversation."""

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None
