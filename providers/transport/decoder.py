"""From the bytes of a stream to deltas."""

from collections.abc import Iterable
from typing import Protocol

from ..schema.deltas import Delta
from ..schema.errors import ProtocolError, ProviderError
from .faults import incomplete_answer
from .sse import EventStream


class EventSplitter(Protocol):
    """Cuts a stream of bytes, whatever its pieces, into its events."""

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """Each event that *chunk* completes.

        Raises:
            ProtocolError: what follows is no event.
        """
        ...

    def remainder(self) -> bytes | None:
        """The last event, where only the mark of its end is missing."""
        ...


class AnswerReader(Protocol):
    """Reads one answer, event by event."""

    @property
    def ended(self) -> bool:
        """Whether the event that ends the answer has come."""
        ...

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        """Add to *deltas* what the event *data* brings.

        Raises:
            ProviderError: it tells of a fault, or is not what it should be.
        """
        ...


class StreamDecoder:
    """Decodes one streamed answer of *provider*, in whatever pieces it comes. It does no I/O.

    The events are server-sent ones, unless *events* cuts them otherwise.
    """

    def __init__(self, provider: str, reader: AnswerReader, events: EventSplitter | None = None) -> None:
        self._provider = provider
        self._reader = reader
        self._splitter = events or EventStream(provider)
        self._error: ProviderError | None = None

    @property
    def done(self) -> bool:
        """Whether nothing more is to come: the answer has ended, or gone wrong."""
        return self._reader.ended or self._error is not None

    def feed(self, chunk: bytes) -> list[Delta]:
        """What *chunk* brings, maybe nothing. It never raises: what came before an error counts, and ``finish`` tells.

        What comes after an error, or after the end, says nothing.
        """
        deltas: list[Delta] = []
        reader = self._reader
        if self._error is not None:
            return deltas
        try:
            for data in self._splitter.feed(chunk):
                if reader.ended:
                    break
                if data:
                    reader.read(data, deltas)
        except ProviderError as error:
            self._error = error
        return deltas

    def finish(self) -> list[Delta]:
        """What is left when the stream has ended.

        Raises:
            ProviderError: the answer has gone wrong.
            IncompleteAnswer: it stopped before its end.
        """
        if self._error is not None:
            raise self._error
        deltas: list[Delta] = []
        if not self._reader.ended:
            self._read_rest(deltas)
        return deltas

    def _read_rest(self, deltas: list[Delta]) -> None:
        """Read the last event, whose blank line is missing: whole or not, there is only its content to tell."""
        rest = self._splitter.remainder()
        try:
            if rest:
                self._reader.read(rest, deltas)
        except ProtocolError:
            raise incomplete_answer(self._provider) from None
        if not self._reader.ended:
            raise incomplete_answer(self._provider)
