"""Refusals: what a provider sends that has too much to do, as their documents show it."""

from http import HTTPStatus

import msgspec

from .answers import ANTHROPIC, BEDROCK, COHERE, GEMINI, Api

_ANTHROPIC_OVERLOADED = 529
_REASONS = {_ANTHROPIC_OVERLOADED: "Overloaded"}
_HEAD = "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n"


def overloaded(api: Api) -> bytes:
    """The provider has too many users."""
    if api == ANTHROPIC:
        # https://docs.claude.com/en/api/errors
        return _refusal(_ANTHROPIC_OVERLOADED, _anthropic("overloaded_error", "Overloaded"))
    message = "The server is currently overloaded. Please try again later."
    kinds = {GEMINI: "UNAVAILABLE", BEDROCK: "ServiceUnavailableException"}
    return _other(api, HTTPStatus.SERVICE_UNAVAILABLE, kinds.get(api, "server_error"), message)


def limited(api: Api, retry_after_s: float) -> bytes:
    """This user asks too much; *retry_after_s* is said in a header."""
    message = "Rate limit reached. Please try again later."
    more = f"retry-after: {retry_after_s:g}\r\n"
    if api == ANTHROPIC:
        return _refusal(HTTPStatus.TOO_MANY_REQUESTS, _anthropic("rate_limit_error", message), more)
    kinds = {GEMINI: "RESOURCE_EXHAUSTED", BEDROCK: "ThrottlingException"}
    return _other(api, HTTPStatus.TOO_MANY_REQUESTS, kinds.get(api, "rate_limit_exceeded"), message, more)


def _anthropic(kind: str, message: str) -> object:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_RavenRavenRaven12"}


def _other(api: Api, status: int, kind: str, message: str, more: str = "") -> bytes:
    if api == BEDROCK:
        return _refusal(status, {"message": message}, f"{more}x-amzn-errortype: {kind}\r\n")
    if api == COHERE:
        return _refusal(status, {"id": "5f0b7c9a-raven", "message": message}, more)
    if api == GEMINI:
        return _refusal(status, {"error": {"code": status, "message": message, "status": kind}}, more)
    return _refusal(status, {"error": {"message": message, "type": kind, "param": None, "code": kind}}, more)


def _refusal(status: int, body: object, more: str = "") -> bytes:
    data = msgspec.json.encode(body)
    reason = _REASONS.get(status) or HTTPStatus(status).phrase
    return _HEAD.format(status=int(status), reason=reason, length=len(data), more=more).encode() + data
