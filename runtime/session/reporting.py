"""What sessions report to the log: ids, numbers, names and codes; never content, never secrets."""

import logging

from ...providers.schema.checks.shown import shown
from ...providers.schema.usage import Count
from ..api import events as out
from ..api.messages import UserMessage
from ..core.conversation import Conversation
from ..core.instructions import SendRequest
from ..logs.ids import ids

log = logging.getLogger(__name__)


def report_event(session_id: str, event: out.FromLLM) -> None:
    """Log *event*: what an operator wants to know at INFO, everything else at DEBUG. Chunks are not events here."""
    if not log.isEnabledFor(logging.INFO):
        return
    correlation_id = event.correlation_id if isinstance(event, out.OfTurn | out.Steered) else ""
    _report(session_id, event, logging.LoggerAdapter(log, ids(session_id, event.turn, correlation_id)))


def _report(session_id: str, event: out.FromLLM, about: "logging.LoggerAdapter[logging.Logger]") -> None:
    match event:
        case out.Retrying():
            about.info("%s: %s is tried again in %.1f s: %s", session_id, _called(event), event.delay_s, event.code)
        case out.Failed():
            about.info("%s: %s failed: %s", session_id, _called(event), event.code)
        case out.Compacted():
            about.info(
                "%s: compacted (%s): %d messages, before %d",
                session_id,
                event.reason,
                event.messages_after,
                event.messages_before,
            )
        case out.Configured():
            about.info("%s: configured %s, model %s", session_id, ", ".join(event.fields), event.model)
        case out.Closed():
            about.info("%s: closed", session_id)
        case out.Completed():
            about.debug(
                "%s: %s completed: %s, %d requests, %s tokens in, %s out",
                session_id,
                _called(event),
                event.stop_reason,
                event.requests,
                _tokens(event.usage.input),
                _tokens(event.usage.output),
            )
        case out.ToolBatch():
            about.debug("%s: %s waits for %d tools", session_id, _called(event), len(event.uses))
        case out.QuestionAsked():
            about.info("%s: %s asks the user, tool use %s", session_id, _called(event), shown(event.tool_use_id))
        case out.OfTurn() | out.Steered():
            about.debug("%s: %s: %s", session_id, _called(event), type(event).__name__)
        case _:
            about.debug("%s: turn %d: %s", session_id, event.turn, type(event).__name__)


def report_wait(session_id: str, turn: int, conversation: Conversation) -> None:
    """Log what a queued *turn* waits for, the tools of another one: somebody may have to answer them."""
    needs = {use.id: "approval" for use in conversation.unapproved_tool_uses}
    needs |= {use.id: "answer" for use in conversation.open_questions}
    open_uses = conversation.open_tool_uses
    waiting = ", ".join(f"{shown(use.id)} ({needs.get(use.id, 'result')})" for use in open_uses)
    message = next((queued.message for queued in conversation.queue if queued.turn == turn), None)
    correlation_id = message.correlation_id if isinstance(message, UserMessage) else ""
    log.info(
        "%s: %s is queued behind turn %d, which waits for tools: %s",
        session_id,
        _named(turn, correlation_id),
        conversation.turn,
        waiting,
        extra=ids(session_id, turn, correlation_id),
    )


def report_request(session_id: str, send: SendRequest) -> None:
    """Log a request that is about to be sent."""
    if not log.isEnabledFor(logging.DEBUG):
        return
    log.debug(
        "%s: %s sends request %d to %s, %s: %d messages, attempt %d",
        session_id,
        _named(send.turn, send.correlation_id),
        send.number,
        send.config.provider.service,
        send.config.provider.model,
        len(send.messages),
        send.attempt,
        extra=ids(session_id, send.turn, send.correlation_id),
    )


def _called(event: out.OfTurn | out.Steered) -> str:
    return _named(event.turn, event.correlation_id)


def _named(turn: int, correlation_id: str) -> str:
    """*turn* as logs have it: with the name that the program has given it."""
    return f"turn {turn} ({correlation_id!r})" if correlation_id else f"turn {turn}"


def _tokens(count: Count) -> str:
    return "?" if count.tokens is None else str(count.tokens)
