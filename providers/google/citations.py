"""Where the text of a Google answer comes from: what was looked up for it, and what the model knew by heart."""

from collections.abc import Callable, Iterator

from ..schema.content import Citation
from .chunks import Candidate, Page, Segment, Source


class Said:
    """The text blocks of an answer so far: places in them are told by what stands there, in bytes of UTF-8."""

    def __init__(self) -> None:
        self._blocks: dict[int, list[str]] = {}

    def begin(self, index: int) -> Callable[[str], None]:
        """What takes the pieces of block *index*, as they come."""
        return self._blocks.setdefault(index, []).append

    def place(self, segment: Segment) -> tuple[int, int | None, int | None] | None:
        """The block that *segment* is of, and where it begins and ends there, in characters, as far as that is sure.

        The provider counts in the part that it means, and a stream does not say which one that was.
        """
        texts = {index: "".join(pieces) for index, pieces in self._blocks.items() if pieces}
        for index, text in texts.items():
            found = _characters(text, segment)
            if found is not None:
                return index, *found
        return (max(texts), None, None) if texts else None


def _characters(text: str, segment: Segment) -> tuple[int, int] | None:
    encoded = text.encode(errors="surrogatepass")
    start, end = segment.start_index, segment.end_index
    if not 0 <= start < end <= len(encoded):
        return None
    there = encoded[start:end].decode(errors="ignore")
    if segment.text and there != segment.text:
        at = text.find(segment.text)
        return None if at < 0 else (at, at + len(segment.text))
    begin = len(encoded[:start].decode(errors="ignore"))
    return begin, begin + len(there)


def citations(candidate: Candidate, said: Said) -> Iterator[tuple[int, Citation]]:
    """Each citation of *candidate*, with the index of the text block that it belongs to."""
    grounding, recitations = candidate.grounding_metadata, candidate.citation_metadata
    if grounding is not None:
        sources = grounding.grounding_chunks or ()
        for support in grounding.grounding_supports or ():
            for number in support.grounding_chunk_indices:
                if 0 <= number < len(sources):
                    yield from _cited(said, support.segment, _page(sources[number]))
    if recitations is not None:
        for recited in (*(recitations.citation_sources or ()), *(recitations.citations or ())):
            segment = Segment(start_index=recited.start_index, end_index=recited.end_index)
            yield from _cited(said, segment, Page(uri=recited.uri, title=recited.title))


def _page(source: Source) -> Page:
    return source.web or source.retrieved_context or source.maps or Page()


def _cited(said: Said, segment: Segment, page: Page) -> Iterator[tuple[int, Citation]]:
    place = said.place(segment)
    if place is not None:
        index, start, end = place
        yield index, Citation(cited_text=page.text or "", title=page.title, url=page.uri, start=start, end=end)
