"""Requests, as far as the load server reads them."""

import re

import msgspec

_DEFAULT_LIMIT = 100


class _Inference(msgspec.Struct, rename="camel"):
    max_tokens: int | None = None


class _Generation(msgspec.Struct, rename="camel"):
    max_output_tokens: int | None = None


class _Function(msgspec.Struct):
    name: str = ""


class _Tool(msgspec.Struct):
    """Anthropic's tools have a name, OpenAI's a function with a name."""

    name: str = ""
    function: _Function = msgspec.field(default_factory=_Function)


class _Block(msgspec.Struct):
    type: str = ""


class _Message(msgspec.Struct):
    """A tool result is a block with Anthropic, a role with OpenAI."""

    role: str = ""
    content: str | list[_Block] | None = None

    @property
    def has_tool_result(self) -> bool:
        """True if the message is or contains a tool result."""
        blocks = self.content if isinstance(self.content, list) else []
        return self.role == "tool" or any(block.type == "tool_result" for block in blocks)


_tools_decoder: msgspec.json.Decoder[list[_Tool] | None] = msgspec.json.Decoder(list[_Tool] | None)
_messages_decoder = msgspec.json.Decoder(list[_Message])
_EMPTY = msgspec.Raw(b"[]")


class RequestBody(msgspec.Struct):
    """The body of a request to any provider. Tools and messages are decoded only if a tool may be called."""

    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    generation: _Generation = msgspec.field(name="generationConfig", default_factory=_Generation)
    inference: _Inference = msgspec.field(name="inferenceConfig", default_factory=_Inference)

    tools: msgspec.Raw = _EMPTY
    messages: msgspec.Raw = _EMPTY

    @property
    def token_limit(self) -> int:
        """The token limit."""
        limits = (
            self.max_tokens,
            self.max_completion_tokens,
            self.max_output_tokens,
            self.inference.max_tokens,
            self.generation.max_output_tokens,
        )
        return next(filter(None, limits), _DEFAULT_LIMIT)

    def callable_tool(self, steps: int) -> str | None:
        """The first tool, unless so many results follow the last question. Only for Anthropic and OpenAI chat."""
        tools, messages = _tools_decoder.decode(self.tools), _messages_decoder.decode(self.messages)
        from_them = [message.has_tool_result for message in messages if message.role != "assistant"]
        results = next(
            (number for number, has_result in enumerate(reversed(from_them)) if not has_result), len(from_them)
        )
        if not tools or not messages or results >= steps:
            return None
        return tools[0].name or tools[0].function.name


decode_body = msgspec.json.Decoder(RequestBody).decode

_content_length = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE).search


class RequestParser:
    """Parses the requests of one connection."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._head: bytes | None = None
        self._body_bytes = 0

    def __len__(self) -> int:
        """The number of bytes not parsed yet."""
        return len(self._received)

    def feed(self, data: bytes) -> None:
        """Add received bytes."""
        self._received += data

    def next_request(self) -> tuple[str, bytes] | None:
        """The path and body of the next request; ``None`` until all of it has been received."""
        received = self._received
        if self._head is None:
            blank = received.find(b"\r\n\r\n")
            if blank < 0:
                return None
            self._head = bytes(received[:blank])
            length = _content_length(self._head)
            self._body_bytes = int(length[1]) if length else 0
            del received[: blank + 4]
        if len(received) < self._body_bytes:
            return None
        path = self._head.split(b" ", 2)[1].decode().partition("?")[0]
        body = bytes(received[: self._body_bytes])
        del received[: self._body_bytes]
        self._head = None
        return path, body
