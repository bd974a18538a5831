"""The preconditions for sending a request: every request passes all of them, in order.

First requests, retries, requests after tool results and requests after a compaction take the same path.
"""

from collections.abc import Callable

import msgspec

from ..api.config import SessionConfig
from ..api.messages import CompactReason
from .compaction_policy import CompactionPolicy


class PendingRequest(msgspec.Struct, frozen=True, gc=False):
    """A request that is about to be sent: its *tokens*, and whether the history was *compacted* for it just now."""

    tokens: int
    compacted: bool
    config: SessionConfig
    policy: CompactionPolicy


class CompactFirst(msgspec.Struct, frozen=True, gc=False):
    """The history must be compacted before the request is sent."""

    reason: CompactReason


Verdict = CompactFirst | None
"""``None`` lets the request pass."""

Gate = Callable[[PendingRequest], Verdict]


def context_window(request: PendingRequest) -> Verdict:
    """Lets a request pass that fits the context window.

    One that is too long although it was compacted for it passes too: the estimate may be wrong, and only the provider
    knows.
    """
    if request.compacted or not request.policy.is_due(request.tokens, request.config):
        return None
    return CompactFirst(CompactReason.THRESHOLD)


GATES: tuple[Gate, ...] = (context_window,)


def first_objection(request: PendingRequest) -> Verdict:
    """The verdict of the first gate that does not let *request* pass."""
    for gate in GATES:
        if verdict := gate(request):
            return verdict
    return None
