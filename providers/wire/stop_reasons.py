"""What a server's stop reason means: in the vendor's own words, or in those of others that gateways pass on."""

import re
from collections.abc import Mapping

from ..schema.errors import Overloaded, ProviderError, ProviderUnavailable
from ..schema.stop_reasons import StopReason

_UNSPECIFIC = (StopReason.END_TURN, StopReason.OTHER)
STOP_REASONS = {
    "stop": StopReason.END_TURN,
    "eos": StopReason.END_TURN,  # Together, DeepInfra
    "eos_token": StopReason.END_TURN,  # TGI
    "end_turn": StopReason.END_TURN,  # Anthropic
    "end": StopReason.END_TURN,
    "end_of_text": StopReason.END_TURN,
    "complete": StopReason.END_TURN,  # Cohere
    "completed": StopReason.END_TURN,
    "stop_token": StopReason.END_TURN,
    "stopped": StopReason.END_TURN,
    "finish": StopReason.END_TURN,
    "finished": StopReason.END_TURN,
    "done": StopReason.END_TURN,
    "normal": StopReason.END_TURN,
    "end_of_turn": StopReason.END_TURN,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "length": StopReason.MAX_TOKENS,
    "max_tokens": StopReason.MAX_TOKENS,  # Anthropic, Google
    "max_token": StopReason.MAX_TOKENS,
    "max_len": StopReason.MAX_TOKENS,  # xAI
    "token_limit": StopReason.MAX_TOKENS,  # watsonx
    "length_limit": StopReason.MAX_TOKENS,
    "max_length": StopReason.MAX_TOKENS,
    "max_new_tokens": StopReason.MAX_TOKENS,
    "max_output_tokens": StopReason.MAX_TOKENS,
    "max_completion_tokens": StopReason.MAX_TOKENS,
    "model_length": StopReason.CONTEXT_FULL,  # Mistral
    "model_context_window_exceeded": StopReason.CONTEXT_FULL,  # Anthropic, Z.ai
    "context_length_exceeded": StopReason.CONTEXT_FULL,
    "error_limit": StopReason.CONTEXT_FULL,  # Cohere
    "tool_calls": StopReason.TOOL_USE,
    "tool_call": StopReason.TOOL_USE,  # Cohere
    "tool_use": StopReason.TOOL_USE,  # Anthropic
    "function_call": StopReason.TOOL_USE,
    "content_filter": StopReason.CONTENT_FILTER,
    "content_filtered": StopReason.CONTENT_FILTER,  # Bedrock
    "guardrail_intervened": StopReason.CONTENT_FILTER,  # Bedrock
    "sensitive": StopReason.CONTENT_FILTER,  # Z.ai
    "safety": StopReason.CONTENT_FILTER,  # Google
    "recitation": StopReason.CONTENT_FILTER,
    "blocklist": StopReason.CONTENT_FILTER,
    "prohibited_content": StopReason.CONTENT_FILTER,
    "spii": StopReason.CONTENT_FILTER,
    "image_safety": StopReason.CONTENT_FILTER,
    "error_toxic": StopReason.CONTENT_FILTER,  # Cohere
    "refusal": StopReason.REFUSAL,  # Anthropic
    "pause_turn": StopReason.PAUSED,
}
"""The words of all vendors and servers."""

_FAILURES: dict[str, type[ProviderError]] = {
    "error": ProviderUnavailable,  # OpenRouter
    "failed": ProviderUnavailable,
    "abort": ProviderUnavailable,  # vLLM, SGLang
    "aborted": ProviderUnavailable,
    "cancelled": ProviderUnavailable,
    "server_error": ProviderUnavailable,
    "internal_error": ProviderUnavailable,
    "internal_server_error": ProviderUnavailable,
    "network_error": ProviderUnavailable,  # Z.ai
    "timeout": ProviderUnavailable,
    "insufficient_system_resource": Overloaded,  # DeepSeek
}

_NOT_YET = ("null", "none", "not_finished", "in_progress", "incomplete")
_words = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+").findall
_prefixed = re.compile("(?:finish_|stop_)?reason_(?=.)|finish_(?=.)").match


def stop_reason(reasons: Mapping[str, StopReason], raw: str | None) -> StopReason:
    """The entry of *reasons* for *raw*, else what *raw* means to other vendors; ``OTHER`` if it is unknown."""
    raw = raw or ""
    if raw in reasons:
        return reasons[raw]
    return next((STOP_REASONS[name] for name in reason_names(raw) if name in STOP_REASONS), StopReason.OTHER)


def failure(provider: str, raw: str | None) -> ProviderError | None:
    """The error of an answer of *provider* that failed halfway, as the stop reason *raw* says; ``None`` otherwise."""
    if not raw or raw.lower() in STOP_REASONS:  # nearly always, and to take names apart takes longer than the rest
        return None
    kind = next((_FAILURES[name] for name in reason_names(raw) if name in _FAILURES), None)
    return None if kind is None else kind(f"the answer ended with {raw!r}", provider, vendor_code=raw)


def is_stop_reason(raw: str) -> bool:
    """True if *raw* is a reason: "null" as a text is none."""
    return _plain(raw) not in _NOT_YET


def reason_names(raw: str) -> list[str]:
    """The names that *raw* may have in the tables: "content_filter: SPII" has two, "FinishReason.STOP" is "stop"."""
    return [_plain(part) for part in (*reversed(raw.split(":")), raw)]


def _plain(raw: str) -> str:
    name = "_".join(_words(raw)).lower()
    prefix = _prefixed(name)
    return name[prefix.end() :] if prefix else name


def inferred_stop_reason(reason: StopReason, calls_tools: bool, refuses: bool = False) -> StopReason:
    """*reason*, unless it is an unspecific one and the answer itself shows another.

    Some APIs have no stop reason for tool uses or refusals, and some servers send none at all.
    """
    if reason in _UNSPECIFIC:
        if calls_tools:
            return StopReason.TOOL_USE
        if refuses:
            return StopReason.REFUSAL
    return reason
