"""The summary of a session."""

from ..api.status import SessionSummary
from ..core.conversation import Conversation


def summary_of(session_id: str, conversation: Conversation) -> SessionSummary:
    """What has happened in *conversation* so far."""
    tally = conversation.tally
    return SessionSummary(
        id=session_id,
        created_at=conversation.created_at,
        turns=conversation.turns,
        completed_turns=tally.completed,
        interrupted_turns=tally.interrupted,
        failed_turns=tally.failed,
        steps=tally.steps,
        messages=conversation.message_count,
        tool_calls=tally.tool_calls,
        failed_tool_calls=tally.failed_tool_calls,
        requests=conversation.requests,
        retries=tally.retries,
        compactions=conversation.compactions,
        usage=conversation.usage,
        turns_s=tally.turns_s,
        requests_s=tally.requests_s,
        tools_s=tally.tools_s,
        first_at=tally.first_at or None,
        last_at=tally.last_at or None,
    )
