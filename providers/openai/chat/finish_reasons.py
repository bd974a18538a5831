"""The finish reasons of Chat Completions, in the words of all servers and spellings: gateways pass on all of them."""

import re

from ...schema.errors import Overloaded, ProviderError, ProviderUnavailable
from ...schema.stop_reasons import StopReason

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

FAILURES: dict[str, type[ProviderError]] = {
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
"""The finish reasons of an answer that failed halfway."""

_NOT_YET = ("null", "none", "not_finished", "in_progress", "incomplete")
_words = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+").findall
_prefixed = re.compile("(?:finish_|stop_)?reason_(?=.)|finish_(?=.)").match


def is_finish(raw: str) -> bool:
    """True if *raw* is a reason: "null" as a text is none."""
    return _plain(raw) not in _NOT_YET


def finish_names(raw: str) -> list[str]:
    """The names that *raw* may have in the tables: "content_filter: SPII" has two, "FinishReason.STOP" is "stop"."""
    return [_plain(part) for part in (*reversed(raw.split(":")), raw)]


def _plain(raw: str) -> str:
    name = "_".join(_words(raw)).lower()
    prefix = _prefixed(name)
    return name[prefix.end() :] if prefix else name
