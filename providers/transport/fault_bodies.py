"""Reading the bodies, and the events of a stream, in which servers report faults."""

import re
from collections.abc import Mapping
from contextlib import suppress
from html import unescape
from typing import cast

import msgspec

from ..schema.stop_reasons import StopDetails
from .streams.sse import EventStream

SHOWN_CHARS = 500
"""How much of a message or a body an error shows."""
NO_REASON = "the provider gave no reason"
"""In place of a message."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An error as the provider reports it: a message, and a type and a more exact code where it gives them.

    *retry_after_s* is set if the body says how long to wait, *details* if it tells more about rejected content.
    """

    message: str = NO_REASON
    type: str | None = None
    code: str | None = None
    retry_after_s: float | None = None
    details: StopDetails | None = None


_MAX_DEPTH = 4
_PROBLEMS = ("error", "exception", "failed")
SIGNS_OF_LIFE = ("ping", "keepalive", "keep-alive", "heartbeat")
"""The types of events that only keep a connection alive."""
_SUCCESS = (0, 200, "0", "200")
_STATUSES = ("status_code", "statusCode", "status", "http_code", "originalStatusCode")
# Where servers have the message; the last ones of AWS, OAuth, MiniMax and RFC 9457.
_REPORTING = ("detail", "msg", "error_message", "errors", "errorMessage", "Message", "error_description", "exception")
_TEXTS = ("message", *_REPORTING, "status_msg", "reason", "title")
_begins_with_event = re.compile(rb"\s*(?:data|event|error):").match
_json = msgspec.json.Decoder().decode
_Members = dict[str, object]


def read_fault(body: bytes) -> Fault:
    """The fault in *body*, in any of the forms that vendors, compatible servers and gateways use.

    They have an object with a ``message`` or a text, directly, in ``error`` or ``detail``, or in an array; a gateway
    nests the error of the server behind it. A gateway may have begun a stream of events: then it is in one of them.
    What is neither is the message itself; of a web page, its words.
    """
    try:
        decoded: object = _json(body)
    except (ValueError, RecursionError):
        return _fault_in_events(body) or Fault(message=shown_text(body) or NO_REASON)
    return _fault_in(decoded, _MAX_DEPTH) or _unexplained(decoded, body)


def reported_fault(body: bytes) -> Fault | None:
    """The fault in *body*, JSON that is no part of an answer; ``None`` if it does not report a problem.

    An empty ``error`` is none. An object whose type is "error", or which has a message and nothing to do with an
    answer, reports one.
    """
    try:
        decoded: object = _json(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(decoded, list) and decoded:
        decoded = cast("list[object]", decoded)[0]
    if not isinstance(decoded, dict):
        return None
    members = cast(_Members, decoded)
    if _reports(members):
        return _fault_in(members, _MAX_DEPTH) or _unexplained(members, body)
    return _exception_in(members)


def _reports(members: _Members) -> bool:
    """True if *members*, those of an object that is no part of an answer, report a problem."""
    kinds = (members.get("object"), members.get("type"), members.get("status"))
    if any(kind in _PROBLEMS for kind in kinds) or _wrapped(members) or "__type" in members:
        return True
    if members.get("type") in SIGNS_OF_LIFE:
        return False
    message = members.get("message")
    if isinstance(message, dict) and ("role" in message or "content" in message):  # of another API's answer
        return False
    has_failed = any(type(status := members.get(name)) is int and status >= 400 for name in _STATUSES)
    says = any(members.get(name) for name in ("message", *_REPORTING))
    return has_failed or (says and members.get("code") not in _SUCCESS)


def _fault_in_events(body: bytes) -> Fault | None:
    """The first fault in *body*, server-sent events; ``None`` if it is something else."""
    if not _begins_with_event(body):
        return None
    stream = EventStream(provider="")
    events = (*stream.feed(body), stream.remainder())
    return next(filter(None, (reported_fault(event) for event in events if event)), None)


def _unexplained(decoded: object, body: bytes) -> Fault:
    """The fault in *body*, which is *decoded*, and has no message: its type and its code may say more."""
    fault = Fault(message=excerpt(body) or NO_REASON)
    if isinstance(decoded, dict):
        members = cast(_Members, decoded)
        if exception := _exception_in(members):
            return exception
        if isinstance(inner := members.get("error"), dict):
            fault = _with_code(fault, cast(_Members, inner))
        fault = _with_code(fault, members)
    return fault


def _fault_in(part: object, depth: int) -> Fault | None:
    """The fault in *part* of a body; ``None`` if it has none."""
    if isinstance(part, str):
        return _nested_in_text(part, depth) or Fault(message=part[:SHOWN_CHARS] or NO_REASON)
    if isinstance(part, list) and part and depth:
        return _fault_in(cast("list[object]", part)[0], depth - 1)
    if not isinstance(part, dict) or not depth:
        return None
    members = cast(_Members, part)
    text = _text(members)
    if inner := _wrapped(members) or members.get("error"):
        fault = _fault_in(inner, depth - 1)
        if text and fault is None:  # the error is "true"
            fault = Fault(message=text[:SHOWN_CHARS])
        elif text and fault and fault.message == inner != text:  # the error is "Bad Request"
            fault = msgspec.structs.replace(fault, message=f"{inner}: {text}"[:SHOWN_CHARS])
        return fault and _with_code(fault, members)
    if text:
        text = _with_window(_with_gateway_details(text, members), members)
        fault = _nested_in_text(text, depth) or Fault(message=text[:SHOWN_CHARS])
        return _with_code(fault, members)
    others = (members.get(name) for name in ("detail", "msg", "error_message", "errors"))
    fault = _fault_in(next(filter(None, others), None), depth - 1)
    if fault is None and isinstance(members.get("message"), str):
        fault = Fault()
    return fault and _with_code(fault, members)


def _wrapped(members: _Members) -> object:
    """The error that *members* have inside; ``None`` if they have none, or one whose members are all empty."""
    inners = (members.get(name) for name in ("error", "err", "Error"))
    inner = next((inner for inner in inners if says_something(inner)), None)
    match members.get("base_resp"):  # MiniMax
        case {"status_code": int(code)} as response if inner is None and code:
            return response
        case _:
            return inner


def says_something(value: object) -> bool:
    """True if *value*, in the place of an error, is one: not if it is empty, or has only empty members."""
    if isinstance(value, dict):
        return any(map(says_something, cast(_Members, value).values()))
    return bool(value)


def _text(members: _Members) -> str | None:
    """The message among *members*; one in several texts is joined."""
    for name in _TEXTS:
        value = members.get(name)
        texts = cast("list[object]", value) if isinstance(value, list) else [value]
        if text := "; ".join(text for text in texts if isinstance(text, str)):
            return text
    return None


def _nested_in_text(text: str, depth: int) -> Fault | None:
    """The fault in *text*, if that is all the JSON with which a server behind a gateway answered."""
    if not depth or not text.startswith("{"):
        return None
    try:
        return _fault_in(_json(text), depth - 1)
    except (ValueError, RecursionError):
        return None


def _with_gateway_details(message: str, members: Mapping[str, object]) -> str:
    """*message* with what the server behind OpenRouter answered: its own is "Provider returned error"."""
    metadata = members.get("metadata")
    raw = cast(_Members, metadata).get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str) and raw:
        return f"{message}: {read_fault(raw.encode(errors='replace')).message}"
    fault = _fault_in(cast(_Members, raw), _MAX_DEPTH) if isinstance(raw, dict) else None
    return f"{message}: {fault.message}" if fault else message


