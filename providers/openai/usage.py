"""Token counts as both of OpenAI's APIs report them: input and output include what their details say."""

import msgspec

from ..schema.usage import Usage, reported
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
        input=reported(input_tokens),
        output=reported(output_tokens),
        cache_read=reported(inputs.cached_tokens),
        cache_write=reported(inputs.cache_write_tokens),
        reasoning=reported(outputs.reasoning_tokens),
    )
