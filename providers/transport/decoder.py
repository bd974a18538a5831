"""Decoding a streamed answer: from bytes to deltas."""

from collections.abc import Iterable
from typing import Protocol

from ..schema.deltas import Delta
from ..schema.errors import ProtocolError, ProviderError
from .faults import incomplete_answer
from .sse import EventStream


class EventSplitter(Protocol):
    """Splits a stream of bytes, in whatever chunks it arrives, into its events."""

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """Each event that *chunk* completes.

        Raises:
            ProtocolError: the bytes are not an event.
        """
        ...

    def remainder(self) -> bytes | None:
        """The last event if only the marker of its end is missing."""
        ...


class AnswerReader(Protocol):
    """Reads one answer, event by event."""

    @property
    def ended(self) -> bool:
        """True if the event that ends the answer has arrived."""
        ...

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        """Append the deltas of the event *data* to *deltas*.

        Raises:
            ProviderError: the event is an error, or malformed.
        """
        ...


class StreamDecoder:
    """Decodes one streamed answer of *provider*, in whatever chunks it arrives. It does no I/O.

    *splitter* is for streams that are not server-sent events.
    """

    def __init__(self, provider: str, reader: AnswerReader, splitter: EventSplitter | None = None) -> None:
        self._provider = provider
        self._reader = reader
        self._splitter = splitter or EventStream(provider)
        self._error: ProviderError | None = None

    @property
    def done(self) -> bool:
        """True if the answer has ended or failed: no more deltas follow."""
        return self._reader.ended or self._error is not None

    def feed(self, chunk: bytes) -> list[Delta]:
        """The deltas of *chunk*. It never raises: ``finish`` raises the error, after the deltas that precede it.

        Bytes after an error or after the end of the answer are ignored.
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
        """The last deltas, once the stream has ended.

        Raises:
            ProviderError: the answer failed.
            IncompleteAnswer: the stream ended before the answer did.
        """
        if self._error is not None:
            raise self._error
        deltas: list[Delta] = []
        if not self._reader.ended:
            self._read_remainder(deltas)
        return deltas

    def _read_remainder(self, deltas: list[Delta]) -> None:
        """Read the last event, whose end marker is missing: only its content shows whether it is complete."""
        remainder = self._splitter.remainder()
        try:
            if remainder:
                self._reader.read(remainder, deltas)
        except ProtocolError:
            raise incomplete_answer(self._provider) from None
        if not self._reader.ended:
            raise incomplete_answer(self._provider)
