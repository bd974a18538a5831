"""The chunks of a Chat Completions stream: https://platform.openai.com/docs/api-reference/chat-streaming.

An answer that is not streamed is one chunk whose choices have a ``message`` in place of a ``delta``. Only the members
that something is made of are named; all others are passed over. Nothing is required: compatible servers leave out what
they have no word for.
"""

import msgspec

from ...schema.content import Citation
from ...schema.usage import Cost, Provenance, Usage, reported
from ...wire.numbers import WholeNumber


class InputDetails(msgspec.Struct):
    """What became of the input tokens."""

    cached_tokens: WholeNumber | None = None
    cache_write_tokens: WholeNumber | None = None


class OutputDetails(msgspec.Struct):
    """What became of the output tokens."""

    reasoning_tokens: WholeNumber | None = None


class Counts(msgspec.Struct):
    """The token counts; input and output include what the details say. OpenRouter tells the *cost*, too, in USD."""

    prompt_tokens: WholeNumber | None = None
    completion_tokens: WholeNumber | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None
    cost: float | None = None

    def usage(self) -> Usage:
        """In our sense."""
        inputs = self.prompt_tokens_details or InputDetails()
        outputs = self.completion_tokens_details or OutputDetails()
        return Usage(
            input=reported(self.prompt_tokens),
            output=reported(self.completion_tokens),
            cache_read=reported(inputs.cached_tokens),
            cache_write=reported(inputs.cache_write_tokens),
            reasoning=reported(outputs.reasoning_tokens),
            cost=Cost() if self.cost is None else Cost(usd=self.cost, provenance=Provenance.REPORTED),
        )


class FunctionCall(msgspec.Struct):
    """The call of a tool with JSON input; the name comes first."""

    name: str | None = None
    arguments: str | None = None


class CustomCall(msgspec.Struct):
    """The call of a tool whose input is any text."""

    name: str | None = None
    input: str | None = None


class ToolCall(msgspec.Struct):
    """A call, or the next piece of it."""

    index: WholeNumber | None = None
    id: str | None = None
    function: FunctionCall | None = None
    custom: CustomCall | None = None


class UrlCitation(msgspec.Struct):
    """A page that the text names, and where in it; *content* is what OpenRouter found there."""

    url: str | None = None
    title: str | None = None
    content: str | None = None
    start_index: WholeNumber | None = None
    end_index: WholeNumber | None = None

    def citation(self) -> Citation:
        """In our words."""
        return Citation(
            cited_text=self.content or "", title=self.title, url=self.url, start=self.start_index, end=self.end_index
        )


class Annotation(msgspec.Struct):
    """A source of the text."""

    url_citation: UrlCitation | None = None


class Piece(msgspec.Struct, gc=False):
    """What an answer says, or the next piece of it.

    Thinking is *reasoning_content* at DeepSeek and llama.cpp, *reasoning* at Ollama and OpenRouter, and vLLM has had
    either.
    """

    content: str | None = None
    tool_calls: list[ToolCall] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    annotations: list[Annotation] | None = None
    function_call: FunctionCall | None = None


class Choice(msgspec.Struct, gc=False):
    """One of the answers asked for."""

    index: WholeNumber = 0
    delta: Piece | None = None
    message: Piece | None = None
    finish_reason: str | None = None
    error: object = None


class Chunk(msgspec.Struct, gc=False):
    """The next piece of an answer, or all of it."""

    id: str | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: Counts | None = None
    error: object = None
