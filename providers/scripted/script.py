"""Scripts: the answers of the scripted provider."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ..schema.checks.field_checks import check_fields
from ..schema.checks.shown import short_repr, shown
from ..schema.errors import InvalidConfig, ProviderError
from ..schema.stop_reasons import StopReason


def _error_classes(error: type[ProviderError]) -> Iterator[type[ProviderError]]:
    yield error
    for subclass in error.__subclasses__():
        yield from _error_classes(subclass)


ERRORS_BY_CODE = {error.code: error for error in _error_classes(ProviderError)}
"""The errors that a ``Fail`` may name."""

Rate = Annotated[float, Meta(gt=0)]
Pause = Annotated[float, Meta(ge=0)]


class _Step(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, omit_defaults=True):
    """One step of an answer."""

    __repr__ = short_repr

    def __post_init__(self) -> None:
        check_fields(self, type(self).__name__.lower())


class Say(_Step, frozen=True):
    """Answer with *text*, in pieces of *piece_chars* characters; ``None`` repeats the last user message."""

    text: str | None = None
    piece_chars: Annotated[int, Meta(gt=0)] = 4


class Think(_Step, frozen=True):
    """A thinking block with *text*, signed with *signature*."""

    text: str
    signature: str = "scripted"


class Call(_Step, frozen=True):
    """Use the tool *name*. *json*, valid or not, is sent as its input in place of *input*."""

    name: str
    input: dict[str, Any] = {}
    json: str | None = None
    id: str | None = None


class Wait(_Step, frozen=True):
    """Send nothing for *seconds*; ``None`` hangs forever."""

    seconds: Pause | None = None


class Fail(_Step, frozen=True):
    """Raise the provider error with this *code*."""

    code: str = "overloaded"
    message: str = "scripted failure"
    retry_after_s: Pause | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.code not in (codes := ERRORS_BY_CODE):
            known = ", ".join(sorted(codes))
            raise InvalidConfig("fail.code", f"no provider error has the code {shown(self.code)}; there are {known}")


class Cut(_Step, frozen=True):
    """Break off: the answer has no end."""


class Stop(_Step, frozen=True):
    """End the answer with this stop reason."""

    reason: StopReason


Step = Say | Think | Call | Wait | Fail | Cut | Stop


class Script(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to each request of a session.

    The n-th request of a session (retries included) gets the n-th of *answers*, and the last one repeats. Without
    answers, the user's message is repeated. An answer starts after *first_token_s* and continues at *tokens_per_s*,
    counting a piece as a token; ``None`` is as fast as possible. Steps before the first block happen before the answer
    starts. With *usage* ``"none"``, no token counts are reported.

    *compaction* is how the provider compacts a history by itself, if the facts of the config say that it can
    (``ModelFacts(compacts=True)``): what its steps say is the summary.
    """

    __repr__ = short_repr

    answers: tuple[tuple[Step, ...], ...] = ()
    tokens_per_s: Rate | None = None
    first_token_s: Pause = 0.0
    usage: Literal["reported", "none"] = "reported"
    compaction: tuple[Step, ...] = (Say("What was said so far, in short."),)

    def __post_init__(self) -> None:
        check_fields(self, "script")
