"""A context overflow is recognized in every server's words, and nothing else is taken for one."""

import pytest

from rayconteur.providers.transport.context_overflow import (
    WindowFigures,
    exceeds_rate_alone,
    is_overflow,
    window_figures,
)

OVERFLOWS = {
    "Anthropic": "prompt is too long: 213462 tokens > 200000 maximum",
    "Anthropic with max_tokens": "input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000, "
    "decrease input length or `max_tokens` and try again",
    "OpenAI": "This model's maximum context length is 8192 tokens. However, your messages resulted in 8545 tokens. "
    "Please reduce the length of the messages.",
    "OpenAI Responses": "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "OpenAI, a configured limit": "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted "
    "in 301,000 tokens. Please reduce the length of the messages.",
    "Azure": "This model's maximum context length is 128000 tokens. However, you requested 140127 tokens (131935 in "
    "the messages, 8192 in the completion). Please reduce the length of the messages or completion.",
    "Google": "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).",
    "Bedrock, Claude": "Input is too long for requested model.",
    "Bedrock, Llama": "This model's maximum context length is 8192 tokens. Please reduce the length of the prompt",
    "Bedrock, Titan": "400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 9000",
    "Bedrock, Nova": "The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds "
    "maximum length. Please update the input to try again.",
    "Cohere": "too many tokens: total number of tokens in the prompt cannot exceed 128000 - received 140000.",
    "llama.cpp": "the request exceeds the available context size, try increasing it",
    "llama.cpp, newer": "request (66202 tokens) exceeds the available context size (65536 tokens), try increasing it",
    "vLLM": "This model's maximum context length is 16384 tokens. However, you requested 0 output tokens and your "
    "prompt contains at least 16385 input tokens, for a total of at least 16385 tokens.",
    "vLLM, the prompt alone": "The decoder prompt (length 163840) is longer than the maximum model length of 131072.",
    "SGLang": "The input (61709 tokens) is longer than the model's context length (40960 tokens).",
    "SGLang, the memory": "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens).",
    "SGLang, in all": "Requested token count exceeds the model's maximum context length of 202752 tokens.",
    "TGI": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens "
    "and 512 `max_new_tokens`",
    "TGI, the input alone": "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000",
    "LM Studio": "Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with "
    "context length of only 4096 tokens. The number of tokens to keep from the initial prompt is greater than the "
    "context length",
    "LM Studio, in short": "Trying to keep the first 15857 tokens when context the overflows.",
    "vLLM, no room for the output": "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum "
    "context length is 32768 tokens and your request has 31000 input tokens (4096 > 32768 - 31000).",
    "Ollama": "prompt too long; exceeded max context length by 8 tokens",
    "Groq": "Please reduce the length of the messages or completion.",
    "xAI": "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "OpenRouter": "This endpoint's maximum context length is 200000 tokens. However, you requested about 215000 tokens",
    "Poolside": "Input length 131393 exceeds the maximum allowed input length of 131040 tokens.",
    "LiteLLM": "litellm.ContextWindowExceededError: AnthropicException - prompt is too long: 210000 tokens > 200000",
    "GitHub": "prompt token count of 130000 exceeds the limit of 128000",
    "MiniMax": "invalid params, context window exceeds limit",
    "Kimi": "Invalid request: Your request exceeded model token limit: 262144 (requested: 290000)",
    "Z.ai": "Prompt exceeds max length",
    "Mistral": "Prompt contains 45678 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    "Fireworks": "The prompt is too long: 140000, model maximum context length: 131071",
    "DashScope": "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]",
}

OTHERS = [
    "max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you gave 100000.",
    "max_tokens: 9000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-haiku",
    "too many tokens: max tokens must be less than or equal to 4096, the maximum output length for this model",
    "The maximum tokens you requested exceeds the model limit of 2048. Try again with a maximum tokens value that is "
    "lower than 2048.",
    "'max_tokens' or 'max_completion_tokens' is too large: 40000. This model's maximum context length is 32768 tokens "
    "and your request has 42 input tokens (40000 > 32768 - 42).",
    "Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64, but got a string "
    "with length 70 instead.",
    "Invalid 'messages[1].tool_calls[0].id': string too long. Expected a string with maximum length 40",
    "Too many tokens, please wait before trying again.",
    "Rate limit reached for gpt-5 on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000.",
    "messages.0.content.0.image.source.base64: image exceeds 5 MB maximum: 6300000 bytes > 5242880 bytes",
    "temperature: range: 0..1",
    "The model `gpt-9` does not exist",
    "max_output_tokens must be at least 16",
]


