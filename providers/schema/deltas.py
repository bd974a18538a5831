"""The pieces of a provider's answer, in one vocabulary for all providers.

An answer that is not streamed comes as the same pieces, each whole. A client promises: ``AnswerStarted`` first,
``AnswerEnded`` exactly once and nothing after it; a block's *index* is its place in the answer, and a block is begun
before it goes on. An answer that stops short has no ``AnswerEnded``: the client raises instead.
"""

import msgspec

from .content import Citation
from .rate_limits import RateLimits
from .stop_reasons import StopReason
from .usage import Usage


class _Delta(msgspec.Struct, frozen=True, gc=False):
    """A piece of an answer. It never leaves its process."""


class AnswerStarted(_Delta, frozen=True):
    """The provider has begun to answer. A client reads *rate_limits* from the response's head; a decoder knows none."""

    message_id: str
    model: str
    rate_limits: RateLimits | None = None


class TextDelta(_Delta, frozen=True):
    """More of the text block *index*."""

    index: int
    text: str


class ThinkingDelta(_Delta, frozen=True):
    """More of the thinking block *index*."""

    index: int
    text: str


class ThinkingSigned(_Delta, frozen=True):
    """The signature of the thinking block *index*; with *redacted*, the block is nothing else."""

    index: int
    signature: str
    redacted: bool = False


class ToolUseStarted(_Delta, frozen=True):
    """The model begins to ask for the tool *name*."""

    index: int
    id: str
    name: str


class ToolInputDelta(_Delta, frozen=True):
    """More of the JSON text of the tool use *index*."""

    index: int
    json: str


class Cited(_Delta, frozen=True):
    """The text block *index* names a source. It may have ended, but must have begun."""

    index: int
    citation: Citation


class OpaqueReceived(_Delta, frozen=True):
    """A whole block that only its provider understands: *json* as it came."""

    index: int
    type: str
    json: bytes


class BlockEnded(_Delta, frozen=True):
    """Block *index* is complete. Where a provider does not say so, the end of the answer does."""

    index: int


class UsageReported(_Delta, frozen=True):
    """The counts of this request as far as they are known; a later one replaces those that it has."""

    usage: Usage


class AnswerEnded(_Delta, frozen=True):
    """The answer is complete; *raw_stop_reason* is the provider's own word for why."""

    stop_reason: StopReason
    raw_stop_reason: str | None


Delta = (
    AnswerStarted
    | TextDelta
    | ThinkingDelta
    | ThinkingSigned
    | ToolUseStarted
    | ToolInputDelta
    | Cited
    | OpaqueReceived
    | BlockEnded
    | UsageReported
    | AnswerEnded
)
