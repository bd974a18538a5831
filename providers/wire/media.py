"""The images and documents that a provider takes, checked before anything is sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from msgspec import Raw, json

from ..schema.content import Block, Document, Image, ToolResult
from ..schema.errors import UnsupportedContent
from ..schema.facts import ModelFacts
from ..schema.request import base64_json


def base64_data(block: Image | Document) -> Raw:
    """The bytes of *block* in base64, encoded as JSON."""
    return Raw(base64_json(block.data or b""))


def data_url(block: Image | Document) -> Raw:
    """The bytes of *block* as an address, encoded as JSON."""
    opening = json.encode(f"data:{block.media_type};base64,")[:-1]
    return Raw(b"".join((opening, memoryview(base64_json(block.data or b""))[1:])))


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """The limits for one kind: *types* (media types; empty for none at all) of up to *size_bytes*, also *by_url*.

    ``None`` is unknown: then nothing is rejected beforehand, and the provider decides.
    """

    types: frozenset[str] | None = frozenset()
    size_bytes: int | None = 0
    by_url: bool = False

    def problem(self, kind: str, block: Image | Document) -> str | None:
        """Why *block* is not taken, or ``None`` where it is. Of a URL nothing is known but that it is one."""
        if self.types is not None and not self.types:
            return f"takes no {kind}s"
        if block.data is None:
            return None if self.by_url else f"takes {kind}s by their bytes, not by URL"
        if self.types is not None and block.media_type not in self.types:
            return f"takes {kind}s of {', '.join(sorted(self.types))}, not {block.media_type}"
        if self.size_bytes is not None and len(block.data) > self.size_bytes:
            return f"takes {kind}s of up to {self.size_bytes:,} bytes; this one has {len(block.data):,}"
        return None


@dataclass(frozen=True, slots=True)
class MediaRules:
    """What *provider* documents that it takes. Sizes are those of the bytes before any encoding.

    *further* looks for a problem specific to the provider, in a block that passed the other checks.
    """

    provider: str
    images: MediaLimits = MediaLimits()
    documents: MediaLimits = MediaLimits()
    further: Callable[[Image | Document], str | None] | None = None

    def of(self, facts: ModelFacts) -> "MediaRules":
        """These rules without what a model with these *facts* does not take."""
        return replace(
            self,
            images=MediaLimits() if facts.takes_images is False else self.images,
            documents=MediaLimits() if facts.takes_documents is False else self.documents,
        )

    def problem(self, block: Image | Document) -> str | None:
        """Why *block* is not taken, or ``None`` where it is."""
        kind, taken = ("image", self.images) if isinstance(block, Image) else ("document", self.documents)
        return taken.problem(kind, block) or (self.further(block) if self.further else None)

    def check(self, content: Sequence[Block], place: str = "content") -> None:
        """Raises:
        UnsupportedContent: a block is not taken; its place is named, as part of *place*.
        """
        for number, block in enumerate(content):
            if isinstance(block, ToolResult):
                self.check(block.content, f"{place}[{number}].content")
            elif isinstance(block, Image | Document) and (problem := self.problem(block)):
                raise UnsupportedContent(f"{place}[{number}]: {self.provider} {problem}", self.provider)

    def note(self, block: Image | Document) -> str | None:
        """What stands for *block* in a history that came from elsewhere, where it is not taken; else ``None``."""
        problem = self.problem(block)
        if problem is None:
            return None
        name = f" {block.name!r}" if isinstance(block, Document) and block.name else ""
        return f"[{type(block).__name__}{name} left out: {self.provider} {problem}]"
