"""Compaction of a history by the API: https://developers.openai.com/api/docs/guides/compaction.

The answer is a new beginning of the history, to be sent back as it is: the user's messages, and an encrypted item.
"""

from codecs import BOM_UTF8
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from ...schema.checks.shown import short_name
from ...schema.deltas import AnswerEnded, AnswerStarted, Delta, OpaqueReceived, UsageReported
from ...schema.errors import IncompleteAnswer, InvalidConfig
from ...schema.request import Request
from ...schema.stop_reasons import StopReason
from ...transport.fault_bodies import reported_fault
from ...transport.faults import incomplete_answer, malformed_answer, undecodable_answer, unreadable_body
from ...wire.cache_points import system_text
from ...wire.json_decoding import MALFORMED
from ...wire.lenient.coercion import ACCESSORY, Label
from ...wire.lenient.decoder import LenientDecoder, repaired_json
from ...wire.request_body import json_body
from ..custom_tools import COMPACTED
from ..details import read_openai_fault
from ..dialect import Dialect
from .errors import faults
from .events import TokenCounts
from .input_items import input_items

PATH = "/responses/compact"

_TIERS = ("auto", "default", "fast", "flex", "priority")
_CACHE_TTL = "30m"


class _Compacted(msgspec.Struct):
    id: Label = ""
    output: list[msgspec.Raw] | None = None
    usage: Annotated[TokenCounts | None, ACCESSORY] = None
    error: object = None


_decode: Callable[[bytes], _Compacted] = msgspec.json.Decoder(_Compacted).decode
_lenient = LenientDecoder[_Compacted](_Compacted)


def check_compaction(dialect: Dialect) -> None:
    """Raises:
    InvalidConfig: the API does not compact histories for the model, or at this endpoint.
    """
    if dialect.api != "responses" or not dialect.known.compacts:
        raise InvalidConfig(
            "compaction", f"the API does not compact histories for {short_name(dialect.model)} at this endpoint"
        )


def compaction_body(request: Request, dialect: Dialect, instructions: str | None) -> bytes:
    """The body that asks to compact the messages of *request*. *instructions* follow the system prompt."""
    settings = request.settings
    head: dict[str, Any] = {"model": dialect.sent_model}
    if texts := [text for text in (system_text(settings.system), instructions) if text]:
        head["instructions"] = "\n\n".join(texts)
    if settings.prompt_cache_key is not None:
        head["prompt_cache_key"] = settings.prompt_cache_key
    if settings.prompt_cache_ttl == _CACHE_TTL:
        head["prompt_cache_options"] = {"ttl": _CACHE_TTL}
    if settings.service_tier in _TIERS:
        head["service_tier"] = settings.service_tier
    return json_body(head, "input", input_items(request, dialect))


def decode_compaction(provider: str, model: str, body: bytes) -> list[Delta]:
    """The items in *body*, a compacted history of *model*, as opaque blocks.

    Raises:
        ProviderError: *body* is an error, is malformed, or is cut short.
    """
    compacted = _read(provider, body.removeprefix(BOM_UTF8))
    items = [repaired_json(provider, bytes(item)) for item in compacted.output or ()]
    if not items:
        raise malformed_answer(provider, "a compaction without items", body)
    deltas: list[Delta] = [AnswerStarted(compacted.id, model)]
    deltas += [OpaqueReceived(index, COMPACTED, item) for index, item in enumerate(items)]
    if compacted.usage is not None:
        deltas.append(UsageReported(compacted.usage.usage()))
    deltas.append(AnswerEnded(StopReason.END_TURN, "completed"))
    return deltas


def _read(provider: str, body: bytes) -> _Compacted:
    """Raises:
    ProviderError: *body* is an error, is no JSON, or is cut short.
    """
    if body.strip() and not body.lstrip().startswith((b"{", b"[")):
        raise unreadable_body(provider, body)
    try:
        compacted = _decode(body)
    except MALFORMED as problem:
        if reported_fault(body) is not None:
            raise faults(provider).error(read_openai_fault(body)) from None
        if isinstance(undecodable_answer(provider, problem, body), IncompleteAnswer):
            raise incomplete_answer(provider) from None
        return _lenient.decode(provider, body, problem)
    if compacted.error or (not compacted.output and reported_fault(body) is not None):
        raise faults(provider).error(read_openai_fault(body))
    return compacted
