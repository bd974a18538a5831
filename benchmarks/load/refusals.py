"""Refusals: errors of an overloaded provider, as the documentation of each shows them."""

from http import HTTPStatus

import msgspec

from .answers import ANTHROPIC, BEDROCK, COHERE, GEMINI, Api

_ANTHROPIC_OVERLOADED = 529
_REASONS = {_ANTHROPIC_OVERLOADED: "Overloaded"}
_HEAD = "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n"


def overloaded_response(api: Api) -> bytes:
    """The response of an overloaded provider."""
    if api == ANTHROPIC:
        # https://docs.claude.com/en/api/errors
        return _refusal(_ANTHROPIC_OVERLOADED, _anthropic_error("overloaded_error", "Overloaded"))
    message = "The server is currently overloaded. Please try again later."
    kinds = {GEMINI: "UNAVAILABLE", BEDROCK: "ServiceUnavailableException"}
    return _by_api(api, HTTPStatus.SERVICE_UNAVAILABLE, kinds.get(api, "server_error"), message)


def rate_limited_response(api: Api, retry_after_s: float) -> bytes:
    """The response to a client above its rate limit; a header has *retry_after_s*."""
    message = "Rate limit reached. Please try again later."
    headers = f"retry-after: {retry_after_s:g}\r\n"
    if api == ANTHROPIC:
        return _refusal(HTTPStatus.TOO_MANY_REQUESTS, _anthropic_error("rate_limit_error", message), headers)
    kinds = {GEMINI: "RESOURCE_EXHAUSTED", BEDROCK: "ThrottlingException"}
    return _by_api(api, HTTPStatus.TOO_MANY_REQUESTS, kinds.get(api, "rate_limit_exceeded"), message, headers)


def _anthropic_error(kind: str, message: str) -> object:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_RavenRavenRaven12"}


def _by_api(api: Api, status: int, kind: str, message: str, headers: str = "") -> bytes:
    if api == BEDROCK:
        return _refusal(status, {"message": message}, f"{headers}x-amzn-errortype: {kind}\r\n")
    if api == COHERE:
        return _refusal(status, {"id": "5f0b7c9a-raven", "message": message}, headers)
    if api == GEMINI:
        return _refusal(status, {"error": {"code": status, "message": message, "status": kind}}, headers)
    return _refusal(status, {"error": {"message": message, "type": kind, "param": None, "code": kind}}, headers)


def _refusal(status: int, body: object, headers: str = "") -> bytes:
    data = msgspec.json.encode(body)
    reason = _REASONS.get(status) or HTTPStatus(status).phrase
    return _HEAD.format(status=int(status), reason=reason, length=len(data), headers=headers).encode() + data
