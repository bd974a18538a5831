"""How servers say that a request has more tokens than the model's context window.

One table for all APIs: a gateway may put any vendor's model, and so any vendor's words, behind any API. Each phrase is
followed by a server that uses it.
"""

import re
from functools import cache
from typing import NamedTuple

OVERFLOW_CODES = frozenset(
    {
        "context_length_exceeded",  # OpenAI
        "exceed_context_size_error",  # llama.cpp
        "request_too_large",  # Anthropic
        "model_max_prompt_tokens_exceeded",  # GitHub
        "ContextWindowExceededError",  # LiteLLM
        "context_window_exceeded",
        "model_context_window_exceeded",
        "tokens_limit_reached",  # GitHub Models
        "prompt_too_long",
        "input_too_long",
    }
)
"""Codes and types of errors that mean nothing else."""

_UNIT = r"(?<!output )(?<!completion )(?:context|prompt|input|model|sequence|session|tokens?)"
_LIMIT = rf"{_UNIT}[ _-]?(?:window|length|size|limit)"
_PHRASES = (
    # Anthropic, Bedrock, Fireworks; vLLM: "The prompt (total length 5000) is too long"; llama.cpp: "too big".
    r"\b(?:prompt|input|conversation|messages)(?: \([^)]*\))? (?:is|are|was|were) too (?:long|large|big)",
    r"\b(?:prompt|input)(?: tokens?)?(?: length)? too long",  # Ollama, Kimi
    r"request (?:is )?too large\b(?! for model.{0,200}per minute)",  # Groq, Anthropic
    rf"exceed\w* (?:the |this |your |an? )?(?:\w+(?:'s)? ){{0,4}}{_LIMIT}",  # OpenAI, llama.cpp, Kimi, Ollama
    rf"(?:longer|greater|larger|more) than (?:the )?(?:\w+(?:'s)? ){{0,3}}{_LIMIT}",  # SGLang, vLLM, LM Studio
    rf"maximum (?:allowed )?{_LIMIT}",  # OpenAI, vLLM, OpenRouter, xAI, Mistral
    rf"\b{_LIMIT} (?:has been |was |is )?(?:exceed|full|overflow)",  # MiniMax, LM Studio
    r"context (?:the )?overflow",  # LM Studio
    r"exceed\w* context limit",  # Anthropic
    r"input tokens? (?:count )?(?:\([\d,]+\) )?exceed",  # OpenAI, Bedrock
    # Cohere, Bedrock, watsonx
    r"(?:number|count) of (?:input )?tokens (?:in (?:the )?\w+ )?(?:\(?[\d,]+\)? )?(?:cannot )?exceed",
    r"input token count is [\d,]+ but",  # Vertex AI
    r"\b(?:prompt|input)\b[^.]{0,40}\btokens\b[^.]{0,40}\bexceeds? the (?:model's )?maximum of",  # AI21
    r"token count (?:of )?\(?[\d,]*\)? ?(?:cannot )?exceed",  # Google, GitHub, Databricks
    r"exceed\w* (?:the )?max(?:imum)? context",
    r"(?:longer|greater|larger|more) than max_seq_len",  # TabbyAPI
    r"exceeds? max(?:imum)? (?:input |prompt )?length",  # Z.ai, Poolside, SGLang
    r"exceeds? the maximum (?:allowed )?(?:number of tokens|(?:input |prompt )?length)",  # Google, SGLang, Poolside
    r"reduce the (?:length|size) of (?:the |your )?(?:messages|prompt|input)",  # Groq, OpenAI
    r"`inputs` (?:must have less than|tokens \+)",  # TGI, Together
    r"\btoo many (?:input tokens|total text bytes|prompt tokens|tokens: total number of tokens)",  # Bedrock, Cohere
    r"range of input length should be",  # DashScope
    r"payload size exceeds",  # Google
    r"size limit exceeded by [\d,]+ tokens",  # Cohere
    r"\btoo many tokens in (?:the )?(?:prompt|request|input)",
    r"prompt_tokens \([\d,]+\) must be less than",  # SiliconFlow
    r"expected maxlength: [\d,]+, actual: [\d,]+",  # Bedrock: Titan
    "(?:输入|上下文|提示词).{0,12}(?:过长|超长|超过|超出)",  # Z.ai, Baidu, Volcengine
    r"exceeds? max_(?:model|seq)_len",  # vLLM
    r"should not exceed max_(?:num_tokens|seq_len|input_len)",  # TensorRT-LLM
    r"exceed max message tokens",  # Volcengine
    r"context_length_exceeded|contextwindowexceedederror",  # in the text with which a gateway repeats another's error
)

# What resembles these phrases and is another mistake: a limit of the answer, the length of a name.
_OTHERS = (
    r"max_(?:completion_|output_|new_)?tokens (?:is |must |cannot |: )?(?:too|be|exceed)|"
    r"maximum allowed number of output tokens|"
    r"supports at most [\d,]+ completion tokens|"
    r"max_(?:completion_|output_|new_)?tokens (?:of )?\(?[\d,]+\)? exceed|"
    r"max tokens must be|"
    r"\b(?:name|description|identifier|key|value|string)s? exceeds? (?:the )?max|"
    r"maximum tokens you requested exceed|"
    r"string too long|"
    r"\b(?:name|description|title|id|\w+_id|schema|metadata|url|header|stop sequence)s? exceed"
)
# vLLM: "'max_tokens' ... is too large: 40000. ... (40000 > 32768 - 42)". No input leaves room for such a limit.
_LIMIT_ALONE = r"\(([\d,]+) > ([\d,]+) - [\d,]+\)"
_SINGLE_REQUEST = r"request too large\b.*limit:? ([\d,]+), requested:? ([\d,]+)"


@cache
def _overflow() -> re.Pattern[str]:
    """Compiled when the first error is judged: that takes milliseconds, which most processes never need."""
    return re.compile("|".join(f"(?:{phrase})" for phrase in _PHRASES))


def is_overflow(message: str) -> bool:
    """True if *message* says that the request is too long for the model."""
    text = message.lower()
    limit = re.search(_LIMIT_ALONE, text)
    return (
        _overflow().search(text) is not None
        and not re.search(_OTHERS, text)
        and not (limit and _number(limit[1]) > _number(limit[2]))
    )


def exceeds_rate_alone(message: str) -> bool:
    """True if a single request has more tokens than its rate limit allows in a minute: waiting never helps.

    OpenAI and Groq: "Request too large for gpt-5 ... on tokens per min (TPM): Limit 8000, Requested 42084".
    """
    found = re.search(_SINGLE_REQUEST, message.lower())
    return found is not None and _number(found[2]) > _number(found[1])


def _number(digits: str) -> int:
    return int(digits.replace(",", "") or 0)


# What they say about the window itself.

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
    limit, requested, excess = (_figure(text, patterns) for patterns in (_LIMITS, _REQUESTED, _EXCESS))
    if limit is None and requested is not None and excess is not None:
        limit = requested - excess
    return WindowFigures(limit if limit is None or limit >= _LEAST_TOKENS else None, requested, excess)


def _figure(text: str, patterns: tuple[str, ...]) -> int | None:
    for pattern in patterns:
        if found := re.search(pattern, text):
            number = int(found[found.lastindex or 1].replace(",", ""))
            return number if number <= _MOST_TOKENS else None
    return None
