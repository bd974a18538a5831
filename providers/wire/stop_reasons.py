"""From a vendor's reason for stopping to ours."""

from collections.abc import Mapping

from ..schema.stop_reasons import StopReason

_SAYS_NOTHING = (StopReason.END_TURN, StopReason.OTHER)


def stop_reason(reasons: Mapping[str, StopReason], raw: str | None) -> StopReason:
    """The entry of *reasons* for *raw*; ``OTHER`` where there is none."""
    return reasons.get(raw or "", StopReason.OTHER)


def inferred_stop_reason(reason: StopReason, calls_tools: bool, refuses: bool = False) -> StopReason:
    """*reason*, or what the answer itself shows where *reason* says no more than that the answer has ended.

    Some APIs have no reason of their own for tool uses or refusals, and some servers give no reason at all.
    """
    if reason in _SAYS_NOTHING:
        if calls_tools:
            return StopReason.TOOL_USE
        if refuses:
            return StopReason.REFUSAL
    return reason