def _with_window(message: str, members: Mapping[str, object]) -> str:
    """*message* with the figures that llama.cpp has beside it: the window, and the tokens of the request."""
    match members:
        case {"n_ctx": int(limit), "n_prompt_tokens": int(requested)} if str(limit) not in message:
            return f"{message} (n_prompt_tokens: {requested}, n_ctx: {limit})"
        case _:
            return message


def _with_code(fault: Fault, members: Mapping[str, object]) -> Fault:
    """*fault* with the type, the code and the delay in *members*, where it has none itself."""
    kinds = [members.get(name) for name in ("type", "error_type", "errorType")]  # OpenAI, Cohere and TGI, AWS
    kinds.append(str(members.get("__type", "")).rpartition("#")[2])  # AWS
    details, wait_s = members.get("details"), _seconds(members.get("retry_after"))
    code = members.get("code")
    if code is None:
        code = members.get("error_code")  # Databricks
    if code is None:
        kinds.append(members.get("status"))  # Google
        code = next(filter(None, (_status(members.get(name)) for name in _STATUSES)), None)
    reasons = cast("list[object]", details) if isinstance(details, list) else [details]
    wait_s = next(filter(None, map(_retry_delay_s, reasons)), wait_s)  # google.rpc.RetryInfo
    if isinstance(details, dict):  # Anthropic
        code = cast(_Members, details).get("error_code", code)
    kind = next((kind for kind in kinds if kind and isinstance(kind, str)), None)
    return msgspec.structs.replace(
        fault,
        type=fault.type or kind,
        code=fault.code or (str(code) if isinstance(code, str | int) and code != "" else None),
        retry_after_s=fault.retry_after_s or wait_s,
    )


def _status(value: object) -> int | None:
    """The HTTP status *value*; ``None`` if it is none."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value if type(value) is int else None


def _exception_in(members: _Members) -> Fault | None:
    """The fault in an exception of AWS that is a member: its name is the code."""
    for name, value in members.items():
        if name.endswith("Exception") and isinstance(value, dict):
            inner = cast(_Members, value)
            return _with_code(_fault_in(inner, 1) or Fault(message=name), {"code": name})
    return None


def _seconds(value: object) -> float | None:
    return max(0.0, float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _retry_delay_s(detail: object) -> float | None:
    match detail:
        case {"retryDelay": str(delay)}:
            with suppress(ValueError):
                return max(0.0, float(delay.removesuffix("s")))
        case {"retryDelay": {"seconds": int(seconds) | str(seconds), "nanos": int(nanos)}}:
            with suppress(ValueError):
                return max(0.0, float(seconds) + nanos / 1e9)
        case {"retryDelay": {"seconds": int(seconds) | str(seconds)}}:
            with suppress(ValueError):
                return max(0.0, float(seconds))
        case _:
            pass
    return None


def excerpt(body: bytes) -> str:
    """The beginning of *body*, for an error message."""
    return body[:SHOWN_CHARS].decode(errors="replace").strip()


_MARKUP = b"<"
_invisible = re.compile(
    r"<(script|style|svg)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<[^>]*(?:>|\Z)", re.DOTALL | re.IGNORECASE
).sub


def is_markup(body: bytes) -> bool:
    """True if *body* is a web page, or XML."""
    return body.lstrip()[:1] == _MARKUP


def shown_text(body: bytes) -> str:
    """The beginning of the text in *body*, for an error message: of a web page, what a person would see."""
    if not is_markup(body):
        return excerpt(body)
    words = unescape(_invisible(" ", body.decode(errors="replace"))).split()
    return " ".join(words)[:SHOWN_CHARS] or excerpt(body)
