"""What a session, its mailbox and the cluster refuse.

RayconteurError                 providers/schema/errors.py
    SessionError
        SessionExists               the id is taken
        UnknownSession              no session of that id
        SessionClosed               it has ended
        SessionDied                 its actor died; the next call may find it restarted or gone
        MailboxError                nothing was taken: send it again later, or mended
            SessionBusy                 a turn runs
            MailboxFull                 too many messages wait
            MessageTooLarge             one message is too large
            EmptyMessage                nothing in it
            NothingToRetry              no failed turn at the end of the history
            ToolResultError
                UnknownToolUse              no open tool use of that id
                ToolUseAnswered             answered already
                MissingToolResults          the last ones, and some are still open
        TurnFailed                  raised by answer(): the turn ended with Failed
        TurnInterrupted             raised by answer(): the turn ended with Interrupted
        ToolsWaiting                raised by answer(): the model wants tools, and nobody runs them
        EventsMissed                raised by answer(): the router no longer holds all of the turn
        InvalidRecord               a journal's record does not apply to the state that those before it lead to
    RuntimeClosed               the runtime was left already
    RayUnreachable              no cluster at that address
"""

from ...providers.schema.errors import RayconteurError


class SessionError(RayconteurError):
    """A session could not do what it was asked."""

    code = "session"


class SessionExists(SessionError):
    """The id is taken."""

    code = "session_exists"


class UnknownSession(SessionError):
    """No session of that id."""

    code = "unknown_session"


class SessionClosed(SessionError):
    """The session has ended."""

    code = "session_closed"


class SessionDied(SessionError):
    """The session's actor died."""

    code = "session_died"


class MailboxError(SessionError):
    """The mailbox did not take a message; the session is as it was."""

    code = "mailbox"


class SessionBusy(MailboxError):
    """A turn runs, and the message was not to wait."""

    code = "session_busy"


class MailboxFull(MailboxError):
    """Too many messages wait already."""

    code = "mailbox_full"


class MessageTooLarge(MailboxError):
    """One message is larger than the mailbox takes."""

    code = "message_too_large"


class EmptyMessage(MailboxError):
    """A message without content, or tool results without a result."""

    code = "empty_message"


class NothingToRetry(MailboxError):
    """The history does not end with something unanswered."""

    code = "nothing_to_retry"


class ToolResultError(MailboxError):
    """Tool results that don't fit what is open. None of them was taken."""

    code = "tool_result"


class UnknownToolUse(ToolResultError):
    """No tool use of that id is open."""

    code = "unknown_tool_use"


class ToolUseAnswered(ToolResultError):
    """The tool use has its result already."""

    code = "tool_use_answered"


class MissingToolResults(ToolResultError):
    """The last results were sent, and some tool uses are still open."""

    code = "missing_tool_results"


class TurnFailed(SessionError):
    """The turn ended with ``Failed``, whose fields these are."""

    code = "turn_failed"

    def __init__(self, message: str, failure: str = "", retryable: bool = False, partial_text: str = "") -> None:
        super().__init__(message, failure, retryable, partial_text)
        self.failure = failure
        self.retryable = retryable
        self.partial_text = partial_text


class TurnInterrupted(SessionError):
    """The turn ended with ``Interrupted``."""

    code = "turn_interrupted"


class ToolsWaiting(SessionError):
    """The model wants tools run; the turn waits for ``ToolResults``."""

    code = "tools_waiting"


class EventsMissed(SessionError):
    """Events of the turn left the router before they were read."""

    code = "events_missed"


class InvalidRecord(SessionError):
    """A record does not apply to the state of its session: one is missing, out of order, or from another session."""

    code = "invalid_record"


class RuntimeClosed(RayconteurError):
    """The runtime was left already, or not entered yet."""

    code = "runtime_closed"


class RayUnreachable(RayconteurError):
    """No Ray cluster could be reached at the address given."""

    code = "ray_unreachable"
