"""The events of a Responses stream: https://platform.openai.com/docs/api-reference/responses-streaming.

Only the members that something is made of are named; all others are passed over.
"""

from typing import get_args

import msgspec

from ...schema.content import Citation
from ...schema.usage import Usage, reported
from ...wire.numbers import WholeNumber


class InputDetails(msgspec.Struct):
    """What became of the input tokens."""

    cached_tokens: WholeNumber | None = None
    cache_write_tokens: WholeNumber | None = None


class OutputDetails(msgspec.Struct):
    """What became of the output tokens."""

    reasoning_tokens: WholeNumber | None = None


class Counts(msgspec.Struct):
    """The token counts; input and output include what the details say."""

    input_tokens: WholeNumber | None = None
    output_tokens: WholeNumber | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None

    def usage(self) -> Usage:
        """In our sense."""
        inputs = self.input_tokens_details or InputDetails()
        outputs = self.output_tokens_details or OutputDetails()
        return Usage(
            input=reported(self.input_tokens),
            output=reported(self.output_tokens),
            cache_read=reported(inputs.cached_tokens),
            cache_write=reported(inputs.cache_write_tokens),
            reasoning=reported(outputs.reasoning_tokens),
        )


class Annotation(msgspec.Struct):
    """A source of the text; of the kinds that there are, each gives some of these."""

    title: str | None = None
    url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    start_index: WholeNumber | None = None
    end_index: WholeNumber | None = None

    def citation(self) -> Citation:
        """In our words."""
        return Citation(
            title=self.title or self.filename,
            url=self.url,
            source=self.file_id,
            start=self.start_index,
            end=self.end_index,
        )


class _Typed(msgspec.Struct, tag_field="type"):
    """Something told from its like by its ``type``."""


class OutputText(_Typed, tag="output_text"):
    """Visible text."""

    text: str = ""
    annotations: list[Annotation] | None = None


class Refusal(_Typed, tag="refusal"):
    """What the model says when it declines."""

    refusal: str = ""


class SummaryText(msgspec.Struct):
    """A part of what the model shows of its thinking."""

    text: str = ""


class MessageItem(_Typed, tag="message"):
    """What the model says."""

    content: list[msgspec.Raw] = []
    phase: str | None = None


class ReasoningItem(_Typed, tag="reasoning"):
    """What the model thinks: a summary or, with open models, all; sealed for the way back."""

    id: str = ""
    summary: list[SummaryText] | None = None
    content: list[SummaryText] | None = None
    encrypted_content: str | None = None


class FunctionCall(_Typed, tag="function_call"):
    """The call of a tool with JSON input. Its result answers *call_id*; the item's own id names nothing but it."""

    name: str
    call_id: str = ""
    arguments: str = ""


class CustomCall(_Typed, tag="custom_tool_call"):
    """The call of a tool whose input is any text."""

    name: str
    call_id: str = ""
    input: str = ""


class IncompleteDetails(msgspec.Struct):
    """Why a response is incomplete."""

    reason: str | None = None


class Response(msgspec.Struct):
    """An answer: whole, or as a stream begins and ends it."""

    id: str = ""
    model: str = ""
    status: str | None = None
    output: list[msgspec.Raw] | None = None
    usage: Counts | None = None
    error: object = None
    incomplete_details: IncompleteDetails | None = None


class TextPiece(_Typed, tag="response.output_text.delta", gc=False):
    """More text."""

    output_index: WholeNumber
    content_index: WholeNumber
    delta: str


class RefusalPiece(_Typed, tag="response.refusal.delta", gc=False):
    """More of a refusal."""

    output_index: WholeNumber
    content_index: WholeNumber
    delta: str


class SummaryPiece(_Typed, tag="response.reasoning_summary_text.delta", gc=False):
    """More of a part of the summary."""

    output_index: WholeNumber
    delta: str
    summary_index: WholeNumber = 0


class ReasoningPiece(_Typed, tag="response.reasoning_text.delta", gc=False):
    """More thinking."""

    output_index: WholeNumber
    delta: str
    content_index: WholeNumber = 0


class ArgumentsPiece(_Typed, tag="response.function_call_arguments.delta", gc=False):
    """More of a tool's input."""

    output_index: WholeNumber
    delta: str


class InputPiece(_Typed, tag="response.custom_tool_call_input.delta", gc=False):
    """More of a custom tool's input."""

    output_index: WholeNumber
    delta: str


class ItemAdded(_Typed, tag="response.output_item.added"):
    """An item begins."""

    output_index: WholeNumber
    item: msgspec.Raw


class ItemDone(_Typed, tag="response.output_item.done"):
    """An item is complete, and here is all of it."""

    output_index: WholeNumber
    item: msgspec.Raw


class Created(_Typed, tag="response.created"):
    """The first event."""

    response: Response


class Completed(_Typed, tag="response.completed"):
    """The last event."""

    response: Response


class Incomplete(_Typed, tag="response.incomplete"):
    """The last event of an answer that was cut short."""

    response: Response


class Failed(_Typed, tag="response.failed"):
    """The last event of an answer that has gone wrong."""

    response: Response


class Fault(_Typed, tag="error"):
    """The stream has gone wrong."""


class Loose(msgspec.Struct):
    """An event, an item or a part of a type that may be unknown."""

    type: str | None = None
    error: object = None


Event = (
    TextPiece
    | RefusalPiece
    | SummaryPiece
    | ReasoningPiece
    | ArgumentsPiece
    | InputPiece
    | ItemAdded
    | ItemDone
    | Created
    | Completed
    | Incomplete
    | Failed
    | Fault
)
Item = MessageItem | ReasoningItem | FunctionCall | CustomCall
Part = OutputText | Refusal


def types_of(union: object) -> frozenset[object]:
    """The types of *union*'s members, by which one that does not fit is told from one that is not known."""
    return frozenset(member.__struct_config__.tag for member in get_args(union))
