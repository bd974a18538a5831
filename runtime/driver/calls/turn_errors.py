"""The errors for turns that end without an answer."""

from ...api.errors import DeathReason, SessionDied, TurnFailed
from ...api.events import Failed


def session_died(session_id: str, reason: DeathReason) -> SessionDied:
    """The error for a call to a session that has died."""
    return SessionDied(f"the actor of session {session_id!r} died ({reason}); spawn it again", reason)


def turn_failed(failed: Failed) -> TurnFailed:
    """The error for a turn that ended with *failed*."""
    return TurnFailed(failed.message, failed.code, failed.retryable, failed.partial_text, failed.retry_after_s)
