"""The errors of sessions, their mailboxes and the cluster: what happened, and what to do about it.

RayconteurError                 providers/schema/errors.py
    SessionError
        SessionExists               the id is taken: attach to that session, or use another id
        UnknownSession              no session has this id: it has ended, or never existed
        SessionClosed               the session has ended, or will end after its queued messages
        SessionDied                 the session's actor died: spawn the session again
        UnknownTurn                 the session has no such turn to go back to, or not any more: give another number
        MailboxError                the message was rejected, and nothing has changed
            SessionBusy                 a turn is running: wait for its end, interrupt it, or queue the message
            MailboxFull                 too many messages are queued: send it again when a turn has ended
            HistoryFull                 the history is at its limit: compact or clear it, or raise the limit
            MessageTooLarge             shorten the message, send media by URL, or raise the limit
            EmptyMessage                give it some text, an image, a document or a tool result
            RuntimeDraining             no turn starts any more: send it again, when another process has the session
            KeyMisused                  another message had its key: use a key for one message only
            NothingToRetry              the history does not end with something unanswered: send a message
            NothingToContinue           the last answer was not cut off or paused: send a message
            ToolResultError             the results do not match the open tool uses: correct them
                UnknownToolUse              no tool use with this id is open
                ToolUseAnswered             the tool use has a result already
                ApprovalNeeded              the tool use waits for approval: approve or deny it first
                NoApprovalNeeded            the tool use does not wait for approval: it was decided, or needs none
                NoQuestion                  the tool use asks the user nothing
                QuestionAnswered            the question has been answered already
                MissingToolResults          the results are the last ones, but some tool uses are still open
        TurnFailed                  raised by answer(): the turn ended with Failed
        TurnInterrupted             raised by answer(): the turn ended with Interrupted
        ToolsWaiting                raised by answer(): the model asks for tools: give it run_tool, or send the results
        EventsMissed                raised by answer(): neither the router nor the history has all of the turn
        OutputMismatch              raised by answer(): the answer does not fit the type that was asked for
        InvalidRecord               a record in the journal does not apply to the state after the records before it
    InvalidExport               load() was given a file that is damaged, no export, or newer: use another, or update
    RuntimeClosed               the runtime was closed, or not entered: use it inside ``async with Runtime()``
    WrongContext                the runtime was entered in another event loop or process: enter one here
    IncompatibleNamespace       the namespace has another version of the package, or another journal: use another one
    RayUnreachable              there is no Ray cluster at this address: start one, or give another address
        RayAuthenticationFailed     the cluster's token is missing or wrong: set it where the message says
        ClusterLost                 the cluster went away: enter a runtime again when it is back
    Unreachable                 a process did not answer in time: it may be stopped or overloaded; try again later
        DirectoryUnreachable        the directory of the namespace is away: try again later
        PeerUnreachable             it accepts no connection: open its port, or give a range of open ones
    NoRoom                      ``Packed(max_actors=)`` actors are full: close sessions, or allow more
    PortsExhausted              no port of ``RuntimeOptions.ports`` is free: give a larger range
"""

from enum import StrEnum

from ...providers.schema.errors import RayconteurError


class DeathReason(StrEnum):
    """Why a session's actor died, as far as Ray knows."""

    CRASHED = "crashed"
    """Its process ended: killed by a signal, or by an error."""
    OUT_OF_MEMORY = "out_of_memory"
    """Ray's memory monitor killed it, because its node ran out of memory."""
    NODE_DIED = "node_died"
    """Its node died, or was removed from the cluster."""
    DRIVER_GONE = "driver_gone"
    """The program that spawned the session was left, or is gone."""
    NOT_STARTED = "not_started"
    """Its process could not be started."""


class SessionError(RayconteurError):
    """An operation on a session failed."""

    code = "session"


class SessionExists(SessionError):
    """A session with this id exists already."""

    code = "session_exists"


class UnknownSession(SessionError):
    """No session has this id."""

    code = "unknown_session"


class SessionClosed(SessionError):
    """The session has ended, or accepts no more messages because it ends after the queued ones."""

    code = "session_closed"


class SessionDied(SessionError):
    """The session's actor died. The *reason* says why, as far as it is known."""

    code = "session_died"

    def __init__(self, message: str, reason: DeathReason = DeathReason.CRASHED) -> None:
        super().__init__(message, reason)
        self.reason = reason


class UnknownTurn(SessionError):
    """There is no such turn to go back to: it has not ended, never was, or what it left is gone."""

    code = "unknown_turn"


class MailboxError(SessionError):
    """The mailbox rejected a message. The session has not changed."""

    code = "mailbox"


class SessionBusy(MailboxError):
    """A turn is running, and the message may not be queued."""

    code = "session_busy"


class MailboxFull(MailboxError):
    """Too many messages, or too many bytes, are queued."""

    code = "mailbox_full"


class HistoryFull(MailboxError):
    """The history of the session, or those of all sessions of its process, leave no room for the message."""

    code = "history_full"


