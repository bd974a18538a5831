"""The messages that a session accepts (``ToLLM``) and the events that it emits (``FromLLM``).

Both are closed unions of frozen structs, tagged by ``kind``: match on them, or decode them with msgspec.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_type_hints

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ...compaction.report import CompactionReport
from ...providers.registry import ProviderConfig
from ...providers.schema.checks.shown import ReadableStruct
from ...providers.schema.content import Citation, Text, ToolResult, ToolUse, UserBlock
from ...providers.schema.rate_limits import RateLimits
from ...providers.schema.stop_reasons import StopDetails, StopReason
from ...providers.schema.usage import Usage
from .compact_reason import CompactReason
from .config import SessionSettings, WhenBusy, check_change, check_output_schema
from .errors import DeathReason


class _ToLLM(ReadableStruct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, omit_defaults=True):
    """A message that a session's mailbox accepts."""


class UserMessage(_ToLLM, frozen=True, kw_only=True):
    """Starts a turn. *when_busy* and *output_schema* override the session's settings for this turn.

    *correlation_id*, an id of the program's own, comes back in the ``TurnStarted`` and in the event that ends the turn,
    and is in the logs; *metadata* comes back in the ``TurnStarted``. Neither is sent to the provider.
    """

    content: tuple[UserBlock, ...]
    when_busy: WhenBusy | None = None
    output_schema: dict[str, Any] | None = None
    correlation_id: Annotated[str, Meta(max_length=200)] = ""
    metadata: dict[str, str] = {}  # noqa: RUF012  (msgspec copies it)

    def __post_init__(self) -> None:
        check_output_schema(self.output_schema, "message.output_schema")

    @classmethod
    def of(cls, text: str) -> "UserMessage":
        """A message of plain text."""
        return cls(content=(Text(text),))


class ToolResults(_ToLLM, frozen=True, kw_only=True):
    """Results for the tool uses of the last ``ToolBatch``: all of them, or some.

    The next request is sent when no tool use is open any more. With *last*, results that leave a tool use open are
    rejected. *compact_summaries* maps tool use ids to the text that replaces a result when the history is compacted.
    """

    results: tuple[ToolResult, ...]
    last: bool = False
    compact_summaries: dict[str, str] = {}  # noqa: RUF012  (msgspec copies it)


class Interrupt(_ToLLM, frozen=True, kw_only=True):
    """Ends *turn*, or the *compaction* in a receipt of ``Compact``, running or queued; without either, what runs."""

    turn: int | None = None
    compaction: int | None = None


class Compact(_ToLLM, frozen=True, kw_only=True):
    """Compacts the history: now, or after the queued turns."""


class Clear(_ToLLM, frozen=True, kw_only=True):
    """Empties the history: now, or after the queued turns. Counters and settings stay."""


class Rewind(_ToLLM, frozen=True, kw_only=True):
    """Removes the last *turns* user messages, and what follows them: now, or after the queued turns."""

    turns: Annotated[int, Meta(gt=0)] = 1


if TYPE_CHECKING:

    class Configure(SessionSettings, _ToLLM, frozen=True, kw_only=True):
        """Changes settings from the *next* request on, or from the next turn on (after the queued messages).

        It accepts every setting of ``SessionConfig``, the *provider*, and *model*, which alone keeps the provider.
        A setting that is not given stays as it is; ``None`` resets it to the provider's default.
        """

        provider: ProviderConfig | str | UnsetType = UNSET
        model: str | UnsetType = UNSET
        next: Literal["request", "turn"] = "request"

else:
    # Each setting is declared once, in SessionSettings. Here each defaults to UNSET instead, which means "not given".
    Configure = msgspec.defstruct(
        "Configure",
        [
            ("provider", ProviderConfig | UnsetType, UNSET),
            ("model", str | UnsetType, UNSET),
            *(
                (name, Union[kind, UnsetType], UNSET)  # noqa: UP007  (kind may be Annotated)
                for name, kind in get_type_hints(SessionSettings, include_extras=True).items()
                if name in SessionSettings.__struct_fields__
            ),
            ("next", Literal["request", "turn"], "request"),
        ],
        bases=(_ToLLM,),
        module=__name__,
        namespace={
            "__post_init__": check_change,
            "__doc__": "Changes settings of ``SessionConfig`` from the *next* request or turn on. *model* alone keeps "
            "the provider.\n\nWhat is not given stays as it is; ``None`` resets it to the provider's default.",
        },
        frozen=True,
        kw_only=True,
    )


class Retry(_ToLLM, frozen=True, kw_only=True):
    """Requests the answer that a failed turn did not get, in a new turn that has no user message of its own."""


class Continue(_ToLLM, frozen=True, kw_only=True):
    """Continues the last answer, which was cut off or paused, in a new turn. In the history they are one answer."""


class Close(_ToLLM, frozen=True, kw_only=True):
    """Ends the session: now, interrupting the running and the queued turns, or with *drain* after the queued turns."""

    drain: bool = False


ToLLM = UserMessage | ToolResults | Interrupt | Compact | Clear | Rewind | Configure | Retry | Continue | Close


