"""What the message of a context overflow says about the model's context window."""

import re
from typing import NamedTuple

_N = r"(?:about |~|approximately )?([\d][\d,]*)"

# Each with a server that says so. The first that fits counts.
_LIMITS = (
    rf"maximum (?:context |prompt |input |sequence |model |allowed )*length:? (?:is |of )?\(?{_N}",  # OpenAI, vLLM, xAI
    rf"context limit: {_N} \+ {_N} > {_N}",  # Anthropic
    rf"tokens > {_N}",  # Anthropic, Bedrock
    rf"maximum number of (?:input )?tokens (?:allowed )?\(?{_N}",  # Google
    rf"only supports? up to {_N}",  # Vertex AI
    rf"available context size \({_N}",  # llama.cpp
    rf"\bn_ctx\W{{1,4}}{_N}",  # llama.cpp
    rf"context length:? (?:is |of )?(?:only )?\(?{_N}",  # SGLang, LM Studio
    rf"with {_N} maximum context length",  # Mistral
    rf"cannot exceed {_N}",  # Cohere
    rf"max input tokens: {_N}",  # Bedrock
    rf"must be <= {_N}",  # TGI
    rf"must have less than {_N}",  # TGI
    rf"(?:configured |token )?limit(?: of|:) {_N}",  # OpenAI, GitHub, Kimi
    rf"limit:? {_N}, requested",  # OpenAI, Groq: a rate limit that a single request exceeds
    rf"input length should be \[1, {_N}",  # DashScope
    rf"max_(?:model|seq)_len(?:gth)?\W{{1,4}}{_N}",  # TabbyAPI, TensorRT-LLM
)
_REQUESTED = (
    rf"\({_N} (?:in the messages|of text input|in your prompt)",  # OpenAI, OpenRouter
    rf"messages resulted in {_N}",  # OpenAI
    rf"prompt contains at least {_N}",  # vLLM
    rf"request has {_N} input tokens",  # vLLM
    rf"{_N} tokens from the input",  # SGLang
    rf"(?:prompt|input) is too long: {_N}",  # Anthropic, Bedrock, Fireworks
    rf"context limit: {_N} \+",  # Anthropic
    rf"token count(?: is| of|:)? \(?{_N}",  # Google, GitHub, Bedrock
    rf"\bn_prompt_tokens\W{{1,4}}{_N}",  # llama.cpp
    rf"request \({_N} tokens\)",  # llama.cpp
    rf"\((?:total )?length {_N}\)",  # vLLM
    rf"input (?:length )?\(?{_N}(?: tokens\))?",  # SGLang, Poolside
    rf"(?:prompt|request) contains {_N}",  # Mistral, xAI
    rf"given: {_N}",  # TGI
    rf"received {_N}",  # Cohere
    rf"requested:? {_N}",  # Kimi, Groq
)
_EXCESS = (rf"exceeded (?:max context length )?by {_N} tokens",)  # Cohere, Ollama

_LEAST_TOKENS, _MOST_TOKENS = 64, 1_000_000_000


class WindowFigures(NamedTuple):
    """The *limit*, the tokens *requested*, and by how many these are too many (*excess*); ``None`` where unsaid."""

    limit: int | None = None
    requested: int | None = None
    excess: int | None = None


def window_figures(message: str) -> WindowFigures:
    """The figures in the *message* of a context overflow. None is believed that no window can have."""
    text = message.lower()
    limit, requested, excess = (_number(text, patterns) for patterns in (_LIMITS, _REQUESTED, _EXCESS))
    if limit is None and requested is not None and excess is not None:
        limit = requested - excess
    return WindowFigures(limit if limit is None or limit >= _LEAST_TOKENS else None, requested, excess)


def _number(text: str, patterns: tuple[str, ...]) -> int | None:
    for pattern in patterns:
        if found := re.search(pattern, text):
            number = int(found[found.lastindex or 1].replace(",", ""))
            return number if number <= _MOST_TOKENS else None
    return None
