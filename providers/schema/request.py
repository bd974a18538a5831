"""Requests to a provider, and the settings that shape them."""

import asyncio
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from .checks.field_checks import check_fields
from .checks.shown import short_repr
from .content import Block, Document, Image, Text, ToolResult
from .errors import InvalidConfig
from .messages import HistoryView, Message, unchanged_messages
from .tools import ProviderTool, TextTools, Tool, ToolChoice, ToolProtocol

Positive = Annotated[int, Meta(gt=0)]
PositiveSeconds = Annotated[float, Meta(gt=0)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
Share = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]


Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Reasoning(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """How much a model may think before it answers: *effort*, or *budget_tokens* for models that take a budget.

    The effort ``"none"`` turns thinking off. With *show* off, the thinking is not requested for display; the model
    thinks all the same.

    Raises:
        InvalidConfig: a budget is given for thinking that is turned off.
    """

    __repr__ = short_repr

    budget_tokens: Positive | None = None
    effort: Effort | None = None
    show: bool = True

    def __post_init__(self) -> None:
        check_fields(self, "thinking")
        if self.effort == "none" and self.budget_tokens is not None:
            raise InvalidConfig(
                "thinking.budget_tokens", "Reasoning with the effort 'none' takes no budget_tokens: thinking is off"
            )


class Prompt(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The system prompt and the tools that are in force from the message with the index *start* on.

    That message is the user's own or holds tool results, and what follows it is the first answer under this prompt, if
    there is one yet. The first prompt of a history starts at 0.
    """

    __repr__ = short_repr

    start: int = 0
    system: str | tuple[Text, ...] | None = None
    tools: tuple[Tool | ProviderTool, ...] = ()


class Settings(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a request has besides its messages. ``None`` means the provider's default.

    *system* is a text, or ``Text`` blocks, which are read as one text with blank lines between. A block with
    ``cache=True`` ends what the provider is to cache, if it requires marks.

    *output_schema* is the JSON Schema of an object that the text of the answer must match. *verbosity* is how long the
    answer should be.

    With the *tool_protocol* ``text``, the model is told in the prompt how to use tools in the text of its answer, as
    *text_tools* says; ``auto`` does so for models that are known to have no tools.

    *prompt_caching* marks what stays the same between requests (the system prompt, the tools, the messages before this
    turn), for providers that require marks; others cache by themselves. *prompt_cache_ttl* is how long the provider
    keeps it (such as ``"5m"`` or ``"1h"``), *prompt_cache_key* groups requests that begin alike.

    *user* identifies the end user to the provider, who uses it against abuse: give a hash, not a name. *metadata* is
    stored with the request. *service_tier* is the provider's name of a processing tier.
    """

    __repr__ = short_repr

    system: str | tuple[Text, ...] | None = None
    max_output_tokens: Positive | None = None
    tools: tuple[Tool | ProviderTool, ...] = ()
    tool_choice: ToolChoice | None = None
    tool_protocol: ToolProtocol = "auto"
    text_tools: TextTools = TextTools()
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_k: Positive | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    seed: int | None = None
    output_schema: dict[str, Any] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    prompt_caching: bool = True
    prompt_cache_ttl: str | None = None
    prompt_cache_key: str | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    thinking: Reasoning | None = None
    stop_sequences: tuple[str, ...] = ()
    streaming: bool = True


LARGE_BYTES = 256 << 10
"""Media from this size on are encoded in a thread, in pieces of this size: others wait no longer than for one."""

_FEW = 16

prepared_media: dict[int, bytes] = {}
"""While a ``WireMemo`` encodes messages: the base64 of their large media, as JSON strings, by the id of the bytes."""

_encoder = msgspec.json.Encoder()


class WireMemo(msgspec.Struct, eq=False, gc=False):
    """The encoded messages of a history: each is encoded once, so a turn costs what is new in it.

    It belongs to one session and is part of its requests. When the history changes (an interrupted turn, a compaction),
    the encoded messages of the unchanged prefix are kept.
    """

    __repr__ = short_repr

    prefix: str = ""
    """The ``Origin.prefix`` of the answer to the last request. It binds thinking to what was sent before."""
    previous: str = ""
    """The ``Origin.previous`` of the answer to the last request."""
    extension: object = None
    """What a provider's encoder keeps between requests besides the encoded messages."""
    pieces: object = None
    """What is kept of the pieces that the last body was joined of."""
    rendered: object = None
    """The messages as text, if tools are used in the text of answers."""
    unchanged: int = 0
    """How many messages of the last ``forms`` had been encoded before."""
    size_bytes: int = 0
    """The size of the last request's messages on the wire."""
    _dialect: object = None
    _messages: Sequence[Message] = ()
    _forms: list[bytes] = []
    _media: dict[int, bytes] | None = None

    async def prepare(self, messages: Sequence[Message]) -> None:
        """Encode large images and documents that are new in *messages* off the event loop, for the next ``forms``."""
        known = min(unchanged_messages(self._messages, messages), len(self._forms))
        large = [data for message in messages[known:] for data in _large_media(message.content)]
        if large:
            encoded = await asyncio.to_thread(lambda: [base64_json(data) for data in large])
            self._media = dict(zip(map(id, large), encoded, strict=True))

    def forms(self, messages: Sequence[Message], dialect: object, parts: Callable[[Message], list[Any]]) -> list[bytes]:
        """The *parts* of each message as JSON, separated by commas. The list belongs to the memo: don't change it.

        Messages are compared by identity. *dialect* is what the parts depend on besides; another one discards them all.
        """
        self.prefix = self.previous = ""
        if dialect != self._dialect:
            self._dialect, self._messages, self._forms, self.size_bytes = dialect, (), [], 0
        self.unchanged = same = min(unchanged_messages(self._messages, messages), len(self._forms))
        self.size_bytes -= sum(map(len, self._forms[same:]))
        del self._forms[same:]
        new = self._encoded(messages[same:], parts)
        self._forms += new
        self.size_bytes += sum(map(len, new))
        self._messages = messages if isinstance(messages, HistoryView) else tuple(messages)
        return self._forms

    def _encoded(self, messages: Sequence[Message], parts: Callable[[Message], list[Any]]) -> list[bytes]:
        if not self._media:
            return _encoded(list(map(parts, messages)))
        media, self._media = self._media, None
        prepared_media.update(media)
        try:
            return _encoded(list(map(parts, messages)))
        finally:
            for key in media:
                prepared_media.pop(key, None)


def base64_json(data: bytes) -> bytes:
    """The base64 of *data* as a JSON string. It was encoded before, if it is large."""
    if prepared := prepared_media.get(id(data)):
        return prepared
    size = LARGE_BYTES // 3 * 3
    pieces = (b2a_base64(data[start : start + size], newline=False) for start in range(0, len(data), size))
    return b'"%b"' % b"".join(pieces)


def _large_media(content: Iterable[Block]) -> Iterator[bytes]:
    for block in content:
        if isinstance(block, ToolResult):
            yield from _large_media(block.content)
        elif isinstance(block, Image | Document) and block.data is not None and len(block.data) >= LARGE_BYTES:
            yield block.data


def _encoded(arrays: list[list[Any]]) -> list[bytes]:
    """Each of *arrays* as JSON, without its brackets."""
    if len(arrays) <= _FEW:
        return [_encoder.encode(array)[1:-1] for array in arrays]
    lines = _encoder.encode_lines(arrays).split(b"\n")  # one call takes half the time of many
    del lines[-1]
    if len(lines) != len(arrays):  # raw JSON in them contains a line break
        lines = list(map(_encoder.encode, arrays))
    return [line[1:-1] for line in lines]


class Request(msgspec.Struct, frozen=True):
    """One call to a provider, the *number*-th of its session (from 1, with retries). It never leaves its process.

    *prompts* are the system prompts and tools that were in force along *messages*, in order; the last one is that of
    *settings*. Without any, it is that of *settings* from the beginning. An API that has no form for a change in the
    middle of a conversation gets the last one only.
    """

    __repr__ = short_repr

    number: int
    messages: Sequence[Message]
    settings: Settings
    memo: WireMemo = msgspec.field(default_factory=WireMemo)
    prompts: tuple[Prompt, ...] = ()
