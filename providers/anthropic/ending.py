"""The end of an answer of the Messages API, put together from all events that tell something about it."""

from ..schema.deltas import AnswerEnded, Delta, UsageReported
from ..wire.stop_reasons import failure, inferred_stop_reason, stop_reason
from .errors import PROVIDER
from .events import STOP_REASONS, MessageDelta, MessageStop, Stop, TokenCounts, WholeMessage, stop_details


class Ending:
    """The token counts of an answer and why the model stopped, as far as they are known.

    Documented are both in ``message_delta``; some servers have them beside its ``delta``, in ``message_start``, or in
    ``message_stop``.
    """

    def __init__(self) -> None:
        self._has_started = False
        self._counts = TokenCounts()
        self._first = Stop()  # what the start of the answer said: no proof of its end
        self._stop = Stop()

    @property
    def is_known(self) -> bool:
        """True if a reason for stopping has arrived."""
        return bool(self._stop.stop_reason)

    def note_start(self, message: WholeMessage) -> UsageReported:
        """Keep what *message*, with which the answer starts, has of its end. Returns the token counts so far."""
        if message.stop_reason:
            self._first = Stop(message.stop_reason, message.stop_details)
        if self._has_started:
            self._counts.update(message.usage)
        else:
            self._counts, self._has_started = message.usage, True
        return UsageReported(self._counts.usage())

    def note(self, event: MessageDelta | MessageStop) -> list[Delta]:
        """Keep what *event* has. Returns the token counts so far, unless a last event has none."""
        for stop in (event.inner, Stop(event.stop_reason)):
            if stop.stop_reason or not self._stop.stop_reason:
                self._stop = stop
        counts = [usage for usage in (event.inner.usage, event.usage) if usage is not None]
        for usage in counts:
            self._counts.update(usage)
        return [UsageReported(self._counts.usage())] if counts or isinstance(event, MessageDelta) else []

    def delta(self, calls_tools: bool) -> AnswerEnded:
        """The end of the answer.

        Raises:
            ProviderError: the answer failed, as the reason for stopping says.
        """
        stop = self._stop if self._stop.stop_reason else self._first
        raw = stop.stop_reason
        if error := failure(PROVIDER, raw):
            raise error
        reason = inferred_stop_reason(stop_reason(STOP_REASONS, raw), calls_tools=calls_tools)
        return AnswerEnded(reason, raw, stop_details(stop.stop_details))
