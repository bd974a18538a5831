"""How a history is to be shortened, and what came of it. Configs and reports cross processes."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import msgspec

from ..providers.configs import ProviderConfig
from ..providers.models import with_model_facts
from ..providers.schema.errors import InvalidConfig
from ..providers.schema.messages import Message
from ..providers.schema.usage import NONE_YET, Usage

_FIELD = "compaction"


class _Strategy(msgspec.Struct, frozen=True, kw_only=True, tag_field="strategy", tag=str.lower, omit_defaults=True):
    """A history is shortened when it fills more than *threshold* of its model's context window."""

    counted: ClassVar[tuple[str, ...]] = ()
    """The fields that count something: 1 at least, where they are given."""

    threshold: float = 0.75

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise InvalidConfig(f"{_FIELD}.threshold", "give a share of the context window: above 0, and at most 1")
        for name in self.counted:
            count = getattr(self, name)
            if count is not None and count < 1:
                raise InvalidConfig(f"{_FIELD}.{name}", "give 1 or more")

    @property
    def name(self) -> str:
        """The strategy's name: its tag."""
        return str(type(self).__struct_config__.tag)

    def resolved(self, environ: Mapping[str, str]) -> Self:
        """This config with the credentials of its summarizer in place, and with what is known of that model.

        Raises:
            ConfigError: something is missing or does not fit; the field or variable is named.
        """
        del environ
        return self

    def public(self) -> Self:
        """This config without secrets: fit for records, events and logs."""
        return self


class _KeepsRecent(_Strategy, frozen=True, kw_only=True):
    """The last *keep_recent_turns* are touched only where the history does not fit otherwise.

    The last message of the user, and the last step after it, never are.
    """

    counted: ClassVar[tuple[str, ...]] = ("keep_recent_turns",)

    keep_recent_turns: int = 5


class Threshold(_KeepsRecent, frozen=True, kw_only=True):
    """Old tool results become the summary that came along with them, or a note of what was there.

    With ``tool_results="redact"`` they all become notes.
    """

    tool_results: Literal["summarize", "redact"] = "summarize"


class DropThinking(_KeepsRecent, frozen=True, kw_only=True):
    """Old thinking goes. What the running turn thought stays: some providers want it back."""


class DropImages(_KeepsRecent, frozen=True, kw_only=True):
    """Old images and documents become notes of what was there."""


class Summarize(_KeepsRecent, frozen=True, kw_only=True):
    """A model writes a summary of old turns, of *max_summary_tokens* at most, which takes their place.

    It is the session's own, unless another *provider* is given. *timeout_s* bounds the time for all that it is asked
    in one compaction; *prompt* takes the place of the instructions that tell it what to keep.
    """

    counted: ClassVar[tuple[str, ...]] = ("keep_recent_turns", "max_summary_tokens")

    max_summary_tokens: int = 2_048
    timeout_s: float = 60.0
    provider: ProviderConfig | None = None
    prompt: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.timeout_s > 0:
            raise InvalidConfig(f"{_FIELD}.timeout_s", "give more than 0 seconds")
        if self.prompt is not None and not self.prompt.strip():
            raise InvalidConfig(f"{_FIELD}.prompt", "it is blank; leave it off for the one that there is")

    def resolved(self, environ: Mapping[str, str]) -> Self:
        if self.provider is None:
            return self
        try:
            return msgspec.structs.replace(self, provider=with_model_facts(self.provider.resolved(environ)))
        except InvalidConfig as error:
            raise InvalidConfig(f"{_FIELD}.{error.field}", error.problem) from error

    def public(self) -> Self:
        return msgspec.structs.replace(self, provider=self.provider.public()) if self.provider else self


class Window(_Strategy, frozen=True, kw_only=True):
    """The oldest turns go, but for the last *keep_recent_turns* or the last *max_tokens*. Summaries go last of all."""

    counted: ClassVar[tuple[str, ...]] = ("keep_recent_turns", "max_tokens")

    keep_recent_turns: int | None = None
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.keep_recent_turns is None) == (self.max_tokens is None):
            raise InvalidConfig(f"{_FIELD}.keep_recent_turns", "give either keep_recent_turns or max_tokens")


Layer = Threshold | DropThinking | DropImages | Summarize | Window

CHEAPEST_FIRST: tuple[Layer, ...] = (
    Threshold(),
    DropThinking(),
    DropImages(),
    Summarize(),
    Window(keep_recent_turns=5),
)
"""Results, thinking, images, then a summary, and the window where all else fails."""


class Layered(_Strategy, frozen=True, kw_only=True):
    """One strategy after the other until the history fits. The *threshold* is this one's: that of a layer is not used.

    All of them leave recent turns alone at first. Where that is not enough, they are asked again.
    """

    strategies: tuple[Layer, ...] = CHEAPEST_FIRST

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.strategies:
            raise InvalidConfig(f"{_FIELD}.strategies", "give one at least")

    def resolved(self, environ: Mapping[str, str]) -> Self:
        return msgspec.structs.replace(self, strategies=tuple(one.resolved(environ) for one in self.strategies))

    def public(self) -> Self:
        return msgspec.structs.replace(self, strategies=tuple(one.public() for one in self.strategies))


Compaction = Layer | Layered


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a compaction did. *strategy* names those that changed something, or the one that was asked for.

    Turns are counted as they stand in the history: *turns_compacted* lost something, *turns_kept* are as they were.
    *summary_chars* is the length of the summaries written, *usage* what they took. *problem* says what went wrong: why
    nothing was done, or not enough, or less well than asked for.
    """

    strategy: str
    messages_before: int
    messages_after: int
    tokens_before: int
    tokens_after: int
    turns_compacted: int = 0
    turns_kept: int = 0
    summary_chars: int = 0
    usage: Usage = NONE_YET
    problem: str | None = None


class Shortened(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of it: the *messages* of the shorter history, or ``None`` where it stays as it was."""

    messages: tuple[Message, ...] | None = None
    report: Report
