"""The status and the summary of a session, and the receipts of its messages."""

from ..api.messages import Receipt
from ..api.status import SessionStatus, SessionSummary, State
from ..core.conversation import Conversation
from ..core.instructions import Acknowledge


def status_of(session_id: str, conversation: Conversation, is_streaming: bool, last_seq: int) -> SessionStatus:
    """The status of *conversation* now. It *is_streaming* if the answer to its request has begun."""
    provider, counters = conversation.config.provider, conversation.counters
    return SessionStatus(
        id=session_id,
        state=State.STREAMING if is_streaming else conversation.state,
        provider=provider.service,
        model=provider.model,
        created_at=conversation.created_at,
        turns=counters.turns,
        turn=conversation.turn,
        messages=conversation.message_count,
        waiting=len(conversation.queue),
        open_tool_use_ids=tuple(use.id for use in conversation.open_tool_uses),
        awaiting_approval=tuple(use.id for use in conversation.unapproved_tool_uses),
        awaiting_answer=tuple(use.id for use in conversation.open_questions),
        requests=counters.requests,
        usage=conversation.usage,
        context_tokens=conversation.context,
        context_limit_tokens=conversation.context_limit_tokens,
        last_seq=last_seq,
        history_bytes=conversation.history_size.held_bytes,
        dropped_messages=conversation.dropped_messages,
        last_request=conversation.last_request,
        forked_from=conversation.forked_from,
    )


def summary_of(session_id: str, conversation: Conversation) -> SessionSummary:
    """What has happened in *conversation* so far."""
    tally, counters = conversation.tally, conversation.counters
    return SessionSummary(
        id=session_id,
        created_at=conversation.created_at,
        turns=counters.turns,
        completed_turns=tally.completed,
        interrupted_turns=tally.interrupted,
        failed_turns=tally.failed,
        steps=tally.steps,
        messages=conversation.message_count,
        tool_calls=tally.tool_calls,
        failed_tool_calls=tally.failed_tool_calls,
        requests=counters.requests,
        retries=tally.retries,
        compactions=counters.compactions,
        usage=conversation.usage,
        turns_s=tally.turns_s,
        requests_s=tally.requests_s,
        tools_s=tally.tools_s,
        first_at=tally.first_at or None,
        last_at=tally.last_at or None,
    )


def receipt_of(acknowledge: Acknowledge, seq: int) -> Receipt:
    """The receipt of a message that arrived after event number *seq*, or again after it."""
    turn, compaction, first_seq = acknowledge.turn, acknowledge.compaction, acknowledge.seq
    if first_seq is None:
        return Receipt(turn=turn, seq=seq, compaction=compaction)
    return Receipt(turn=turn, seq=first_seq, compaction=compaction, repeated=True)
