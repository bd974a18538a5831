"""Decoding an answer: from bytes to deltas."""

from typing import Protocol

from ...schema.deltas import Delta
from ...schema.errors import ProtocolError, ProviderError
from ..fault_bodies import SHOWN_CHARS
from ..faults import incomplete_answer, unreadable_body
from .formats import BodyFormat, EventSplitter
from .joined_events import separate_events
from .surrogates import SplitCharacter, ends_with_half, join_halves, without_lone_surrogates

# How many events may come between the two halves of a character: a ping, a piece of another choice.
_HELD_EVENTS = 16
_LARGE_EVENT_BYTES = 16 << 10


class AnswerReader(Protocol):
    """Reads one answer, event by event. A whole answer, which was not streamed, is one event."""

    @property
    def ended(self) -> bool:
        """True if the event that ends the answer has arrived."""
        ...

    @property
    def settled(self) -> bool:
        """True if nothing more has to come, but something may: the reason for stopping is the last thing documented."""
        ...

    def read(self, data: bytes, deltas: list[Delta]) -> None:
        """Append the deltas of the event *data* to *deltas*.

        Raises:
            ProviderError: the event is an error, or malformed.
            SplitCharacter: a text in it ends with half a character; nothing was read.
        """
        ...

    def finish(self, deltas: list[Delta]) -> None:
        """End the answer, whose body has ended, if its reason for stopping has arrived.

        Raises:
            IncompleteAnswer: it has not.
        """
        ...


class AnswerDecoder:
    """Decodes one answer of *provider*, in whatever chunks it arrives. It does no I/O.

    The bytes show the format of the body, whatever was requested: server-sent events, JSON or, with *frames*, binary.
    """

    def __init__(self, provider: str, reader: AnswerReader, frames: EventSplitter | None = None) -> None:
        self._provider = provider
        self._reader = reader
        self._format = BodyFormat(provider, frames)
        self._head: bytes | None = b""  # of the body, until something has been read
        self._held: list[bytes] = []  # events, from the one that ends with half a character
        self._read = reader.read
        self._split = self._format.split
        self._error: ProviderError | None = None

    @property
    def done(self) -> bool:
        """True if the answer has ended or failed: no more deltas follow."""
        return self._reader.ended or self._error is not None

    @property
    def failed(self) -> bool:
        """True if ``check`` raises an error."""
        return self._error is not None

    @property
    def settled(self) -> bool:
        """True if the answer is complete, whether more arrives or not."""
        return self._reader.settled

    @property
    def needs_more(self) -> bool:
        """True unless it is done or settled."""
        reader = self._reader
        return not (reader.ended or reader.settled) and self._error is None

    @property
    def is_receiving(self) -> bool:
        """True if a large event is arriving, such as an image: nothing can be decoded of it before its end."""
        return self._format.pending_bytes > _LARGE_EVENT_BYTES

    def feed(self, chunk: bytes) -> list[Delta]:
        """The deltas of *chunk*. It never raises: ``finish`` raises the error, after the deltas that precede it.

        Bytes after an error or after the end of the answer are ignored.
        """
        deltas: list[Delta] = []
        reader = self._reader
        if self._error is not None:
            return deltas
        try:
            for data in self._split(chunk):
                if reader.ended:
                    break
                if data:
                    try:
                        self._read(data, deltas)
                    except SplitCharacter:
                        self._hold([data])
                    except ProtocolError as problem:
                        self._read_separately(data, problem, deltas)
        except ProviderError as error:
            self._error = error
        if self._head is not None:
            self._head = None if deltas else (self._head + chunk)[:SHOWN_CHARS]
            self._split = self._format.split  # now that the format is known
        return deltas

    def close(self, clean: bool = True) -> list[Delta]:
        """The last deltas, once the body has ended; it broke off if not *clean*. It never raises, as ``feed``."""
        deltas: list[Delta] = []
        if not self.done:
            try:
                self._read_end(clean, deltas)
            except ProviderError as error:
                self._error = error
        return deltas

    def check(self) -> None:
        """Raises:
        ProviderError: the answer failed.
        IncompleteAnswer: the body ended before the answer did.
        ProtocolError: the body has no meaning.
        """
        if self._error is not None:
            raise self._error

    def finish(self) -> list[Delta]:
        """The last deltas of a body that has ended, after a ``check``."""
        deltas = self.close()
        self.check()
        return deltas

    def _read_separately(self, data: bytes, problem: ProtocolError, deltas: list[Delta]) -> None:
        """Read the events in *data*, if it is several, or none.

        Raises:
            ProtocolError: it is one, which is malformed: the *problem*.
        """
        events = separate_events(data)
        if events is None:
            raise problem
        for event in events:
            if self._reader.ended:
                break
            try:
                self._read(event, deltas)
            except SplitCharacter:
                self._hold([event])

    def _hold(self, events: list[bytes]) -> None:
        self._held, self._read = events, self._read_after_half

    def _read_after_half(self, data: bytes, deltas: list[Delta]) -> None:
        """Read *data* and the events held back before it, whose first one ends with half a character."""
        held = self._held
        if joined := join_halves(held[0], data):
            self._release([joined[0], *held[1:], joined[1]], deltas)
        elif len(held) < _HELD_EVENTS and data.startswith(b"{") and not ends_with_half(data):
            held.append(data)
        else:
            self._release([without_lone_surrogates(held[0]), *held[1:], data], deltas)

    def _release(self, events: list[bytes], deltas: list[Delta]) -> None:
        self._held, self._read = [], self._reader.read
        for position, data in enumerate(events):
            try:
                self._reader.read(data, deltas)
            except SplitCharacter:
                self._hold(events[position:])
                return

    def _read_end(self, clean: bool, deltas: list[Delta]) -> None:
        remainder = self._format.remainder() if clean else None
        if remainder:
            self._read_remainder(remainder, deltas)
        while self._held:
            self._release([without_lone_surrogates(self._held[0]), *self._held[1:]], deltas)
        if self._reader.ended:
            return
        if not (clean or self._reader.settled):
            raise incomplete_answer(self._provider)
        head = b"" if deltas or remainder else self._head or b""
        if head.strip() and not self._format.is_events(head):
            raise unreadable_body(self._provider, head)
        self._reader.finish(deltas)

    def _read_remainder(self, data: bytes, deltas: list[Delta]) -> None:
        """Read the last event, whose end marker is missing: only its content shows whether it is complete."""
        try:
            self._read(data, deltas)
        except SplitCharacter:
            self._hold([data])
        except ProtocolError as problem:
            try:
                self._read_separately(data, problem, deltas)
            except ProtocolError:
                raise incomplete_answer(self._provider) from None
