"""Citations in Google's answers: of pages that were looked up for it, and of text that the model recited."""

from collections.abc import Callable, Iterator

from ..schema.content import Citation
from .events import Candidate, Page, Segment, Source


class AnswerText:
    """The text blocks of an answer so far, by which the segments in its citations are located."""

    def __init__(self) -> None:
        self._blocks: dict[int, list[str]] = {}

    def start_block(self, index: int) -> Callable[[str], None]:
        """Start text block *index*. Returns the function that adds a piece of text to it."""
        return self._blocks.setdefault(index, []).append

    def locate(self, segment: Segment) -> tuple[int, int | None, int | None] | None:
        """The block of *segment*, and its start and end there in characters, if they can be determined.

        Google counts within one part of the answer, and a stream does not say within which.
        """
        texts = {index: "".join(pieces) for index, pieces in self._blocks.items() if pieces}
        for index, text in texts.items():
            span = _character_span(text, segment)
            if span is not None:
                return index, *span
        return (max(texts), None, None) if texts else None


def _character_span(text: str, segment: Segment) -> tuple[int, int] | None:
    """The start and the end of *segment*, which has them in bytes of UTF-8, in *text*; ``None`` if it is not there."""
    encoded = text.encode(errors="surrogatepass")
    start, end = segment.start_index, segment.end_index
    if not 0 <= start < end <= len(encoded):
        return None
    excerpt = encoded[start:end].decode(errors="ignore")
    if segment.text and excerpt != segment.text:
        first = text.find(segment.text)
        return None if first < 0 else (first, first + len(segment.text))
    first = len(encoded[:start].decode(errors="ignore"))
    return first, first + len(excerpt)


def citations(candidate: Candidate, text: AnswerText) -> Iterator[tuple[int, Citation]]:
    """Each citation of *candidate*, with the index of the text block that it belongs to."""
    grounding, recitations = candidate.grounding_metadata, candidate.citation_metadata
    if grounding is not None:
        sources = grounding.grounding_chunks or ()
        for support in grounding.grounding_supports or ():
            for number in support.grounding_chunk_indices:
                if 0 <= number < len(sources):
                    yield from _cite(text, support.segment, _page(sources[number]))
    if recitations is not None:
        for recited in (*(recitations.citation_sources or ()), *(recitations.citations or ())):
            segment = Segment(start_index=recited.start_index, end_index=recited.end_index)
            yield from _cite(text, segment, Page(uri=recited.uri, title=recited.title))


def _page(source: Source) -> Page:
    return source.web or source.retrieved_context or source.maps or Page()


def _cite(text: AnswerText, segment: Segment, page: Page) -> Iterator[tuple[int, Citation]]:
    location = text.locate(segment)
    if location is not None:
        index, start, end = location
        yield index, Citation(cited_text=page.text or "", title=page.title, url=page.uri, start=start, end=end)
