"""The events that a session emits (``FromLLM``).

They are a closed union of frozen structs, tagged by ``kind``: match on them, or decode them with msgspec.
"""

from ...compaction.report import CompactionReport
from ...providers.schema.checks.shown import ReadableStruct
from ...providers.schema.content import Citation, ToolResult, ToolUse
from ...providers.schema.rate_limits import RateLimits
from ...providers.schema.stop_reasons import StopDetails, StopReason
from ...providers.schema.usage import Usage
from .compact_reason import CompactReason
from .errors import DeathReason
from .quotas.wait_reason import WaitReason


class _FromLLM(ReadableStruct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, omit_defaults=True):
    """An event of a session. *seq* counts 1, 2, 3, ... within the session; *turn* is 0 for events outside a turn.

    *at* is when the session emitted it, in Unix seconds by the clock of its machine; of text that arrived in several
    pieces, when the first of them arrived.
    """

    session_id: str = ""
    seq: int = 0
    turn: int = 0
    at: float = 0.0


class OfTurn(_FromLLM, frozen=True, kw_only=True):
    """An event of a turn: *correlation_id* is that of the message that started the turn."""

    correlation_id: str = ""


class TurnStarted(OfTurn, frozen=True, kw_only=True):
    """The turn's message has left the queue. *metadata* is that of the message."""

    metadata: dict[str, str] = {}  # noqa: RUF012  (msgspec copies it)


class Steered(_FromLLM, frozen=True, kw_only=True):
    """A user message has entered the running *turn*, after the results of its last step. It starts no turn of its own.

    *number* is the turn in its receipt, *correlation_id* and *metadata* are its own. The end of this turn is its, too.
    """

    number: int
    correlation_id: str = ""
    metadata: dict[str, str] = {}  # noqa: RUF012  (msgspec copies it)


class StreamStarted(OfTurn, frozen=True, kw_only=True):
    """The provider has started to answer a request. *rate_limits* come from the response headers."""

    message_id: str
    model: str
    rate_limits: RateLimits | None = None


class TextChunk(OfTurn, frozen=True, kw_only=True):
    """An increment of the visible text. *block* is the index of its content block in the answer."""

    text: str
    block: int = 0


class Cited(OfTurn, frozen=True, kw_only=True):
    """The text of *block* cites a source."""

    citation: Citation
    block: int = 0


class ThinkingChunk(OfTurn, frozen=True, kw_only=True):
    """An increment of the model's visible thinking."""

    text: str
    block: int = 0


class ToolInputChunk(OfTurn, frozen=True, kw_only=True):
    """An increment of the JSON text of a tool use that the model is writing.

    *tool_use_id* is the provider's id. The ``ToolBatch`` has the id to answer to, which is unique in the session.
    """

    tool_use_id: str
    name: str
    json: str
    block: int = 0


class ToolBatch(OfTurn, frozen=True, kw_only=True):
    """Tool uses of an answer, each once, in the model's order: answer *uses* with ``ToolResults``.

    The input of *refused* is not a JSON object; the session has answered them itself, with an error for the model.
    Uses that need approval come in a batch of their own, with the same *step*, when they have it; so do those that
    start before the answer is complete. *step* counts the answers with tool uses of a turn, from 1. Those of *uses*
    whose ids are in *on_ray* run on Ray: the session gets their results itself.
    """

    uses: tuple[ToolUse, ...]
    refused: tuple[ToolUse, ...] = ()
    step: int = 0
    on_ray: tuple[str, ...] = ()


class ApprovalRequested(OfTurn, frozen=True, kw_only=True):
    """The turn waits until somebody has approved or denied *uses*: with ``Approve`` or ``Deny``."""

    uses: tuple[ToolUse, ...]
    step: int = 0


class QuestionAsked(OfTurn, frozen=True, kw_only=True):
    """The model asks the user a *question*: the turn waits until somebody answers it with ``AnswerQuestion``.

    *choices* are answers that it suggests, if it does.
    """

    tool_use_id: str
    question: str
    choices: tuple[str, ...] = ()
    step: int = 0


class ToolStarted(OfTurn, frozen=True, kw_only=True):
    """A program has started to run a tool. Of one that ends at once, this comes with its end."""

    tool_use_id: str
    name: str


class ToolProgress(OfTurn, frozen=True, kw_only=True):
    """What a running tool says of its progress, up to 2,000 characters. Of quick successions, this has the last."""

    tool_use_id: str
    name: str
    text: str


class ToolCompleted(OfTurn, frozen=True, kw_only=True):
    """A tool use has its result, after *duration_s*, if who answered it says so."""

    tool_use_id: str
    name: str
    duration_s: float | None = None


class ToolFailed(OfTurn, frozen=True, kw_only=True):
    """The result of a tool use is an error. *message* is its text for the model, up to 1,000 characters of it.

    So ends a tool use, too, that has started before its answer was complete, and is not in an answer that is used.
    """

    tool_use_id: str
    name: str
    message: str
    duration_s: float | None = None


class StepCompleted(OfTurn, frozen=True, kw_only=True):
    """Step *number* of the turn is complete: all *uses* of an answer have their *results*, in their order.

    *text* is what the model wrote beside them, *usage* that of the request that ended the answer, *duration_s* the time
    since the step before, or since the turn's start. The last answer of a turn has no tool uses, and no such event:
    ``Completed`` follows it.
    """

    number: int
    text: str
    uses: tuple[ToolUse, ...]
    results: tuple[ToolResult, ...]
    stop_reason: StopReason
    usage: Usage
    duration_s: float | None = None


