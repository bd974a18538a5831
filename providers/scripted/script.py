"""Scripts: what the scripted provider says."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ..schema.stop_reasons import StopReason

Rate = Annotated[float, Meta(gt=0)]
Pause = Annotated[float, Meta(ge=0)]


class _Step(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, omit_defaults=True):
    """One thing that the scripted provider does while it answers."""


class Say(_Step, frozen=True):
    """Say *text*, in pieces of *piece_chars* characters; ``None`` for *text* echoes the last user message."""

    text: str | None = None
    piece_chars: Annotated[int, Meta(gt=0)] = 4


class Think(_Step, frozen=True):
    """Think *text*, signed with *signature*."""

    text: str
    signature: str = "scripted"


class Call(_Step, frozen=True):
    """Ask for the tool *name*. *json* is what is sent as its input in place of *input*, valid or not."""

    name: str
    input: dict[str, Any] = {}
    json: str | None = None
    id: str | None = None


class Wait(_Step, frozen=True):
    """Be silent for *seconds*; ``None`` hangs for good."""

    seconds: Pause | None = None


class Fail(_Step, frozen=True):
    """Fail with the provider error of that *code*."""

    code: str = "overloaded"
    message: str = "scripted failure"
    retry_after_s: float | None = None


class Cut(_Step, frozen=True):
    """Stop short: no end of the answer."""


class Stop(_Step, frozen=True):
    """End the answer with this reason in place of the natural one."""

    reason: StopReason


Step = Say | Think | Call | Wait | Fail | Cut | Stop


class Script(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What each request of a session is answered with.

    The n-th request of a session (repeats count) gets the n-th of *answers*; past the end, the last one again. No
    answers at all echo. Everything waits for *first_token_s*; then what is said, thought or asked for comes at
    *tokens_per_s*, a piece counted as a token. ``None`` is as fast as it goes. What a script does before the first
    thing it says happens before the answer starts. With *usage* off no token counts are reported.
    """

    answers: tuple[tuple[Step, ...], ...] = ()
    tokens_per_s: Rate | None = None
    first_token_s: Pause = 0.0
    usage: Literal["reported", "none"] = "reported"
