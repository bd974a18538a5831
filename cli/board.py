"""The board: what is known of each session of a demo, from its events alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from ..compaction.estimate.estimator import tokens_in
from ..providers.schema.usage import Provenance
from ..runtime.api.messages import (
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
"""More of a text than any table shows."""


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
class Row:
    """One session: what it is doing, the text of its last answer, and what it has said in all.

    *tokens* are those reported or, of what it is saying now, an estimate: then they are not *exact*.
    """

    session_id: str
    phase: Phase = Phase.READY
    text: str = ""
    problem: str = ""
    exact: bool = True
    _counted_tokens: int = 0
    _new_bytes: int = 0
    _speaking_s: float = 0.0
    _began_at: float | None = None

    @property
    def tokens(self) -> int:
        """The output tokens of this session so far."""
        return self._counted_tokens + tokens_in(self._new_bytes)

    def tokens_per_s(self, now: float) -> float | None:
        """Its pace while it speaks; ``None`` before it has spoken for a moment."""
        seconds = self._speaking_s + (0.0 if self._began_at is None else now - self._began_at)
        return self.tokens / seconds if seconds > 0 and self.tokens else None

    def take(self, event: FromLLM, now: float) -> None:
        """Learn from *event*, which came at *now*."""
        match event:
            case TurnStarted():
                self.phase, self.text, self.problem = Phase.REQUESTING, "", ""
            case StreamStarted():
                self.phase, self.text, self.problem, self._began_at = Phase.STREAMING, "", "", now
            case TextChunk(text=text):
                self._say(text)
                if len(self.text) < _KEPT_CHARS:
                    self.text += text
            case ThinkingChunk(text=text):
                self._say(text)
            case TokenUpdate():
                self._count(event, now)
            case Retrying(message=message):
                self.phase, self.problem = Phase.RETRYING, message
            case Completed():
                self.phase = Phase.DONE
            case Failed(message=message):
                self.phase, self.problem, self._began_at = Phase.FAILED, message, None
            case Interrupted():
                self.phase, self._began_at = Phase.INTERRUPTED, None
            case _:
                pass

    def _say(self, text: str) -> None:
        self._new_bytes += len(text.encode())
        self.exact = False

    def _count(self, update: TokenUpdate, now: float) -> None:
        output = update.of_session.output
        self._counted_tokens, self._new_bytes = output.tokens or 0, 0
        self.exact = output.provenance is Provenance.REPORTED
        if self._began_at is not None:
            self._speaking_s += now - self._began_at
            self._began_at = None


class Summary(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="summary"):
    """What a demo came to. *output_tokens* are *exact*, or partly estimated; *seconds* begin with the first prompt."""

    sessions: int
    turns_completed: int
    turns_failed: int
    turns_interrupted: int
    output_tokens: int
    exact: bool
    tokens_per_s: float
    seconds: float
    spawn_s: float


class Board:
    """The sessions of a demo, in the order they were spawned. It is told the time, and reads no clock."""

    def __init__(self, session_ids: Iterable[str], spawn_s: float, began_at: float) -> None:
        self.rows = {session_id: Row(session_id) for session_id in session_ids}
        self._spawn_s = spawn_s
        self._began_at = began_at
        self._completed = self._failed = self._interrupted = 0

    def take(self, event: FromLLM, now: float) -> Row:
        """Learn from *event*, which came at *now*; the row it belongs to."""
        row = self.rows[event.session_id]
        row.take(event, now)
        match event:
            case Completed():
                self._completed += 1
            case Failed():
                self._failed += 1
            case Interrupted():
                self._interrupted += 1
            case _:
                pass
        return row

    def summary(self, now: float) -> Summary:
        """What it comes to so far."""
        rows = self.rows.values()
        seconds = now - self._began_at
        tokens = sum(row.tokens for row in rows)
        return Summary(
            sessions=len(rows),
            turns_completed=self._completed,
            turns_failed=self._failed,
            turns_interrupted=self._interrupted,
            output_tokens=tokens,
            exact=all(row.exact for row in rows),
            tokens_per_s=round(tokens / seconds, 1) if seconds > 0 else 0.0,
            seconds=round(seconds, 3),
            spawn_s=round(self._spawn_s, 3),
        )
