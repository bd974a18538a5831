"""The chunks of a generateContent stream. An answer that is not streamed is a single chunk.

Only the members that are used are declared; all others are ignored.

https://ai.google.dev/api/generate-content#GenerateContentResponse
"""

from typing import Annotated, Any

import msgspec
from msgspec.structs import astuple

from ..schema.stop_reasons import StopReason
from ..schema.usage import Usage, reported
from ..wire.lenient.coercion import ACCESSORY, Label
from ..wire.numbers import TokenNumber, WholeNumber


class _Piece(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A part of a chunk. It is in no reference cycle, so the garbage collector need not track it."""


class PartialArg(_Piece, frozen=True):
    """The next piece of the value at *json_path* in the input of a tool use."""

    json_path: str
    string_value: str | None = None
    number_value: int | float | None = None
    bool_value: bool | None = None

    @property
    def value(self) -> str | float | bool | None:
        """The value, or the next piece of a text."""
        if self.string_value is not None:
            return self.string_value
        return self.bool_value if self.bool_value is not None else self.number_value


class FunctionCall(_Piece, frozen=True):
    """A whole tool use; *args* is empty if there are none.

    With *will_continue*, its input follows in *partial_args* of further ones, which have no name.
    """

    name: str | None = None
    id: Label | None = None
    args: msgspec.Raw = msgspec.Raw()
    partial_args: tuple[PartialArg, ...] = ()
    will_continue: bool = False


class Part(_Piece, frozen=True):
    """A piece of the content: text, a thought, a tool use, or something that its other members hold."""

    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: FunctionCall | None = None


class Content(_Piece, frozen=True):
    """The content of an answer; without parts if a filter removed them."""

    parts: tuple[Part, ...] | None = None


class Segment(_Piece, frozen=True):
    """A segment of the answer's text; the indexes count bytes of UTF-8."""

    text: str = ""
    start_index: WholeNumber = 0
    end_index: WholeNumber = 0


class Support(_Piece, frozen=True):
    """A segment of the text, and which of the sources support it."""

    segment: Segment = Segment()
    grounding_chunk_indices: tuple[int, ...] = ()


class Page(_Piece, frozen=True):
    """A page of the web, of a map or of the caller's own documents, and the text that was retrieved from it."""

    uri: str | None = None
    title: str | None = None
    text: str | None = None


class Source(_Piece, frozen=True):
    """A source: a page of one of these kinds."""

    web: Page | None = None
    retrieved_context: Page | None = None
    maps: Page | None = None


class Grounding(_Piece, frozen=True):
    """The sources that the provider looked up, and the segments of text that they support."""

    grounding_chunks: tuple[Source, ...] | None = None
    grounding_supports: tuple[Support, ...] | None = None


class Recited(_Piece, frozen=True):
    """A segment of the text that the model recited from a page."""

    start_index: WholeNumber = 0
    end_index: WholeNumber = 0
    uri: str | None = None
    title: str | None = None


class Recitations(_Piece, frozen=True):
    """The recited segments: ``citation_sources`` of the Gemini API, ``citations`` of Vertex AI."""

    citation_sources: tuple[Recited, ...] | None = None
    citations: tuple[Recited, ...] | None = None


class Candidate(_Piece, frozen=True):
    """One of the answers; the first has index 0, or none."""

    content: Content | None = None
    finish_reason: str | None = None
    finish_message: Label | None = None
    safety_ratings: msgspec.Raw = msgspec.Raw()
    index: WholeNumber = 0
    grounding_metadata: Annotated[Grounding | None, ACCESSORY] = None
    citation_metadata: Annotated[Recitations | None, ACCESSORY] = None
    usage_metadata: Annotated["TokenCounts | None", ACCESSORY] = None  # from gateways
    error: object = None


class TokenCounts(_Piece, frozen=True):
    """The token counts so far: each chunk has all of them, except those that are zero."""

    prompt_token_count: TokenNumber | None = None
    tool_use_prompt_token_count: TokenNumber | None = None
    candidates_token_count: TokenNumber | None = None
    thoughts_token_count: TokenNumber | None = None
    cached_content_token_count: TokenNumber | None = None

    def merged(self, before: "TokenCounts") -> "TokenCounts":
        """These counts, and those *before* that are missing here."""
        return TokenCounts(
            *(theirs if ours is None else ours for ours, theirs in zip(astuple(self), astuple(before), strict=True))
        )

    def input_usage(self) -> Usage:
        """The input; it includes the results of tools that the provider ran."""
        return Usage(
            input=reported(_sum(self.prompt_token_count, self.tool_use_prompt_token_count)),
            cache_read=reported(self.cached_content_token_count),
        )

    def usage(self) -> Usage:
        """The input, and the output with the thoughts in it."""
        return msgspec.structs.replace(
            self.input_usage(),
            output=reported(_sum(self.candidates_token_count, self.thoughts_token_count)),
            reasoning=reported(self.thoughts_token_count),
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)


class Feedback(_Piece, frozen=True):
    """Why the prompt was blocked."""

    block_reason: Label | None = None
    block_reason_message: Label | None = None
    safety_ratings: msgspec.Raw = msgspec.Raw()


class Chunk(_Piece, frozen=True):
    """A piece of an answer, or an error."""

    candidates: tuple[Candidate, ...] | None = None
    usage_metadata: Annotated[TokenCounts | None, ACCESSORY] = None
    model_version: Label | None = None
    response_id: Label | None = None
    prompt_feedback: Annotated[Feedback | None, ACCESSORY] = None
    error: object = None
    response: Annotated[dict[str, Any] | None, ACCESSORY] = None
    """The chunk, in the API of Gemini's Code Assist."""


class RawContent(msgspec.Struct, frozen=True):
    """The parts of an answer as they came."""

    parts: tuple[msgspec.Raw, ...] | None = None


class RawCandidate(msgspec.Struct, frozen=True):
    """One of the answers as it came."""

    content: RawContent | None = None
    index: WholeNumber = 0


class RawChunk(msgspec.Struct, frozen=True):
    """A chunk as it came."""

    candidates: tuple[RawCandidate, ...] | None = None


# https://ai.google.dev/api/generate-content#FinishReason, and the SDK's.
STOP_REASONS = {
    "STOP": StopReason.END_TURN,
    "MAX_TOKENS": StopReason.MAX_TOKENS,
    "CONTINUATION": StopReason.MAX_TOKENS,
    "SAFETY": StopReason.CONTENT_FILTER,
    "RECITATION": StopReason.CONTENT_FILTER,
    "BLOCKLIST": StopReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": StopReason.CONTENT_FILTER,
    "SPII": StopReason.CONTENT_FILTER,
    "MODEL_ARMOR": StopReason.CONTENT_FILTER,
    "ESCALATION": StopReason.CONTENT_FILTER,
    "PUP_LIMITED_DISABLED": StopReason.CONTENT_FILTER,
    "IMAGE_SAFETY": StopReason.CONTENT_FILTER,
    "IMAGE_PROHIBITED_CONTENT": StopReason.CONTENT_FILTER,
    "IMAGE_RECITATION": StopReason.CONTENT_FILTER,
    "FINISH_REASON_UNSPECIFIED": StopReason.OTHER,
    "LANGUAGE": StopReason.OTHER,
    "OTHER": StopReason.OTHER,
    "MALFORMED_FUNCTION_CALL": StopReason.OTHER,
    "MALFORMED_RESPONSE": StopReason.OTHER,
    "MISSING_THOUGHT_SIGNATURE": StopReason.OTHER,
    "UNEXPECTED_TOOL_CALL": StopReason.OTHER,
    "TOO_MANY_TOOL_CALLS": StopReason.OTHER,
    "IMAGE_OTHER": StopReason.OTHER,
    "NO_IMAGE": StopReason.OTHER,
}

SIGNATURE = "thought_signature"
"""The type of the opaque block that holds the signature of the text or tool use before it, or of no content."""
