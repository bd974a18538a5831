"""What is asked of a model: the settings, and the request that they shape."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .messages import Message
from .tools import Tool, ToolChoice

Positive = Annotated[int, Meta(gt=0)]
Temperature = Annotated[float, Meta(ge=0, le=2)]


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """How much a model may think before it answers: by *budget_tokens* or by *effort*, whichever the provider takes."""

    budget_tokens: Positive | None = None
    effort: Literal["minimal", "low", "medium", "high", "xhigh", "max"] | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What shapes a request besides its messages. ``None`` leaves a thing to the provider."""

    system: str | None = None
    max_output_tokens: Positive | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    temperature: Temperature | None = None
    thinking: Reasoning | None = None
    stop_sequences: tuple[str, ...] = ()
    streaming: bool = True


class WireMemo:
    """The wire form of a history's messages, each made once and kept: a turn costs what is new in it.

    It belongs to one session and goes along with its requests. A history that differs from the last one (another
    provider, an interrupted turn, a compaction) keeps what is still the same at its front.
    """

    def __init__(self) -> None:
        self._dialect = ""
        self._messages: list[Message] = []
        self._forms: list[bytes] = []

    @property
    def size_bytes(self) -> int:
        """What the messages of the last request came to on the wire."""
        return sum(map(len, self._forms))

    def forms(self, messages: Sequence[Message], dialect: str, encode: Callable[[Message], bytes]) -> list[bytes]:
        """What *encode* makes of each message, in order. The list is the memo's own: don't change it.

        Messages are told apart by identity; *dialect* names the wire format, and another one starts afresh.
        """
        if dialect != self._dialect:
            self._dialect, self._messages, self._forms = dialect, [], []
        same = 0
        for old, new in zip(self._messages, messages, strict=False):
            if old is not new:
                break
            same += 1
        del self._messages[same:], self._forms[same:]
        for message in messages[same:]:
            self._messages.append(message)
            self._forms.append(encode(message))
        return self._forms


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a provider, the *number*-th of its session (from 1; repeats count). It never leaves its process."""

    number: int
    messages: Sequence[Message]
    settings: Settings
    memo: WireMemo = field(default_factory=WireMemo)
