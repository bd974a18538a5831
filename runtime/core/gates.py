"""The preconditions for sending a request: every request passes all of them, in order.

First requests, retries, requests after tool results and requests after a compaction take the same path.
"""

from collections.abc import Callable

import msgspec

from ...providers.schema.checks.shown import short_name
from ..api.compact_reason import CompactReason
from ..api.config import SessionConfig
from .compaction_policy import CompactionPolicy


class PendingRequest(msgspec.Struct, frozen=True, gc=False):
    """A request that is about to be sent: its *tokens*, and whether the history was *compacted* for it just now.

    *settings_tokens* of them are those of the settings. Its history has *turns*.
    """

    tokens: int
    compacted: bool
    config: SessionConfig
    policy: CompactionPolicy
    settings_tokens: int = 0
    turns: int = 0


class CompactFirst(msgspec.Struct, frozen=True, gc=False):
    """The history must be compacted before the request is sent."""

    reason: CompactReason


class DontSend(msgspec.Struct, frozen=True, gc=False):
    """The request must not be sent: *problem* says why."""

    problem: str


Verdict = CompactFirst | DontSend | None
"""``None`` lets the request pass."""

Gate = Callable[[PendingRequest], Verdict]


def context_window(request: PendingRequest) -> Verdict:
    """Lets a request pass that fits the context window.

    One that is too long although it was compacted for it passes too: the estimate may be wrong, and only the provider
    knows.
    """
    if request.compacted:
        return None
    if request.policy.is_due(request.tokens, request.config, request.settings_tokens):
        return CompactFirst(CompactReason.THRESHOLD)
    if request.policy.is_due_by_turns(request.turns, request.config):
        return CompactFirst(CompactReason.TURNS)
    return None


def hopeless_request(request: PendingRequest) -> Verdict:
    """Stops a request that is far too long although it was compacted for it: no estimate is so wrong."""
    if not request.compacted:
        return None
    window = request.policy.window(request.config, request.settings_tokens)
    if request.tokens < window.hopeless_tokens:
        return None
    size = "has" if window.is_known else "is assumed to have"
    model = short_name(request.config.provider.model)
    return DontSend(
        f"the request has about {request.tokens:,} tokens, and the context window of {model} "
        f"{size} {window.limit_tokens:,}: nothing was sent. Shorten the message, or change the settings"
    )


GATES: tuple[Gate, ...] = (context_window, hopeless_request)


def first_objection(request: PendingRequest) -> Verdict:
    """The verdict of the first gate that does not let *request* pass."""
    for gate in GATES:
        if verdict := gate(request):
            return verdict
    return None
