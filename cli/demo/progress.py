"""The progress of a demo's sessions, from their events alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from ...compaction.estimate.estimator import tokens_in
from ...providers.schema.usage import Provenance
from ...runtime.api.events import (
    Completed,
    Failed,
    FromLLM,
    Interrupted,
    Retrying,
    StreamStarted,
    TextChunk,
    ThinkingChunk,
    TokenUpdate,
    TurnStarted,
)

_KEPT_CHARS = 2_000
"""More text than any display shows."""


class Phase(StrEnum):
    """What a session is doing."""

    READY = "ready"
    REQUESTING = "requesting"
    STREAMING = "streaming"
    RETRYING = "retrying"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(slots=True)
class SessionProgress:
    """One session: its phase, the text of its last answer, and the output tokens of all its answers.

    *exact* is false while the tokens include an estimate of the answer that is streaming.
    """

    session_id: str
    phase: Phase = Phase.READY
    text: str = ""
    problem: str = ""
    exact: bool = True
    _counted_tokens: int = 0
    _uncounted_bytes: int = 0
    _streamed_s: float = 0.0
    _streaming_since: float | None = None

    @property
    def tokens(self) -> int:
        """The output tokens of this session so far."""
        return self._counted_tokens + tokens_in(self._uncounted_bytes)

    def tokens_per_s(self, now: float) -> float | None:
        """The speed while streaming; ``None`` before the first text."""
        seconds = self._streamed_s + (0.0 if self._streaming_since is None else now - self._streaming_since)
        return self.tokens / seconds if seconds > 0 and self.tokens else None

    def apply(self, event: FromLLM, now: float) -> None:
        """Update the progress with *event*, which arrived at *now*."""
        match event:
            case TurnStarted():
                self.phase, self.text, self.problem = Phase.REQUESTING, "", ""
            case StreamStarted():
                self.phase, self.text, self.problem, self._streaming_since = Phase.STREAMING, "", "", now
            case TextChunk(text=text):
                self._add_uncounted(text)
                if len(self.text) < _KEPT_CHARS:
                    self.text += text
            case ThinkingChunk(text=text):
                self._add_uncounted(text)
            case TokenUpdate():
                self._count_tokens(event, now)
            case Retrying(message=message):
                self.phase, self.problem = Phase.RETRYING, message
            case Completed():
                self.phase = Phase.DONE
            case Failed(message=message):
                self.phase, self.problem, self._streaming_since = Phase.FAILED, message, None
            case Interrupted():
                self.phase, self._streaming_since = Phase.INTERRUPTED, None
            case _:
                pass

    def _add_uncounted(self, text: str) -> None:
        self._uncounted_bytes += len(text.encode())
        self.exact = False

    def _count_tokens(self, update: TokenUpdate, now: float) -> None:
        output = update.of_session.output
        self._counted_tokens, self._uncounted_bytes = output.tokens or 0, 0
        self.exact = output.provenance is Provenance.REPORTED
        if self._streaming_since is not None:
            self._streamed_s += now - self._streaming_since
            self._streaming_since = None


class DemoSummary(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="summary"):
    """The figures of a demo. *exact* is false if *output_tokens* are partly estimated.

    *seconds* count from the first prompt, *spawn_s* is the time before that.
    """

    sessions: int
    turns_completed: int
    turns_failed: int
    turns_interrupted: int
    output_tokens: int
    exact: bool
    tokens_per_s: float
    seconds: float
    spawn_s: float


class DemoProgress:
    """The sessions of a demo, in the order in which they were spawned. The time is a parameter; no clock is read."""

    def __init__(self, session_ids: Iterable[str], spawn_s: float, started_at: float) -> None:
        self.sessions = {session_id: SessionProgress(session_id) for session_id in session_ids}
        self._spawn_s = spawn_s
        self._started_at = started_at
        self._completed = self._failed = self._interrupted = 0

    def apply(self, event: FromLLM, now: float) -> SessionProgress:
        """Update the progress with *event*, which arrived at *now*. Returns the session it belongs to."""
        session = self.sessions[event.session_id]
        session.apply(event, now)
        match event:
            case Completed():
                self._completed += 1
            case Failed():
                self._failed += 1
            case Interrupted():
                self._interrupted += 1
            case _:
                pass
        return session

    def summary(self, now: float) -> DemoSummary:
        """The figures so far."""
        sessions = self.sessions.values()
        seconds = now - self._started_at
        tokens = sum(session.tokens for session in sessions)
        return DemoSummary(
            sessions=len(sessions),
            turns_completed=self._completed,
            turns_failed=self._failed,
            turns_interrupted=self._interrupted,
            output_tokens=tokens,
            exact=all(session.exact for session in sessions),
            tokens_per_s=round(tokens / seconds, 1) if seconds > 0 else 0.0,
            seconds=round(seconds, 3),
            spawn_s=round(self._spawn_s, 3),
        )
