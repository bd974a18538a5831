"""How a session decides: the choices, the retry policy and the bounds in its settings."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from ....providers.schema.checks.field_checks import check_fields
from ....providers.schema.checks.shown import short_repr
from ....providers.schema.request import Positive
from ....providers.schema.tools import ToolChoice

NotNegative = Annotated[float, Meta(ge=0)]


class WhenBusy(StrEnum):
    """What happens to a user message that arrives during a turn."""

    QUEUE = "queue"
    """It waits in the mailbox until the turns before it have ended."""
    REJECT = "reject"
    """It is rejected with ``SessionBusy``."""
    INTERRUPT = "interrupt"
    """It interrupts the running turn and runs next, before the queued messages."""
    STEER = "steer"
    """It enters the running turn with the next results of tools. Without any, it runs next, before the queued messages.

    A message with settings or temporary content of its own needs its own turn, and runs next.
    """


class OnInterrupt(StrEnum):
    """What happens to the messages of an interrupted turn."""

    DISCARD = "discard"
    """All of them leave the history."""
    KEEP = "keep"
    """Partial output stays; each open tool use gets an error result that says it was interrupted."""


class OnCrash(StrEnum):
    """What happens to a request whose answer was not complete when the session's process was lost.

    Only a session that is recorded in a journal goes on at all. Tool uses stay open, and queued messages queued.
    """

    RETRY = "retry"
    """It is sent again. The text of its answer so far is void."""
    CONTINUE = "continue"
    """The model is asked for the rest of its answer. If none of it is known any more, the request is sent again."""
    FAIL = "fail"
    """Its turn fails."""


class OnMaxSteps(StrEnum):
    """What happens in a turn that has had ``max_steps`` answers with tool uses, when their results are there."""

    END = "end"
    """It ends, with the stop reason ``max_steps``."""
    ANSWER = "answer"
    """The model is asked for a last answer, without tools. If it asks for tools all the same, the turn ends."""


class DeferTools(StrEnum):
    """Whether definitions of tools are left out of requests until the model has found them by a search."""

    AUTO = "auto"
    """Those of more than 30 tools are, or of 10 that take more than a tenth of the context window."""
    NEVER = "never"
    """All of them are in each request."""


class OnRefusal(StrEnum):
    """What happens to the messages of a turn that the model or a content filter refused."""

    KEEP = "keep"
    """They stay, with the refusal as the answer."""
    DISCARD = "discard"
    """All of them leave the history: a refused message that stays is often refused again in the next turn."""


NO_TOOLS = ToolChoice(mode="none")
"""The tool choice of a turn's last request with ``OnMaxSteps.ANSWER``."""


class RetryPolicy(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """When and how often a failed request is sent again.

    There are at most *max_attempts* requests for one answer, the last of them *max_elapsed_s* after the first: by
    default only this time ends the retries. The delay doubles from *first_delay_s* to *max_delay_s*, minus a random
    part of up to half of it; a provider's ``Retry-After`` is a lower bound. An answer that broke off after some text
    was emitted is requested again only with *after_output*: readers have seen that text.
    """

    __repr__ = short_repr

    max_attempts: Positive = 20
    first_delay_s: NotNegative = 0.5
    max_delay_s: NotNegative = 30.0
    max_elapsed_s: NotNegative = 120.0
    after_output: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "retry")


class Limits(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The bounds of one session.

    *waiting_messages* and *waiting_bytes* bound the mailbox (the messages waiting for their turn), *message_bytes* a
    single message. *history_bytes* bounds the history: beyond it, the oldest messages that compactions removed are
    dropped, and messages for which the rest leaves no room are rejected. *kept_result_bytes* bounds what is kept of
    long results, so that the model can read on in them: the oldest go first. *outbox_bytes* bounds the events that the
    router has not acknowledged: while the outbox is full, the provider's stream is not read.
    """

    __repr__ = short_repr

    waiting_messages: Positive = 1_000
    waiting_bytes: Positive = 64 << 20
    message_bytes: Positive = 32 << 20
    history_bytes: Positive = 256 << 20
    kept_result_bytes: Annotated[int, Meta(ge=0)] = 32 << 20
    outbox_bytes: Positive = 256 << 10

    def __post_init__(self) -> None:
        check_fields(self, "limits")
