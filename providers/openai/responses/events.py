"""The events of a Responses stream: https://platform.openai.com/docs/api-reference/responses-streaming.

Only the members that are used are declared; all others are ignored.
"""

from typing import Annotated, Any

import msgspec

from ...schema.content import Citation
from ...schema.usage import Usage
from ...wire.lenient.coercion import ACCESSORY, Label
from ...wire.numbers import WholeNumber
from ..usage import InputDetails, OutputDetails, openai_usage


class TokenCounts(msgspec.Struct):
    """The token counts. Some gateways use the names of Chat Completions."""

    input_tokens: WholeNumber | None = None
    output_tokens: WholeNumber | None = None
    input_tokens_details: Annotated[InputDetails | None, ACCESSORY] = None
    output_tokens_details: Annotated[OutputDetails | None, ACCESSORY] = None
    prompt_tokens: WholeNumber | None = None
    completion_tokens: WholeNumber | None = None
    prompt_tokens_details: Annotated[InputDetails | None, ACCESSORY] = None
    completion_tokens_details: Annotated[OutputDetails | None, ACCESSORY] = None
    prompt_cache_hit_tokens: WholeNumber | None = None

    def usage(self) -> Usage:
        """These counts as a ``Usage``."""
        inputs = self.input_tokens_details or self.prompt_tokens_details
        if inputs is None and self.prompt_cache_hit_tokens is not None:  # DeepSeek
            inputs = InputDetails(self.prompt_cache_hit_tokens)
        return openai_usage(
            self.prompt_tokens if self.input_tokens is None else self.input_tokens,
            self.completion_tokens if self.output_tokens is None else self.output_tokens,
            inputs,
            self.output_tokens_details or self.completion_tokens_details,
        )


class Annotation(msgspec.Struct):
    """A source of the text. Each of the several kinds has some of these members."""

    title: Label | None = None
    url: Label | None = None
    file_id: Label | None = None
    filename: Label | None = None
    start_index: WholeNumber | None = None
    end_index: WholeNumber | None = None

    def citation(self) -> Citation:
        """This source as a ``Citation``."""
        return Citation(
            title=self.title or self.filename,
            url=self.url,
            source=self.file_id,
            start=self.start_index,
            end=self.end_index,
        )


class _Typed(msgspec.Struct, tag_field="type"):
    """A member of a union, tagged by its ``type``."""


class OutputText(_Typed, tag="output_text"):
    """Visible text."""

    text: str = ""
    annotations: Annotated[list[Annotation] | None, ACCESSORY] = None


class Refusal(_Typed, tag="refusal"):
    """The text of a refusal."""

    refusal: str = ""


class SummaryText(msgspec.Struct):
    """A part of the thinking that is shown."""

    text: str = ""


class MessageItem(_Typed, tag="message"):
    """A message of the model."""

    id: Label = ""
    content: list[msgspec.Raw] = []
    phase: Label | None = None


class ReasoningItem(_Typed, tag="reasoning"):
    """Thinking: its summary or, from open models, its text, and all of it encrypted, to be sent back."""

    id: Label = ""
    summary: list[SummaryText] | None = None
    content: list[SummaryText] | None = None
    encrypted_content: str | None = None


class FunctionCall(_Typed, tag="function_call"):
    """A call of a tool with JSON input. Its result refers to *call_id*, not to the id of the item."""

    id: Label = ""
    name: str = ""
    call_id: Label = ""
    arguments: str = ""
    namespace: Label | None = None


class CustomCall(_Typed, tag="custom_tool_call"):
    """A call of a tool with free text as its input."""

    id: Label = ""
    name: str = ""
    call_id: Label = ""
    input: str = ""
    namespace: Label | None = None


class IncompleteDetails(msgspec.Struct):
    """Why a response is incomplete."""

    reason: Label | None = None


class Response(msgspec.Struct):
    """An answer: all of it, or as much as the first or the last event of a stream has."""

    id: Label = ""
    model: Label = ""
    status: Label | None = None
    output: list[msgspec.Raw] | None = None
    output_text: str | None = None
    usage: Annotated[TokenCounts | None, ACCESSORY] = None
    error: object = None
    incomplete_details: Annotated[IncompleteDetails | None, ACCESSORY] = None
    content_filters: object = None


class TextPiece(_Typed, tag="response.output_text.delta", gc=False):
    """The next piece of a text."""

    output_index: WholeNumber | None = None
    item_id: Label | None = None
    content_index: WholeNumber | None = None
    delta: str = ""


class RefusalPiece(_Typed, tag="response.refusal.delta", gc=False):
    """The next piece of a refusal."""

    output_index: WholeNumber | None = None
    item_id: Label | None = None
    content_index: WholeNumber | None = None
    delta: str = ""