class _FromLLM(ReadableStruct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, omit_defaults=True):
    """An event of a session. *seq* counts 1, 2, 3, ... within the session; *turn* is 0 for events outside a turn."""

    session_id: str = ""
    seq: int = 0
    turn: int = 0


class TurnStarted(_FromLLM, frozen=True, kw_only=True):
    """The turn's message has left the queue. *correlation_id* and *metadata* are those of the message."""

    correlation_id: str = ""
    metadata: dict[str, str] = {}  # noqa: RUF012  (msgspec copies it)


class StreamStarted(_FromLLM, frozen=True, kw_only=True):
    """The provider has started to answer a request. *rate_limits* come from the response headers."""

    message_id: str
    model: str
    rate_limits: RateLimits | None = None


class TextChunk(_FromLLM, frozen=True, kw_only=True):
    """An increment of the visible text. *block* is the index of its content block in the answer."""

    text: str
    block: int = 0


class Cited(_FromLLM, frozen=True, kw_only=True):
    """The text of *block* cites a source."""

    citation: Citation
    block: int = 0


class ThinkingChunk(_FromLLM, frozen=True, kw_only=True):
    """An increment of the model's visible thinking."""

    text: str
    block: int = 0


class ToolInputChunk(_FromLLM, frozen=True, kw_only=True):
    """An increment of the JSON text of a tool use that the model is writing.

    *tool_use_id* is the provider's id. The ``ToolBatch`` has the id to answer to, which is unique in the session.
    """

    tool_use_id: str
    name: str
    json: str
    block: int = 0


class ToolBatch(_FromLLM, frozen=True, kw_only=True):
    """All tool uses of an answer, once, in the model's order: answer *uses* with ``ToolResults``.

    The input of *refused* is not a JSON object; the session has answered them itself, with an error for the model.
    """

    uses: tuple[ToolUse, ...]
    refused: tuple[ToolUse, ...] = ()


class TokenUpdate(_FromLLM, frozen=True, kw_only=True):
    """The tokens of the request that just ended, however it ended, and the totals of its turn and its session."""

    request: Usage
    of_turn: Usage
    of_session: Usage


class Retrying(_FromLLM, frozen=True, kw_only=True):
    """A request failed and is sent again after *delay_s*. The text of its answer so far is void."""

    attempt: int
    delay_s: float
    code: str
    message: str


class Continuing(_FromLLM, frozen=True, kw_only=True):
    """The next request continues an answer that was cut off or paused. *text* is what a turn before has of it."""

    stop_reason: StopReason
    text: str = ""


class Compacted(_FromLLM, frozen=True, kw_only=True):
    """A compaction has ended: number *compaction* of those that ``Compact`` asked for, or 0 if nobody did.

    *problem* says why the history was not compacted, or not enough.
    """

    messages_before: int
    messages_after: int
    problem: str | None = None
    reason: CompactReason = CompactReason.ASKED
    report: CompactionReport | None = None
    compaction: int = 0


class Completed(_FromLLM, frozen=True, kw_only=True):
    """The turn is complete, and its answer is in the history. *usage* is the total of its *requests*.

    *stop_details* is what the provider says about a refusal. With ``on_refusal="discard"`` a turn with the stop reason
    ``refusal`` or ``content_filter`` has left the history.
    """

    stop_reason: StopReason
    raw_stop_reason: str | None
    usage: Usage
    requests: int
    stop_details: StopDetails | None = None
    correlation_id: str = ""


class Interrupted(_FromLLM, frozen=True, kw_only=True):
    """The turn was interrupted. No event of the turn follows."""

    correlation_id: str = ""


class Failed(_FromLLM, frozen=True, kw_only=True):
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
    correlation_id: str = ""


class Configured(_FromLLM, frozen=True, kw_only=True):
    """New settings are in force. *fields* names those that were given."""

    fields: tuple[str, ...]
    model: str


class Cleared(_FromLLM, frozen=True, kw_only=True):
    """The history is empty."""


class Rewound(_FromLLM, frozen=True, kw_only=True):
    """The turns with the numbers *turns*, in order, have left the history, with all of their *messages*."""

    turns: tuple[int, ...]
    messages: int


class Closed(_FromLLM, frozen=True, kw_only=True):
    """The session has ended. This is its last event."""


class Died(_FromLLM, frozen=True, kw_only=True):
    """The session's actor died, for the *reason*, and the session is lost. This is its last event.

    The runtime emits it, not the session. Events that only the actor had are lost with it.
    """

    reason: DeathReason


class Missed(_FromLLM, frozen=True, kw_only=True):
    """The router no longer holds the events *first* to *last*, which this reader has not received.

    The reader makes this event itself; its *seq* is *last*.
    """

    first: int
    last: int


FromLLM = (
    TurnStarted
    | StreamStarted
    | TextChunk
    | Cited
    | ThinkingChunk
    | ToolInputChunk
    | ToolBatch
    | TokenUpdate
    | Retrying
    | Continuing
    | Compacted
    | Completed
    | Interrupted
    | Failed
    | Configured
    | Cleared
    | Rewound
    | Closed
    | Died
    | Missed
)

TurnEnd = Completed | Interrupted | Failed
