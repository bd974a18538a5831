"""What can happen to a conversation: the input of ``Conversation.handle``."""

import msgspec

from ...compaction.report import CompactionReport
from ...providers.schema.content import ToolUse
from ...providers.schema.draft import Answer, Partial
from ...providers.schema.facts import ModelFacts
from ...providers.schema.messages import Message
from ...providers.schema.stop_reasons import StopDetails
from ..api.config import SessionConfig
from ..api.messages import MessageKey, ToLLM
from ..api.status import ForkOrigin
from .past.rest import NOTHING_ELSE, Rest

NOTHING = Partial()
"""The partial answer of a request that the provider has not started to answer."""

_UNKNOWN = ModelFacts()


class _Event(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="event", tag=str.lower, omit_defaults=True):
    """Something that happened, *at* a time in Unix seconds."""

    at: float = 0.0


class Opened(_Event, frozen=True, kw_only=True):
    """The session was opened, at *created_at* in Unix seconds: always the first event. *config* holds no secrets.

    *source* is the ``Origin.source`` of its answers.
    """

    config: SessionConfig
    created_at: float
    source: str = ""


class Imported(_Event, frozen=True, kw_only=True):
    """The next *messages* of an initial history, which is valid: all of it comes before the first message.

    If that is the history of a fork, a compaction may have *removed* some of them (by their indexes): only the full
    history has them. Those that it has *written* instead are only in what requests hold. The first part says where the
    session is *forked_from*, how many messages the full history had lost there, and the *rest*.
    """

    messages: tuple[Message, ...]
    removed: tuple[int, ...] = ()
    written: tuple[int, ...] = ()
    forked_from: ForkOrigin | None = None
    dropped_messages: int = 0
    rest: Rest = NOTHING_ELSE


class Received(_Event, frozen=True, kw_only=True):
    """A message arrived; its encoded size is *size_bytes*. It holds no secrets.

    *partial* is what the running request has of its answer, in case the message ends it. *facts* are those of the model
    that a ``Configure`` names, *source* is the ``Origin.source`` of answers after it, or in the turn of a user message
    with settings of its own. These name a model by its provider.

    A message that has arrived before, with the same *key*, is acknowledged as it was then, and changes nothing. *seq*
    is the number of the session's last event before a message with a key.
    """

    message: ToLLM
    size_bytes: int = 0
    partial: Partial = NOTHING
    facts: ModelFacts = _UNKNOWN
    source: str = ""
    key: MessageKey | None = None
    seq: int = 0


class ToolUseReady(_Event, frozen=True, kw_only=True):
    """The input of a tool *use* is complete, and so is that of those before it; the answer to the request is not.

    It is reported only for a ``SendRequest`` with *early_tools*, at most once for each use.
    """

    request: int
    use: ToolUse


class Answered(_Event, frozen=True, kw_only=True):
    """The answer to a request is complete."""

    request: int
    answer: Answer


class Failure(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A provider's error. *code* is that of the error class, *details* what it says about content that it rejects."""

    code: str
    message: str
    retryable: bool = False
    retry_after_s: float | None = None
    details: StopDetails | None = None


class RequestFailed(_Event, frozen=True, kw_only=True):
    """A request failed, *duration_s* after it was sent, and *elapsed_s* after the first attempt was sent.

    *jitter* is a random number between 0 and 1.
    """

    request: int
    failure: Failure
    elapsed_s: float = 0.0
    jitter: float = 0.0
    duration_s: float | None = None
    partial: Partial = NOTHING


class BackoffEnded(_Event, frozen=True, kw_only=True):
    """The delay before the next attempt is over. *request* is the one that failed."""

    request: int


class CompactionEnded(_Event, frozen=True, kw_only=True):
    """A compaction ended. *messages* is the new history; without it, the old one stays and *problem* says why."""

    compaction: int
    messages: tuple[Message, ...] | None = None
    problem: str | None = None
    report: CompactionReport | None = None


class ToolsTimedOut(_Event, frozen=True, kw_only=True):
    """Nobody has answered the tool uses that may run, or decided about those that wait for *approval*, in time.

    *timer* is the number in the instruction ``StartToolTimer``.
    """

    timer: int
    approval: bool = False


class ApprovalDecided(_Event, frozen=True, kw_only=True):
    """The session's own function has said of *tool_use_ids* which of them, *needing*, need approval."""

    tool_use_ids: tuple[str, ...]
    needing: tuple[str, ...] = ()


class TaskCancelled(_Event, frozen=True, kw_only=True):
    """The task of the running request or compaction was cancelled, and not by an instruction.

    A vendor's SDK, or a library below it, can do that. The turn has to end all the same.
    """

    partial: Partial = NOTHING


class HistoryTrimmed(_Event, frozen=True, kw_only=True):
    """The oldest messages that only the full history has were dropped, as far as it holds more than *limit_bytes*."""

    limit_bytes: int


class Recovered(_Event, frozen=True, kw_only=True):
    """Another process has taken over the session: what ran in the one before is lost.

    *partial* is what readers may have seen of the answer to the running request, as far as it is known. The lost
    process ran *out_of_memory*, as far as that is known. If the process that goes on *lacks_credentials* for it, the
    request waits until somebody gives them.
    """

    partial: Partial = NOTHING
    out_of_memory: bool = False
    lacks_credentials: bool = False


Outcome = (
    Answered
    | RequestFailed
    | BackoffEnded
    | CompactionEnded
    | ToolsTimedOut
    | TaskCancelled
    | ToolUseReady
    | ApprovalDecided
)
"""What results from an instruction. It is ignored if the conversation no longer waits for it."""

Event = Opened | Imported | Received | HistoryTrimmed | Recovered | Outcome


class Record(msgspec.Struct, frozen=True, gc=False):
    """An event that changed a conversation, numbered from 1: records, replayed in order, rebuild the conversation."""

    number: int
    event: Event
