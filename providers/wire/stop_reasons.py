"""Mapping a vendor's stop reason to ours."""

from collections.abc import Mapping

from ..schema.stop_reasons import StopReason

_UNSPECIFIC = (StopReason.END_TURN, StopReason.OTHER)


def stop_reason(reasons: Mapping[str, StopReason], raw: str | None) -> StopReason:
    """The entry of *reasons* for *raw*, or ``OTHER`` without one."""
    return reasons.get(raw or "", StopReason.OTHER)


def inferred_stop_reason(reason: StopReason, calls_tools: bool, refuses: bool = False) -> StopReason:
    """*reason*, unless it is an unspecific one and the answer itself shows another.

    Some APIs have no stop reason for tool uses or refusals, and some servers send none at all.
    """
    if reason in _UNSPECIFIC:
        if calls_tools:
            return StopReason.TOOL_USE
        if refuses:
            return StopReason.REFUSAL
    return reason