class SummaryPiece(_Typed, tag="response.reasoning_summary_text.delta", gc=False):
    """The next piece of a part of the summary."""

    output_index: WholeNumber | None = None
    item_id: Label | None = None
    summary_index: WholeNumber | None = None
    delta: str = ""


class ReasoningPiece(_Typed, tag="response.reasoning_text.delta", gc=False):
    """The next piece of thinking."""

    output_index: WholeNumber | None = None
    item_id: Label | None = None
    content_index: WholeNumber | None = None
    delta: str = ""


class ArgumentsPiece(_Typed, tag="response.function_call_arguments.delta", gc=False):
    """The next piece of a function call's input."""

    output_index: WholeNumber | None = None
    item_id: Label | None = None
    call_id: Label | None = None
    delta: str = ""


class InputPiece(_Typed, tag="response.custom_tool_call_input.delta", gc=False):
    """The next piece of a custom tool call's input."""

    output_index: WholeNumber | None = None
    item_id: Label | None = None
    delta: str = ""


class TextDone(_Typed, tag="response.output_text.done", gc=False):
    """The end of a text, with all of it."""

    output_index: WholeNumber | None = None
    item_id: Label | None = None
    content_index: WholeNumber | None = None
    text: str = ""


class RefusalDone(_Typed, tag="response.refusal.done", gc=False):
    """The end of a refusal, with all of it."""

    output_index: WholeNumber | None = None
    item_id: Label | None = None
    content_index: WholeNumber | None = None
    refusal: str = ""


class PartDone(_Typed, tag="response.content_part.done"):
    """The end of a part of a message or of thinking, with all of it."""

    part: msgspec.Raw
    output_index: WholeNumber | None = None
    item_id: Label | None = None
    content_index: WholeNumber | None = None


class SummaryDone(_Typed, tag="response.reasoning_summary_text.done", gc=False):
    """The end of a part of the summary, with all of it."""

    output_index: WholeNumber | None = None
    item_id: Label | None = None
    summary_index: WholeNumber | None = None
    text: str = ""


class ReasoningDone(_Typed, tag="response.reasoning_text.done", gc=False):
    """The end of thinking, with all of it."""

    output_index: WholeNumber | None = None
    item_id: Label | None = None
    content_index: WholeNumber | None = None
    text: str = ""


class ArgumentsDone(_Typed, tag="response.function_call_arguments.done", gc=False):
    """The end of a function call's input, with all of it."""

    output_index: WholeNumber | None = None
    item_id: Label | None = None
    call_id: Label | None = None
    arguments: str = ""
    name: str | None = None


class InputDone(_Typed, tag="response.custom_tool_call_input.done", gc=False):
    """The end of a custom tool call's input, with all of it."""

    output_index: WholeNumber | None = None
    item_id: Label | None = None
    input: str = ""


class ItemAdded(_Typed, tag="response.output_item.added"):
    """The start of an item."""

    item: msgspec.Raw
    output_index: WholeNumber | None = None


class ItemDone(_Typed, tag="response.output_item.done"):
    """The end of an item, with all of its content."""

    item: msgspec.Raw
    output_index: WholeNumber | None = None


class Created(_Typed, tag="response.created"):
    """The first event of an answer."""

    response: Response = msgspec.field(default_factory=Response)


class Completed(_Typed, tag="response.completed"):
    """The last event of a complete answer."""

    response: Response = msgspec.field(default_factory=Response)


class Done(Completed, tag="response.done"):
    """The same at servers that follow the Realtime API."""


class Incomplete(_Typed, tag="response.incomplete"):
    """The last event of an answer that was cut short."""

    response: Response = msgspec.field(default_factory=Response)


class Failed(_Typed, tag="response.failed"):
    """The last event of an answer that failed."""

    response: Response = msgspec.field(default_factory=Response)


class Error(_Typed, tag="error"):
    """An error in place of the rest of the stream."""


class AnyEvent(msgspec.Struct):
    """An event of any type, or of none: then it may be an error, or a whole answer."""

    type: Label | None = None
    object: Label | None = None
    status: Any = None
    output: msgspec.Raw = msgspec.Raw()


Event = (
    TextPiece
    | RefusalPiece
    | SummaryPiece
    | ReasoningPiece
    | ArgumentsPiece
    | InputPiece
    | TextDone
    | RefusalDone
    | PartDone
    | SummaryDone
    | ReasoningDone
    | ArgumentsDone
    | InputDone
    | ItemAdded
    | ItemDone
    | Created
    | Completed
    | Done
    | Incomplete
    | Failed
    | Error
)
Item = MessageItem | ReasoningItem | FunctionCall | CustomCall
Part = OutputText | Refusal


class Sealed(msgspec.Struct):
    """The signature of thinking: the encrypted part of a reasoning item, which has to be sent back."""

    id: str
    encrypted_content: str


PHASE = "message"
"""The type of the opaque block that holds the phase of the message after it, which has to be sent back."""
