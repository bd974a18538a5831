"""What sessions count: their turns, requests, tokens and what these cost, by provider and model."""

from ....providers.schema.messages import RequestInfo
from ....providers.schema.usage import Usage
from ...api import events as out
from ...core.conversation import Conversation
from ...core.events import Event
from ...core.instructions import Cancel, Emit, Instruction
from ...core.phases import Requesting
from ...metrics import catalog
from ...metrics.counts import COUNTS

Model = tuple[str, str]
"""The labels ``provider`` and ``model``."""


def handle(conversation: Conversation, event: Event) -> list[Instruction]:
    """``conversation.handle``, with what happened counted: not for records that are replayed."""
    provider, phase = conversation.request_config.provider, conversation.phase
    last_request, usage = conversation.last_request, conversation.usage
    instructions = conversation.handle(event)
    if not instructions:
        return instructions
    model = COUNTS.model(provider.service, provider.model)
    if (ended := conversation.last_request) is not last_request and ended:
        _count_request(model, ended)
    if conversation.usage is not usage:
        _count_usage(model, usage, conversation.usage)
    for instruction in instructions:
        match instruction:
            case Emit(event=emitted):
                _count_event(model, emitted)
            case Cancel() if isinstance(phase, Requesting):
                COUNTS.add(catalog.REQUESTS, ("cancelled", *model))
            case _:
                pass
    return instructions


def _count_event(model: Model, event: out.FromLLM) -> None:
    match event:
        case out.Completed() | out.Interrupted() | out.Failed():
            COUNTS.add(catalog.TURNS, (type(event).__name__.lower(), *model))
        case out.Retrying():
            COUNTS.add(catalog.RETRIES, (event.code, *model))
        case out.Compacted():
            COUNTS.add(catalog.COMPACTIONS, (event.reason.value, *model))
        case out.StepCompleted(results=results) if results:
            failed = sum(result.is_error for result in results)
            for label, number in (("ok", len(results) - failed), ("error", failed)):
                if number:
                    COUNTS.add(catalog.TOOL_USES, (label, *model), number)
        case _:
            pass


def _count_request(model: Model, ended: RequestInfo) -> None:
    COUNTS.add(catalog.REQUESTS, (ended.error or "completed", *model))
    if ended.duration_s is not None:
        COUNTS.histogram(catalog.REQUEST_SECONDS, model).observe(ended.duration_s)
    if ended.first_text_s is not None:
        COUNTS.histogram(catalog.FIRST_TEXT, model).observe(ended.first_text_s)


def _count_usage(model: Model, before: Usage, now: Usage) -> None:
    """Count what *now* has more: nothing where the session's totals were set to 0."""
    for kind in ("input", "output", "cache_read", "cache_write", "reasoning"):
        grown = (getattr(now, kind).tokens or 0) - (getattr(before, kind).tokens or 0)
        if grown > 0:
            COUNTS.add(catalog.TOKENS, (kind, *model), grown)
    if (cost := (now.cost.usd or 0.0) - (before.cost.usd or 0.0)) > 0:
        COUNTS.add(catalog.COST, model, cost)
