"""Compaction of a history by the API: https://developers.openai.com/api/docs/guides/compaction.

The answer is a new beginning of the history, to be sent back as it is: the user's messages, and an encrypted item.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from ...schema.deltas import AnswerEnded, AnswerStarted, Delta, OpaqueReceived, UsageReported
from ...schema.errors import InvalidConfig
from ...schema.request import Request
from ...schema.stop_reasons import StopReason
from ...transport.faults import malformed_answer
from ...wire.json_decoding import decode_whole, validated_json
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
    id: str = ""
    output: list[msgspec.Raw] | None = None
    usage: TokenCounts | None = None
    error: object = None


_decode: Callable[[bytes], _Compacted] = msgspec.json.Decoder(_Compacted).decode


def check_compaction(dialect: Dialect) -> None:
    """Raises:
    InvalidConfig: the API does not compact histories for the model, or at this endpoint.
    """
    if dialect.api != "responses" or not dialect.known.compacts:
        raise InvalidConfig("compaction", f"the API does not compact histories for {dialect.model} at this endpoint")


def compaction_body(request: Request, dialect: Dialect, instructions: str | None) -> bytes:
    """The body that asks to compact the messages of *request*. *instructions* follow the system prompt."""
    settings = request.settings
    head: dict[str, Any] = {"model": dialect.sent_model}
    if texts := [text for text in (settings.system, instructions) if text]:
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
    compacted = decode_whole(_decode, provider, body)
    if compacted.error:
        raise faults(provider).error(read_openai_fault(body))
    items = [validated_json(provider, bytes(item)) for item in compacted.output or ()]
    if not items:
        raise malformed_answer(provider, "a compaction without items", body)
    deltas: list[Delta] = [AnswerStarted(compacted.id, model)]
    deltas += [OpaqueReceived(index, COMPACTED, item) for index, item in enumerate(items)]
    if compacted.usage is not None:
        deltas.append(UsageReported(compacted.usage.usage()))
    deltas.append(AnswerEnded(StopReason.END_TURN, "completed"))
    return deltas
