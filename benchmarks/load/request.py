"""Requests: what of them counts for the load server."""

import re

import msgspec

_LIMIT = 100


class _Inference(msgspec.Struct, rename="camel"):
    max_tokens: int | None = None


class _Generation(msgspec.Struct, rename="camel"):
    max_output_tokens: int | None = None


class _Function(msgspec.Struct):
    name: str = ""


class _Tool(msgspec.Struct):
    """Anthropic's has a name, OpenAI's a function with one."""

    name: str = ""
    function: _Function = msgspec.field(default_factory=_Function)


class _Block(msgspec.Struct):
    type: str = ""


class _Message(msgspec.Struct):
    """A tool's result is a block of Anthropic's, a role of OpenAI's."""

    role: str = ""
    content: str | list[_Block] | None = None

    @property
    def is_result(self) -> bool:
        """Whether a tool's result is in it."""
        blocks = self.content if isinstance(self.content, list) else []
        return self.role == "tool" or any(block.type == "tool_result" for block in blocks)


_tools: msgspec.json.Decoder[list[_Tool] | None] = msgspec.json.Decoder(list[_Tool] | None)
_messages = msgspec.json.Decoder(list[_Message])
_NONE = msgspec.Raw(b"[]")


class Asked(msgspec.Struct):
    """A request's body, of whatever provider. Tools and messages are looked at only where a tool may be called."""

    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    generation: _Generation = msgspec.field(name="generationConfig", default_factory=_Generation)
    inference: _Inference = msgspec.field(name="inferenceConfig", default_factory=_Inference)

    tools: msgspec.Raw = _NONE
    messages: msgspec.Raw = _NONE

    @property
    def limit(self) -> int:
        """Its token limit."""
        limits = (
            self.max_tokens,
            self.max_completion_tokens,
            self.max_output_tokens,
            self.inference.max_tokens,
            self.generation.max_output_tokens,
        )
        return next(filter(None, limits), _LIMIT)

    @property
    def tool(self) -> str | None:
        """The first of its tools; none where its last message is a tool's result. For Anthropic and OpenAI chat."""
        tools, messages = _tools.decode(self.tools), _messages.decode(self.messages)
        if not tools or not messages or messages[-1].is_result:
            return None
        return tools[0].name or tools[0].function.name


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