class MessageTooLarge(MailboxError):
    """A message is larger than ``limits.message_bytes``."""

    code = "message_too_large"


class EmptyMessage(MailboxError):
    """A user message without content, or tool results without a result."""

    code = "empty_message"


class RuntimeDraining(MailboxError):
    """The runtime, or the process of the session, is being drained: it starts no more turns and sessions."""

    code = "runtime_draining"


class KeyMisused(MailboxError):
    """Another message was sent with the same key."""

    code = "key_misused"


class NothingToRetry(MailboxError):
    """The history does not end with a message that the model has not answered."""

    code = "nothing_to_retry"


class NothingToContinue(MailboxError):
    """The last answer was neither cut off by the output limit nor paused."""

    code = "nothing_to_continue"


class ToolResultError(MailboxError):
    """Tool results do not match the open tool uses. All of them were rejected."""

    code = "tool_result"


class UnknownToolUse(ToolResultError):
    """No tool use with this id is open."""

    code = "unknown_tool_use"


class ToolUseAnswered(ToolResultError):
    """The tool use has a result already."""

    code = "tool_use_answered"


class ApprovalNeeded(ToolResultError):
    """The tool use waits for approval: it must not run before it has it."""

    code = "approval_needed"


class NoApprovalNeeded(ToolResultError):
    """The tool use does not wait for approval: it needs none, has it, or was denied."""

    code = "no_approval_needed"


class NoQuestion(ToolResultError):
    """The tool use that was answered asks the user nothing, or is not open."""

    code = "no_question"


class QuestionAnswered(ToolResultError):
    """The question has its answer already, or nobody answered it in time."""

    code = "question_answered"


class MissingToolResults(ToolResultError):
    """Results marked as the last ones leave some tool uses open."""

    code = "missing_tool_results"


class TurnFailed(SessionError):
    """The turn ended with ``Failed``. *failure* is the code of that event; the other fields have its names."""

    code = "turn_failed"

    def __init__(
        self,
        message: str,
        failure: str = "",
        retryable: bool = False,
        partial_text: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, failure, retryable, partial_text, retry_after_s)
        self.failure = failure
        self.retryable = retryable
        self.partial_text = partial_text
        self.retry_after_s = retry_after_s


class TurnInterrupted(SessionError):
    """The turn ended with ``Interrupted``."""

    code = "turn_interrupted"


class ToolsWaiting(SessionError):
    """The model asks for tools, and the turn waits for ``ToolResults``."""

    code = "tools_waiting"


class EventsMissed(SessionError):
    """The router dropped events of the turn before they were read, and the history does not have what they said."""

    code = "events_missed"


class InvalidRecord(SessionError):
    """A record does not apply to the state of its session: one is missing, out of order, or from another session."""

    code = "invalid_record"


class OutputMismatch(SessionError):
    """The answer does not fit the type that was asked for, for the reason *problem*. *answer* is its text.

    The model was told once, unless it refused to answer: this is its last answer, and both are in the history.
    """

    code = "output_mismatch"

    def __init__(self, message: str, problem: str = "", answer: str = "") -> None:
        super().__init__(message, problem, answer)
        self.problem = problem
        self.answer = answer


class InvalidExport(RayconteurError):
    """What ``load`` was given is damaged, no export, or of a newer version. The *line* counts from 1."""

    code = "invalid_export"

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message, line)
        self.line = line


class RuntimeClosed(RayconteurError):
    """The runtime was closed, or has not been entered yet."""

    code = "runtime_closed"


class WrongContext(RayconteurError):
    """A handle or a reader was used in another event loop or process than its runtime.

    Or a runtime was entered, or a reply read, a second time.
    """

    code = "wrong_context"


class IncompatibleNamespace(RayconteurError):
    """The actors of the namespace were started by another version of the package, or with another journal."""

    code = "incompatible_namespace"


class RayUnreachable(RayconteurError):
    """There is no Ray cluster at the given address."""

    code = "ray_unreachable"


class RayAuthenticationFailed(RayUnreachable):
    """The cluster rejects this process: its token is missing or wrong."""

    code = "ray_authentication_failed"


class ClusterLost(RayUnreachable):
    """The cluster went away, or a part of it that a call needs."""

    code = "cluster_lost"


class Unreachable(RayconteurError):
    """Another process of the namespace did not answer in time. It may have received the call or not."""

    code = "unreachable"


class DirectoryUnreachable(Unreachable):
    """The directory of the namespace did not answer in time: it is being restarted, or stopped."""

    code = "directory_unreachable"


class PeerUnreachable(Unreachable):
    """Another process of the namespace accepts no connection at its address."""

    code = "peer_unreachable"


class NoRoom(RayconteurError):
    """All actors that a ``Packed`` placement allows are full."""

    code = "no_room"


class PortsExhausted(RayconteurError):
    """A process found no free port in ``RuntimeOptions.ports``."""

    code = "ports_exhausted"
