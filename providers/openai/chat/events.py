"""The chunks of a Chat Completions stream: https://platform.openai.com/docs/api-reference/chat-streaming.

An answer that is not streamed is one chunk whose choices have a ``message`` in place of a ``delta``. Only the members
that are used are declared; all others are ignored. None is required: each is missing at some compatible server.
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from ...schema.content import Citation
from ...schema.usage import Cost, Provenance, Usage
from ...wire.lenient.coercion import ACCESSORY, Label
from ...wire.numbers import WholeNumber
from ..usage import InputDetails, OutputDetails, openai_usage


class TokenCounts(msgspec.Struct):
    """The token counts. OpenRouter adds the *cost* in USD; some gateways use Anthropic's names.

    Beside the others are the tokens read from the cache at DeepSeek (*prompt_cache_hit_tokens*) and at Moonshot, and
    those of the thinking at Together and Perplexity (*reasoning_tokens*).
    """

    prompt_tokens: WholeNumber | None = None
    completion_tokens: WholeNumber | None = None
    prompt_tokens_details: Annotated[InputDetails | None, ACCESSORY] = None
    completion_tokens_details: Annotated[OutputDetails | None, ACCESSORY] = None
    prompt_cache_hit_tokens: WholeNumber | None = None
    reasoning_tokens: WholeNumber | None = None
    cached_tokens: WholeNumber | None = None
    input_tokens: WholeNumber | None = None
    output_tokens: WholeNumber | None = None
    cache_read_input_tokens: WholeNumber | None = None
    cache_creation_input_tokens: WholeNumber | None = None
    cost: float | None = None

    def usage(self) -> Usage:
        """These counts as a ``Usage``."""
        outputs = self.completion_tokens if self.completion_tokens is not None else self.output_tokens
        details = self.completion_tokens_details or OutputDetails()
        if details.reasoning_tokens is None:
            details = OutputDetails(self.reasoning_tokens)
        usage = openai_usage(self._inputs(), outputs, self._input_details(), details)
        if self.cost is None:
            return usage
        return msgspec.structs.replace(usage, cost=Cost(usd=self.cost, provenance=Provenance.REPORTED))

    def _inputs(self) -> int | None:
        """All input tokens. Anthropic does not count those of its cache among the others."""
        if self.prompt_tokens is not None or self.input_tokens is None:
            return self.prompt_tokens
        cached = (self.cache_read_input_tokens, self.cache_creation_input_tokens)
        return self.input_tokens + sum(max(0, tokens or 0) for tokens in cached)

    def _input_details(self) -> InputDetails:
        details = self.prompt_tokens_details or InputDetails()
        read = (
            details.cached_tokens,
            self.prompt_cache_hit_tokens,
            self.cached_tokens,
            self.cache_read_input_tokens,
        )
        written = (details.cache_write_tokens, self.cache_creation_input_tokens)
        return InputDetails(_first_reported(read), _first_reported(written))


def _first_reported(counts: Iterable[int | None]) -> int | None:
    return next((tokens for tokens in counts if tokens is not None), None)


class FunctionCall(msgspec.Struct):
    """A call of a tool with JSON input, or the next piece of it; the first piece has the name."""

    name: str | None = None
    arguments: str | None = None


class CustomCall(msgspec.Struct):
    """A call of a tool with free text as its input, or the next piece of it."""

    name: str | None = None
    input: str | None = None


class ToolCall(msgspec.Struct):
    """A tool call, or the next piece of it. Gemini's *extra_content* has its thought signature.

    Cloudflare has the *name* and the *arguments* here, in place of a *function*.
    """

    index: WholeNumber | None = None
    id: Label | None = None
    function: FunctionCall | None = None
    custom: CustomCall | None = None
    name: str | None = None
    arguments: str | None = None
    extra_content: object = None


class UrlCitation(msgspec.Struct):
    """A page that a span of the text cites; OpenRouter adds the *content* that it found there."""

    url: str | None = None
    title: str | None = None
    content: str | None = None
    start_index: WholeNumber | None = None
    end_index: WholeNumber | None = None

    def citation(self) -> Citation:
        """This as a ``Citation``."""
        return Citation(
            cited_text=self.content or "", title=self.title, url=self.url, start=self.start_index, end=self.end_index
        )


class Annotation(msgspec.Struct):
    """A source of the text."""

    url_citation: UrlCitation | None = None


class Piece(msgspec.Struct, gc=False):
    """The content of an answer, or the next piece of it.

    Thinking is in *reasoning_content* at DeepSeek and llama.cpp, in *reasoning* at Ollama and OpenRouter, and in either
    of them at vLLM, depending on its version. The last three members are kept: see ``kept_parts``.
    """

    content: str | None = None
    tool_calls: list[ToolCall] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    annotations: Annotated[list[Annotation] | None, ACCESSORY] = None
    function_call: FunctionCall | None = None
    extra_content: object = None
    reasoning_details: object = None
    thinking_blocks: object = None

    def is_empty(self) -> bool:
        """True if it has nothing."""
        return not any(map(self.__getattribute__, self.__struct_fields__))


class Choice(msgspec.Struct, gc=False):
    """One of the answers that were requested. Moonshot has the *usage* here.

    A *message* beside a *delta* repeats it, or all the text so far.
    """

    index: WholeNumber = 0
    delta: Piece | None = None
    message: Piece | None = None
    finish_reason: Label | None = None
    usage: Annotated[TokenCounts | None, ACCESSORY] = None
    error: object = None


class Groq(msgspec.Struct, gc=False):
    """What Groq adds to the first and to the last chunk."""

    usage: Annotated[TokenCounts | None, ACCESSORY] = None
    error: object = None


class Chunk(msgspec.Struct, gc=False):
    """The next piece of an answer, or all of it."""

    id: Label | None = None
    model: Label | None = None
    choices: list[Choice] | None = None
    usage: Annotated[TokenCounts | None, ACCESSORY] = None
    error: object = None
    x_groq: Annotated[Groq | None, ACCESSORY] = None
