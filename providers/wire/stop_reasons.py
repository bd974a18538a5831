"""Mapping a server's stop reason to ours: the vendor's own words, and those that gateways pass on of other vendors."""

from collections.abc import Mapping

from ..schema.errors import Overloaded, ProviderError, ProviderUnavailable
from ..schema.stop_reasons import StopReason

_UNSPECIFIC = (StopReason.END_TURN, StopReason.OTHER)
_COMMON = {
    "stop": StopReason.END_TURN,  # OpenAI, Google
    "end_turn": StopReason.END_TURN,  # Anthropic, Bedrock
    "complete": StopReason.END_TURN,  # Cohere
    "completed": StopReason.END_TURN,
    "end": StopReason.END_TURN,
    "eos": StopReason.END_TURN,
    "eos_token": StopReason.END_TURN,  # TGI
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "length": StopReason.MAX_TOKENS,  # OpenAI
    "max_tokens": StopReason.MAX_TOKENS,
    "max_length": StopReason.MAX_TOKENS,
    "max_new_tokens": StopReason.MAX_TOKENS,
    "max_output_tokens": StopReason.MAX_TOKENS,
    "max_completion_tokens": StopReason.MAX_TOKENS,
    "model_length": StopReason.CONTEXT_FULL,  # Mistral
    "model_context_window_exceeded": StopReason.CONTEXT_FULL,
    "context_length_exceeded": StopReason.CONTEXT_FULL,
    "error_limit": StopReason.CONTEXT_FULL,  # Cohere
    "tool_use": StopReason.TOOL_USE,
    "tool_calls": StopReason.TOOL_USE,
    "tool_call": StopReason.TOOL_USE,
    "function_call": StopReason.TOOL_USE,
    "content_filter": StopReason.CONTENT_FILTER,
    "content_filtered": StopReason.CONTENT_FILTER,
    "guardrail_intervened": StopReason.CONTENT_FILTER,
    "sensitive": StopReason.CONTENT_FILTER,  # Z.ai
    "safety": StopReason.CONTENT_FILTER,
    "recitation": StopReason.CONTENT_FILTER,
    "blocklist": StopReason.CONTENT_FILTER,
    "prohibited_content": StopReason.CONTENT_FILTER,
    "spii": StopReason.CONTENT_FILTER,
    "error_toxic": StopReason.CONTENT_FILTER,  # Cohere
    "refusal": StopReason.REFUSAL,
    "pause_turn": StopReason.PAUSED,
}
_FAILURES: Mapping[str, type[ProviderError]] = {
    "error": ProviderUnavailable,  # OpenRouter, Cohere
    "failed": ProviderUnavailable,
    "abort": ProviderUnavailable,  # vLLM, SGLang
    "aborted": ProviderUnavailable,
    "cancelled": ProviderUnavailable,
    "network_error": ProviderUnavailable,  # Z.ai
    "timeout": ProviderUnavailable,  # Cohere
    "insufficient_system_resource": Overloaded,  # DeepSeek
}


def stop_reason(reasons: Mapping[str, StopReason], raw: str | None) -> StopReason:
    """The entry of *reasons* for *raw*, else what *raw* means to other vendors; ``OTHER`` if it is unknown."""
    return reasons.get(raw or "") or _COMMON.get(_word(raw), StopReason.OTHER)


def failure(provider: str, raw: str | None) -> ProviderError | None:
    """The error of an answer of *provider* that failed halfway, as the stop reason *raw* says; ``None`` otherwise."""
    kind = _FAILURES.get(_word(raw))
    return None if kind is None else kind(f"the answer ended with {raw!r}", provider, vendor_code=raw)


def _word(raw: str | None) -> str:
    """*raw* in lower case, without the name of an enumeration before it, such as in ``FinishReason.STOP``."""
    return (raw or "").rpartition(".")[2].lower()


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
