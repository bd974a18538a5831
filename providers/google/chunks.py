"""What generateContent answers with, and a stream of it in each chunk, as far as it is read.

https://ai.google.dev/api/generate-content#GenerateContentResponse
"""

import msgspec

from ..schema.usage import Usage, reported
from ..wire.numbers import WholeNumber


class _Piece(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A part of a chunk. It holds no cycle, so the collector need not look at it."""


class FunctionCall(_Piece, frozen=True):
    """A tool use, whole; *args* is empty where there are none."""

    name: str
    id: str | None = None
    args: msgspec.Raw = msgspec.Raw()


class Part(_Piece, frozen=True):
    """A piece of the content: text, a thought, a tool use, or what its other members say."""

    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: FunctionCall | None = None


class Content(_Piece, frozen=True):
    """The pieces of the content; none where a filter took them."""

    parts: tuple[Part, ...] | None = None


class Segment(_Piece, frozen=True):
    """A piece of the answer's text, from one place to another in bytes of UTF-8."""

    text: str = ""
    start_index: WholeNumber = 0
    end_index: WholeNumber = 0


class Support(_Piece, frozen=True):
    """A piece of the text, and which of the sources it comes from."""

    segment: Segment = Segment()
    grounding_chunk_indices: tuple[int, ...] = ()


class Page(_Piece, frozen=True):
    """What a source is: of the web, of a map, or of the caller's own, with the words found in it."""

    uri: str | None = None
    title: str | None = None
    text: str | None = None


class Source(_Piece, frozen=True):
    """A source, of one of these kinds."""

    web: Page | None = None
    retrieved_context: Page | None = None
    maps: Page | None = None


class Grounding(_Piece, frozen=True):
    """Where the text comes from, by what the provider looked up."""

    grounding_chunks: tuple[Source, ...] | None = None
    grounding_supports: tuple[Support, ...] | None = None


class Recited(_Piece, frozen=True):
    """A piece of the text that the model knows from elsewhere."""

    start_index: WholeNumber = 0
    end_index: WholeNumber = 0
    uri: str | None = None
    title: str | None = None


class Recitations(_Piece, frozen=True):
    """All of these. The Gemini API calls them sources, Vertex AI citations."""

    citation_sources: tuple[Recited, ...] | None = None
    citations: tuple[Recited, ...] | None = None


class Candidate(_Piece, frozen=True):
    """One of the answers; the first has the index 0, or none."""

    content: Content | None = None
    finish_reason: str | None = None
    index: WholeNumber = 0
    grounding_metadata: Grounding | None = None
    citation_metadata: Recitations | None = None


class Counts(_Piece, frozen=True):
    """The tokens so far: each chunk has all of them, and a zero is left out."""

    prompt_token_count: WholeNumber | None = None
    tool_use_prompt_token_count: WholeNumber | None = None
    candidates_token_count: WholeNumber | None = None
    thoughts_token_count: WholeNumber | None = None
    cached_content_token_count: WholeNumber | None = None

    def sent(self) -> Usage:
        """What was sent, in our sense: what tools of the provider brought in counts, too."""
        return Usage(
            input=reported(_sum(self.prompt_token_count, self.tool_use_prompt_token_count)),
            cache_read=reported(self.cached_content_token_count),
        )

    def usage(self) -> Usage:
        """The same with what was made, thoughts included."""
        return msgspec.structs.replace(
            self.sent(),
            output=reported(_sum(self.candidates_token_count, self.thoughts_token_count)),
            reasoning=reported(self.thoughts_token_count),
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)


class Feedback(_Piece, frozen=True):
    """Why the prompt was not answered at all."""

    block_reason: str | None = None


class Chunk(_Piece, frozen=True):
    """A piece of an answer, or a fault in place of one."""

    candidates: tuple[Candidate, ...] | None = None
    usage_metadata: Counts | None = None
    model_version: str | None = None
    response_id: str | None = None
    prompt_feedback: Feedback | None = None
    error: object = None


class RawContent(msgspec.Struct, frozen=True):
    """The pieces of the content as they came."""

    parts: tuple[msgspec.Raw, ...] | None = None


class RawCandidate(msgspec.Struct, frozen=True):
    """One of the answers as it came."""

    content: RawContent = RawContent()
    index: WholeNumber = 0


class RawChunk(msgspec.Struct, frozen=True):
    """A chunk as it came."""

    candidates: tuple[RawCandidate, ...] = ()
