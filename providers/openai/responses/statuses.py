"""How an answer of the Responses API ended: its status, where the last event and other members say it otherwise."""

from ...schema.stop_reasons import StopReason
from ...transport.fault_bodies import says_something
from ...wire.stop_reasons import STOP_REASONS
from .events import Completed, Failed, Incomplete, Response

INCOMPLETE_REASONS = {
    "max_output_tokens": StopReason.MAX_TOKENS,
    "max_messages": StopReason.PAUSED,
    "steered": StopReason.PAUSED,
    "content_filter": StopReason.CONTENT_FILTER,
}

_COMPLETE = ("stop", "tool_calls", "end_turn", "completed")  # LiteLLM: the reason of Chat Completions


def end_status(response: Response, event: Completed | Incomplete | Failed | None) -> str:
    """The status of *response*, which *event* had, if it was streamed.

    A failed or incomplete answer is one by its event, whatever its status.
    """
    status = (response.status or "").lower()
    if isinstance(event, Failed):
        return "failed"
    if isinstance(event, Incomplete) or (status == "completed" and incomplete_reason(response)):
        return "incomplete"
    if status in ("completed", "") and not response.output and says_something(response.error):
        return "failed"
    if status in _COMPLETE or not status or (isinstance(event, Completed) and status == "in_progress"):
        return "completed"
    return "incomplete" if status in INCOMPLETE_REASONS or status in STOP_REASONS else status


def incomplete_reason(response: Response) -> str | None:
    """Why *response* is incomplete, in the words of the server."""
    return response.incomplete_details.reason if response.incomplete_details else None
