"""Receiving a message: it takes effect once, and is acknowledged."""

from ...api import events as out
from ...api import messages as msg
from .. import events as ev
from ..instructions import Acknowledge, Emit, Instruction
from ..receipts import KeptReceipt, find_receipt, with_receipt
from ..state import ConversationState
from .messages import accept_message


def repeated_receipt(state: ConversationState, event: ev.Event) -> Acknowledge | None:
    """The receipt of the message that *event* repeats, if it is one that has arrived before.

    Raises:
        KeyMisused: another message had its key.
    """
    if not isinstance(event, ev.Received) or event.key is None:
        return None
    kept = find_receipt(state.receipts, event.key)
    return Acknowledge(kept.turn, kept.compaction, kept.seq) if kept else None


def receive(state: ConversationState, event: ev.Received) -> list[Instruction]:
    """Apply the message or queue it, and acknowledge it. Raises what ``accept_message`` does."""
    instructions = accept_message(state, event)
    turn, compaction = _effect(state, event.message, instructions)
    if event.key:
        state.receipts = with_receipt(state.receipts, KeptReceipt(event.key, event.seq, turn, compaction))
    return [Acknowledge(turn, compaction), *instructions]


def _effect(
    state: ConversationState, message: msg.ToLLM, instructions: list[Instruction]
) -> tuple[int | None, int | None]:
    """The turn, and the compaction, that *message* started, continued or ended: it led to *instructions*."""
    match message:
        case msg.UserMessage() | msg.Retry() | msg.Continue():
            return state.turns, None
        case msg.AddMessages():
            return state.turns - message.turn_count + 1, None
        case (
            msg.ToolResults()
            | msg.ToolUpdate()
            | msg.RequestApproval()
            | msg.Approve()
            | msg.Deny()
            | msg.AnswerQuestion()
        ):
            return running.number if (running := state.running_turn) else None, None
        case msg.Compact():
            return None, state.asked_compactions
        case _:
            emitted = [step.event for step in instructions if isinstance(step, Emit)]
            turn = next((event.turn for event in emitted if isinstance(event, out.Interrupted)), None)
            ended = (event.compaction for event in emitted if isinstance(event, out.Compacted))
            return turn, next(ended, 0) or None
