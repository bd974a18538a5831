"""Token counts as both of OpenAI's APIs report them: input and output include what their details say."""

import msgspec

from ..schema.usage import Count, Usage, reported
from ..wire.numbers import WholeNumber


class InputDetails(msgspec.Struct):
    """Of the input tokens, those of one kind."""

    cached_tokens: WholeNumber | None = None
    cache_write_tokens: WholeNumber | None = None


class OutputDetails(msgspec.Struct):
    """Of the output tokens, those of one kind."""

    reasoning_tokens: WholeNumber | None = None


def openai_usage(
    input_tokens: int | None,
    output_tokens: int | None,
    input_details: InputDetails | None,
    output_details: OutputDetails | None,
) -> Usage:
    """These counts as a ``Usage``."""
    inputs = input_details or InputDetails()
    outputs = output_details or OutputDetails()
    return Usage(
        input=_count(input_tokens),
        output=_count(output_tokens),
        cache_read=_count(inputs.cached_tokens),
        cache_write=_count(inputs.cache_write_tokens),
        reasoning=_count(outputs.reasoning_tokens),
    )


def _count(tokens: int | None) -> Count:
    """The figure; unavailable where it is negative, as at some servers that do not count."""
    return reported(tokens if tokens is None or tokens >= 0 else None)
