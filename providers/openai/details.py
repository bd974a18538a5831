"""What OpenAI and Azure say about content that they reject, or that their monitoring stops.

https://developers.openai.com/api/docs/guides/misalignment-monitoring,
https://learn.microsoft.com/azure/foundry/openai/concepts/content-filter.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from ..schema.stop_reasons import StopDetails
from ..transport.fault_bodies import Fault, read_fault

_Object = dict[str, Any]
_MARKS = (b'"innererror"', b'"misalignment"')
_FILTER_CODES = ("content_filter", "ResponsibleAIPolicyViolation")  # others have an innererror, too
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
    members = _object(error)
    if found := _object(members.get("misalignment")):
        texts = (found.get("detailed_explanation"), _object(found.get("steer")).get("message"))
        explanation = "\n\n".join(text for text in texts if isinstance(text, str))
        return StopDetails(category=_text(found.get("error_type")), explanation=explanation or None, vendor=found)
    if found := _object(members.get("innererror")):
        results = _object(found.get("content_filter_result")) or _object(found.get("content_filter_results"))
        if results or members.get("code") in _FILTER_CODES or found.get("code") in _FILTER_CODES:
            return StopDetails(category=_category(results) or _text(found.get("code")), vendor=found)
    return None


def _object(value: object) -> _Object:
    return cast(_Object, value) if isinstance(value, dict) else {}


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
