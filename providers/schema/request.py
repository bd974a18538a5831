"""Requests to a provider, and the settings that shape them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from .messages import Message
from .tools import Tool, ToolChoice

Positive = Annotated[int, Meta(gt=0)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
Share = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """How much a model may think before it answers: *budget_tokens* or *effort*, whichever the provider takes."""

    budget_tokens: Positive | None = None
    effort: Literal["minimal", "low", "medium", "high", "xhigh", "max"] | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a request has besides its messages. ``None`` means the provider's default.

    *output_schema* is the JSON Schema of an object that the text of the answer must match. *prompt_caching* marks what
    stays the same between requests (the system prompt, the tools, the messages before this turn), for providers that
    require marks; others cache by themselves.
    """

    system: str | None = None
    max_output_tokens: Positive | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_k: Positive | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    seed: int | None = None
    output_schema: dict[str, Any] | None = None
    prompt_caching: bool = True
    thinking: Reasoning | None = None
    stop_sequences: tuple[str, ...] = ()
    streaming: bool = True


_encoder = msgspec.json.Encoder()


class WireMemo:
    """The encoded messages of a history: each is encoded once, so a turn costs what is new in it.

    It belongs to one session and is part of its requests. When the history changes (an interrupted turn, a compaction),
    the encoded messages of the unchanged prefix are kept.
    """

    def __init__(self) -> None:
        self._dialect: object = None
        self._messages: list[Message] = []
        self._forms: list[bytes] = []

    @property
    def size_bytes(self) -> int:
        """The size of the last request's messages on the wire."""
        return sum(map(len, self._forms))

    def forms(self, messages: Sequence[Message], dialect: object, parts: Callable[[Message], list[Any]]) -> list[bytes]:
        """The *parts* of each message as JSON, separated by commas. The list belongs to the memo: don't change it.

        Messages are compared by identity. *dialect* is what the parts depend on besides; another one discards them all.
        """
        if dialect != self._dialect:
            self._dialect, self._messages, self._forms = dialect, [], []
        same = 0
        for old, new in zip(self._messages, messages, strict=False):
            if old is not new:
                break
            same += 1
        del self._messages[same:], self._forms[same:]
        rest = messages[same:]
        self._forms += _encoded([parts(message) for message in rest])
        self._messages += rest
        return self._forms


def _encoded(arrays: list[list[Any]]) -> list[bytes]:
    """Each of *arrays* as JSON, without its brackets."""
    lines = _encoder.encode_lines(arrays).split(b"\n")  # one call takes half the time of many
    del lines[-1]
    if len(lines) != len(arrays):  # raw JSON in them contains a line break
        lines = list(map(_encoder.encode, arrays))
    return [line[1:-1] for line in lines]


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a provider, the *number*-th of its session (from 1, with retries). It never leaves its process."""

    number: int
    messages: Sequence[Message]
    settings: Settings
    memo: WireMemo = field(default_factory=WireMemo)
