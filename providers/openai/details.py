"""What OpenAI and Azure say about content that they reject, or that their monitoring stops.

https://developers.openai.com/api/docs/guides/misalignment-monitoring,
https://learn.microsoft.com/azure/foundry/openai/concepts/content-filter.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from ..schema.stop_reasons import StopDetails
from ..transport.faults import Fault, read_fault

_Object = dict[str, Any]
_MARKS = (b'"innererror"', b'"misalignment"')
_json = msgspec.json.Decoder(_Object).decode


def read_openai_fault(body: bytes) -> Fault:
    """The fault in *body*, with what it tells about the rejected content."""
    fault = read_fault(body)
    if not any(mark in body for mark in _MARKS):
        return fault
    try:
        error = _json(body).get("error")
    except (ValueError, RecursionError):
        return fault
    return msgspec.structs.replace(fault, details=_error_details(error) or fault.details)


def chat_filter_details(chunk: bytes) -> StopDetails | None:
    """The results of Azure's content filters in *chunk*, the last one of an answer or all of it."""
    try:
        return _filter_details(_decode_chunk(chunk).choices)
    except (ValueError, RecursionError):
        return None


def responses_filter_details(filters: object) -> StopDetails | None:
    """The results of Azure's content filters in the *filters* of a response."""
    try:
        return _filter_details(msgspec.convert(filters, list[_Filtered]))
    except (ValueError, RecursionError):
        return None


class _Filtered(msgspec.Struct):
    content_filter_results: _Object = {}


class _Chunk(msgspec.Struct):
    choices: list[_Filtered] = []


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def _filter_details(filtered: Iterable[_Filtered]) -> StopDetails | None:
    """All results; where several are of one kind, the one that found something counts."""
    results: _Object = {}
    for one in filtered:
        results |= {name: result for name, result in one.content_filter_results.items() if _found(result)}
        results = one.content_filter_results | results
    return StopDetails(category=_category(results), vendor=results) if results else None


def _error_details(error: object) -> StopDetails | None:
    match error:
        case {"misalignment": {**found}}:
            said = cast(_Object, found)
            steer: object = said.get("steer")
            advice = cast(_Object, steer).get("message") if isinstance(steer, dict) else None
            texts = [text for text in (said.get("detailed_explanation"), advice) if isinstance(text, str)]
            return StopDetails(
                category=_text(said.get("error_type")), explanation="\n\n".join(texts) or None, vendor=said
            )
        case {"innererror": {**found}}:
            inner = cast(_Object, found)
            results: object = inner.get("content_filter_result") or inner.get("content_filter_results")
            category = _category(cast(_Object, results)) if isinstance(results, dict) else None
            return StopDetails(category=category or _text(inner.get("code")), vendor=inner)
        case _:
            return None


def _category(results: Mapping[str, Any]) -> str | None:
    """The names of the filters that found something, separated by commas."""
    return ", ".join(name for name, result in results.items() if _found(result)) or None


def _found(result: object) -> bool:
    match result:
        case {"filtered": True} | {"detected": True}:
            return True
        case _:
            return False


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