@pytest.mark.parametrize("message", OVERFLOWS.values(), ids=OVERFLOWS)
def test_an_overflow_is_recognized_in_each_server_s_words(message: str) -> None:
    assert is_overflow(message)


FIGURES = {
    "Anthropic": (200_000, 213_462),
    "Anthropic with max_tokens": (200_000, 199_759),
    "OpenAI": (8_192, 8_545),
    "OpenAI Responses": (None, None),
    "OpenAI, a configured limit": (272_000, 301_000),
    "Azure": (128_000, 131_935),
    "Google": (1_048_575, 1_196_265),
    "Bedrock, Claude": (None, None),
    "Bedrock, Llama": (8_192, None),
    "Bedrock, Titan": (8_192, 9_000),
    "Bedrock, Nova": (None, None),
    "Cohere": (128_000, 140_000),
    "llama.cpp": (None, None),
    "llama.cpp, newer": (65_536, 66_202),
    "vLLM": (16_384, 16_385),
    "vLLM, the prompt alone": (131_072, 163_840),
    "SGLang": (40_960, 61_709),
    "SGLang, the memory": (59_862, 160_062),
    "SGLang, in all": (202_752, None),
    "TGI": (4_096, 5_000),
    "TGI, the input alone": (1_024, 2_000),
    "LM Studio": (4_096, None),
    "LM Studio, in short": (None, None),
    "vLLM, no room for the output": (32_768, 31_000),
    "Ollama": (None, None),
    "Groq": (None, None),
    "xAI": (131_072, 537_812),
    "OpenRouter": (200_000, 215_000),
    "Poolside": (131_040, 131_393),
    "LiteLLM": (200_000, 210_000),
    "GitHub": (128_000, 130_000),
    "MiniMax": (None, None),
    "Kimi": (262_144, 290_000),
    "Z.ai": (None, None),
    "Mistral": (32_768, 45_678),
    "Fireworks": (131_071, 140_000),
    "DashScope": (30_720, None),
}
"""The limit, and the tokens that were requested, as each server says them."""


@pytest.mark.parametrize("server", OVERFLOWS)
def test_the_window_and_the_tokens_requested_are_read_from_each_server_s_words(server: str) -> None:
    assert window_figures(OVERFLOWS[server])[:2] == FIGURES[server]


def test_by_how_much_a_request_was_too_long_is_read() -> None:
    assert window_figures(OVERFLOWS["Ollama"]) == WindowFigures(excess=8)
    assert window_figures("too many tokens: size limit exceeded by 1000 tokens. Try a shorter input").excess == 1_000


@pytest.mark.parametrize("limit", ["0", "63", "9" * 30])
def test_a_window_that_no_model_has_is_not_believed(limit: str) -> None:
    assert window_figures(f"maximum context length is {limit} tokens").limit is None


@pytest.mark.parametrize("message", OTHERS)
def test_look_alikes_are_not_taken_for_an_overflow(message: str) -> None:
    assert not is_overflow(message)


def test_a_request_above_its_rate_limit_alone_is_told_from_one_that_may_succeed_later() -> None:
    groq = "Request too large for model `llama` on tokens per minute (TPM): Limit 8000, Requested 42084, please reduce"
    openai = "Request too large for gpt-5 (for limit gpt-5) on tokens per min (TPM): Limit 30,000, Requested 41,000."

    assert exceeds_rate_alone(groq)
    assert exceeds_rate_alone(openai)
    assert not exceeds_rate_alone("Request too large ... Limit 8000, Requested 4208")
    assert not exceeds_rate_alone("Rate limit reached: Limit 30000, Used 29000, Requested 2000.")
