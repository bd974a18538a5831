"""Deltas: the increments of an answer, in one vocabulary for all providers.

An answer that is not streamed arrives as the same deltas, one per block. A client guarantees: ``AnswerStarted`` comes
first, ``AnswerEnded`` exactly once and last; a block's *index* is its position in the answer, and a block starts before
it continues. An answer that stops early has no ``AnswerEnded``: the client raises instead.
"""

import msgspec

from .content import Citation
from .rate_limits import RateLimits
from .stop_reasons import StopDetails, StopReason
from .usage import Usage


class _Delta(msgspec.Struct, frozen=True, gc=False):
    """An increment of an answer. It never leaves its process."""


class AnswerStarted(_Delta, frozen=True):
    """The answer starts. The client adds *rate_limits* from the headers of the response."""

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
    """The signature of the thinking block *index*. With *redacted*, the block has nothing else."""

    index: int
    signature: str
    redacted: bool = False


class ToolUseStarted(_Delta, frozen=True):
    """A use of the tool *name* starts."""

    index: int
    id: str
    name: str


class ToolInputDelta(_Delta, frozen=True):
    """More of the JSON text of the tool use *index*."""

    index: int
    json: str


class ToolInputRejected(_Delta, frozen=True):
    """The input of the tool use *index* can't be used: *text* is what the model wrote, *problem* what is wrong."""

    index: int
    text: str
    problem: str


class Cited(_Delta, frozen=True):
    """A citation in the text block *index*, which has started and may have ended."""

    index: int
    citation: Citation


class OpaqueReceived(_Delta, frozen=True):
    """A whole block that only its provider understands: *json* as it arrived."""

    index: int
    type: str
    json: bytes


class BlockEnded(_Delta, frozen=True):
    """Block *index* is complete. Some providers don't report this: then the end of the answer completes it.

    *rewritten*: it is a tool use whose input is not the model's own text, as in ``AnswerEnded``.
    """

    index: int
    rewritten: bool = False


class BlocksWithdrawn(_Delta, frozen=True):
    """The provider withdraws the blocks *indexes*: another model answers in place of the one that wrote them.

    They are not part of the complete answer. Their text may already have been shown.
    """

    indexes: tuple[int, ...]


class UsageReported(_Delta, frozen=True):
    """The token counts of this request so far. Counts in a later report replace earlier ones."""

    usage: Usage


class AnswerEnded(_Delta, frozen=True):
    """The answer is complete. *raw_stop_reason* is the provider's own value, *details* what it says about it.

    In an answer that was cut off, *rewritten* is the last tool use whose input is not the model's own text: the
    provider or the client completed it, so that it is valid JSON even if the model did not come to its end.
    """

    stop_reason: StopReason
    raw_stop_reason: str | None
    details: StopDetails | None = None
    rewritten: int | None = None

    def with_rewritten(self, index: int | None) -> "AnswerEnded":
        """This end, where *index* is the last tool use whose input is not the model's own text."""
        if index is None or not self.stop_reason.cuts_off:
            return self
        return AnswerEnded(self.stop_reason, self.raw_stop_reason, self.details, index)


Delta = (
    AnswerStarted
    | TextDelta
    | ThinkingDelta
    | ThinkingSigned
    | ToolUseStarted
    | ToolInputDelta
    | ToolInputRejected
    | Cited
    | OpaqueReceived
    | BlockEnded
    | BlocksWithdrawn
    | UsageReported
    | AnswerEnded
)