class TokenUpdate(OfTurn, frozen=True, kw_only=True):
    """The tokens of the request that just ended, however it ended, and the totals of its turn and its session."""

    request: Usage
    of_turn: Usage
    of_session: Usage


class Retrying(OfTurn, frozen=True, kw_only=True):
    """A request failed and is sent again after *delay_s*. The text of its answer so far is void."""

    attempt: int
    delay_s: float
    code: str
    message: str


class Waiting(OfTurn, frozen=True, kw_only=True):
    """A request waits for *reason*, such as a limit that sessions share, and is sent in about *expected_s*, if known.

    Those that wait for a moment only do without. If it takes much longer than expected, another such event says so.
    *problem* says which credentials are missing, if it waits for these.
    """

    reason: WaitReason
    expected_s: float | None
    problem: str = ""


class Continuing(OfTurn, frozen=True, kw_only=True):
    """The next request continues an answer that was cut off or paused. *text* is what a turn before has of it."""

    stop_reason: StopReason
    text: str = ""


class Compacted(OfTurn, frozen=True, kw_only=True):
    """A compaction has ended: number *compaction* of those that ``Compact`` asked for, or 0 if nobody did.

    *problem* says why the history was not compacted, or not enough.
    """

    messages_before: int
    messages_after: int
    problem: str | None = None
    reason: CompactReason = CompactReason.ASKED
    report: CompactionReport | None = None
    compaction: int = 0


class Completed(OfTurn, frozen=True, kw_only=True):
    """The turn is complete, and its answer is in the history. *usage* is the total of its *requests*.

    *stop_details* is what the provider says about a refusal. With ``on_refusal="discard"`` a turn with the stop reason
    ``refusal`` or ``content_filter`` has left the history.
    """

    stop_reason: StopReason
    raw_stop_reason: str | None
    usage: Usage
    requests: int
    stop_details: StopDetails | None = None


class Interrupted(OfTurn, frozen=True, kw_only=True):
    """The turn was interrupted. No event of the turn follows."""


class Failed(OfTurn, frozen=True, kw_only=True):
    """The turn failed. Everything before the unfinished answer stays in the history; ``Retry`` requests it again.

    *code* is the error class's code. *partial_text* is the text that the unfinished answer had so far. *details* is
    what the provider says about content that it rejected. *message_stays*: the turn's messages are still in the
    history, and in the next request; ``Rewind`` removes them. *retry_after_s* is how long the provider asks to wait, in
    seconds from then on.
    """

    code: str
    message: str
    retryable: bool
    partial_text: str = ""
    details: StopDetails | None = None
    retry_after_s: float | None = None
    message_stays: bool = True


class Configured(_FromLLM, frozen=True, kw_only=True):
    """New settings are in force. *fields* names those that were given."""

    fields: tuple[str, ...]
    model: str


class Cleared(_FromLLM, frozen=True, kw_only=True):
    """The *history* is empty, the *counters* are 0, or both."""

    history: bool = True
    counters: bool = False


class MessagesAdded(_FromLLM, frozen=True, kw_only=True):
    """So many *messages* were added to the history, as the turns with the numbers *turns*. No request was sent."""

    turns: tuple[int, ...]
    messages: int


class Rewound(_FromLLM, frozen=True, kw_only=True):
    """The turns with the numbers *turns*, in order, have left the history, with all of their *messages*."""

    turns: tuple[int, ...]
    messages: int


class Closed(_FromLLM, frozen=True, kw_only=True):
    """The session has ended. This is its last event."""


class Died(_FromLLM, frozen=True, kw_only=True):
    """The session's actor died, for the *reason*, and the session is lost. This is its last event.

    The runtime emits it, not the session, *at* the time at which it found out. Events that only the actor had are lost
    with it.
    """

    reason: DeathReason


class ProcessLost(_FromLLM, frozen=True, kw_only=True):
    """The session's actor died, for the *reason*, and the session goes on in another one, from its journal.

    It does so at once if somebody waits for a reply, else with the next call. The runtime emits it, not the session,
    *at* the time at which it found out: it has the number of the event before it, and who reads the session later does
    not get it. What was being answered is asked again: ``Retrying`` says so.
    """

    reason: DeathReason


class Missed(_FromLLM, frozen=True, kw_only=True):
    """The router no longer holds the events *first* to *last*, which this reader has not received.

    The reader makes this event itself; its *seq* is *last*, and *at* the time at which the reader found out.
    """

    first: int
    last: int


# fmt: off
FromLLM = (
    TurnStarted | Steered | StreamStarted | TextChunk | Cited | ThinkingChunk | ToolInputChunk | ToolBatch
    | ApprovalRequested | QuestionAsked | ToolStarted | ToolProgress | ToolCompleted | ToolFailed
    | StepCompleted | TokenUpdate | Retrying | Continuing | Compacted | Completed | Interrupted | Failed
    | Configured | Cleared | MessagesAdded | Rewound | Closed | Died | Missed | ProcessLost | Waiting
)
# fmt: on

TurnEnd = Completed | Interrupted | Failed
