"""Requests: what of them counts for the load server."""

import re

import msgspec


class _Inference(msgspec.Struct, rename="camel"):
    max_tokens: int | None = None


class _Generation(msgspec.Struct, rename="camel"):
    max_output_tokens: int | None = None


class Asked(msgspec.Struct):
    """A request's body, of whatever provider."""

    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    generation: _Generation = msgspec.field(name="generationConfig", default_factory=_Generation)
    inference: _Inference = msgspec.field(name="inferenceConfig", default_factory=_Inference)

    @property
    def deltas(self) -> int:
        """Its token limit: so many text deltas it gets."""
        limits = (
            self.max_tokens,
            self.max_completion_tokens,
            self.max_output_tokens,
            self.inference.max_tokens,
            self.generation.max_output_tokens,
        )
        return next(filter(None, limits), 100)


asked = msgspec.json.Decoder(Asked).decode

_length = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE).search


class Inbox:
    """Bytes of one connection, from which requests are taken one by one."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._head: bytes | None = None
        self._size = 0

    def __len__(self) -> int:
        return len(self._received)

    def add(self, data: bytes) -> None:
        """Put *data* behind what is there."""
        self._received += data

    def take(self) -> tuple[str, bytes] | None:
        """The next request's path and body, once all of it is there."""
        received = self._received
        if self._head is None:
            blank = received.find(b"\r\n\r\n")
            if blank < 0:
                return None
            self._head = bytes(received[:blank])
            length = _length(self._head)
            self._size = int(length[1]) if length else 0
            del received[: blank + 4]
        if len(received) < self._size:
            return None
        path = self._head.split(b" ", 2)[1].decode().partition("?")[0]
        body = bytes(received[: self._size])
        del received[: self._size]
        self._head = None
        return path, body
