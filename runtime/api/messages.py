"""What goes to a session, and what comes from it.

Both are closed unions of frozen structs, tagged by ``kind``: match on them, or decode them with msgspec.
"""

from enum import StrEnum
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ...compaction.config import Compaction
from ...compaction.report import CompactionReport
from ...providers.registry import ProviderConfig
from ...providers.schema.content import Citation, Text, ToolResult, ToolUse, UserBlock
from ...providers.schema.rate_limits import RateLimits
from ...providers.schema.request import Penalty, Positive, Reasoning, Share, Temperature
from ...providers.schema.stop_reasons import StopReason
from ...providers.schema.tools import Tool, ToolChoice
from ...providers.schema.usage import Usage
from .config import WhenBusy


class _ToLLM(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, omit_defaults=True):
    """What a session's mailbox takes."""


class UserMessage(_ToLLM, frozen=True, kw_only=True):
    """Begins a turn. *when_busy* overrides the session's own rule for this one message."""

    content: tuple[UserBlock, ...]
    when_busy: WhenBusy | None = None

    @classmethod
    def of(cls, text: str) -> "UserMessage":
        """A message of plain text."""
        return cls(content=(Text(text),))


class ToolResults(_ToLLM, frozen=True, kw_only=True):
    """Answers to the tool uses of the last ``ToolBatch``: all at once or some of them.

    The next request goes out when none is open any more. *last* says that no more will come: results that leave a tool
    use open are then refused. *compact_summaries* are, by tool use id, what takes a result's place when the
    conversation outgrows its window.
    """

    results: tuple[ToolResult, ...]
    last: bool = False
    compact_summaries: dict[str, str] = {}


class Interrupt(_ToLLM, frozen=True, kw_only=True):
    """Ends *turn*, running or waiting; without a number the running one. A turn that has ended is left as it is."""

    turn: int | None = None


class Compact(_ToLLM, frozen=True, kw_only=True):
    """Shorten the history now, or after the turns that wait already."""


class Clear(_ToLLM, frozen=True, kw_only=True):
    """Forget the history, now or after the turns that wait already. Counters and settings stay."""


class Configure(_ToLLM, frozen=True, kw_only=True):
    """Change settings: from the *next* request on, or from the next turn on (after the turns that wait already).

    What is not given stays as it is; ``None`` sets a thing back to the provider's own default. *model* alone keeps the
    provider.
    """

    provider: ProviderConfig | UnsetType = UNSET
    model: str | UnsetType = UNSET
    system: str | None | UnsetType = UNSET
    max_output_tokens: Positive | None | UnsetType = UNSET
    tools: tuple[Tool, ...] | UnsetType = UNSET
    tool_choice: ToolChoice | None | UnsetType = UNSET
    temperature: Temperature | None | UnsetType = UNSET
    top_p: Share | None | UnsetType = UNSET
    top_k: Positive | None | UnsetType = UNSET
    frequency_penalty: Penalty | None | UnsetType = UNSET
    presence_penalty: Penalty | None | UnsetType = UNSET
    seed: int | None | UnsetType = UNSET
    output_schema: dict[str, Any] | None | UnsetType = UNSET
    prompt_caching: bool | UnsetType = UNSET
    compaction: Compaction | None | UnsetType = UNSET
    compact_eagerly: bool | UnsetType = UNSET
    thinking: Reasoning | None | UnsetType = UNSET
    stop_sequences: tuple[str, ...] | UnsetType = UNSET
    streaming: bool | UnsetType = UNSET
    next: Literal["request", "turn"] = "request"


class Retry(_ToLLM, frozen=True, kw_only=True):
    """Ask again for the answer that a failed turn did not get, in a turn of its own without a message of its own."""


class Close(_ToLLM, frozen=True, kw_only=True):
    """End the session: now (what runs and waits is interrupted), or with *drain* after the turns that wait already."""

    drain: bool = False


ToLLM = UserMessage | ToolResults | Interrupt | Compact | Clear | Configure | Retry | Close


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A message is in the mailbox.

    *turn* is the turn it began or reached, if any; *seq* the session's last event before it.
    """

    turn: int | None
    seq: int


class _FromLLM(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, omit_defaults=True):
    """What a session emits. *seq* runs 1, 2, 3 ... in a session; *turn* is 0 for what belongs to no turn."""

    session_id: str = ""
    seq: int = 0
    turn: int = 0


class TurnStarted(_FromLLM, frozen=True, kw_only=True):
    """The turn's message has left the queue."""


class StreamStarted(_FromLLM, frozen=True, kw_only=True):
    """The provider has begun to answer a request; *rate_limits* is what the head of its response says of them."""

    message_id: str
    model: str
    rate_limits: RateLimits | None = None


class TextChunk(_FromLLM, frozen=True, kw_only=True):
    """More of the visible text; *block* is its place in the answer."""

    text: str
    block: int = 0


class Cited(_FromLLM, frozen=True, kw_only=True):
    """The visible text of *block* names a source."""

    citation: Citation
    block: int = 0


class ThinkingChunk(_FromLLM, frozen=True, kw_only=True):
    """More of what the model shows of its thinking."""

    text: str
    block: int = 0


class ToolInputChunk(_FromLLM, frozen=True, kw_only=True):
    """More of the JSON text of a tool use that the model is writing.

    *tool_use_id* is the provider's own. The ``ToolBatch`` has the one to answer to: it tells repeated ids apart.
    """

    tool_use_id: str
    name: str
    json: str
    block: int = 0


class ToolBatch(_FromLLM, frozen=True, kw_only=True):
    """All tool uses of a request, once, in the model's order: answer *uses* with ``ToolResults``.

    *refused* had no valid input; the session has answered them itself, with an error for the model.
    """

    uses: tuple[ToolUse, ...]
    refused: tuple[ToolUse, ...] = ()


class TokenUpdate(_FromLLM, frozen=True, kw_only=True):
    """The tokens of the request that just ended (however it ended), and the sums of its turn and its session so far."""

    request: Usage
    of_turn: Usage
    of_session: Usage


class Retrying(_FromLLM, frozen=True, kw_only=True):
    """A request failed and is sent again after *delay_s*. What was said of the answer before is void."""

    attempt: int
    delay_s: float
    code: str
    message: str


class CompactReason(StrEnum):
    """Why a history is shortened."""

    THRESHOLD = "threshold"
    """The next request would come too near to the context limit."""
    OVERFLOW = "overflow"
    """The provider refused a request as too long."""
    ASKED = "asked"
    """``Compact`` came."""
    EAGER = "eager"
    """It would be due soon, and nobody waited."""


class Compacted(_FromLLM, frozen=True, kw_only=True):
    """The history was shortened, or not: then *problem* says why. *report* has the particulars, if it came so far."""

    messages_before: int
    messages_after: int
    problem: str | None = None
    reason: CompactReason = CompactReason.ASKED
    report: CompactionReport | None = None


class Completed(_FromLLM, frozen=True, kw_only=True):
    """The turn is done, and its answer stands in the history."""

    stop_reason: StopReason
    raw_stop_reason: str | None
    usage: Usage
    requests: int


class Interrupted(_FromLLM, frozen=True, kw_only=True):
    """The turn was ended before it was done. Nothing of it follows."""


class Failed(_FromLLM, frozen=True, kw_only=True):
    """The turn could not be done. Everything before the unfinished answer stays; ``Retry`` asks again.

    *code* is that of the error class, *partial_text* what was said of the unfinished answer.
    """

    code: str
    message: str
    retryable: bool
    partial_text: str = ""


class Configured(_FromLLM, frozen=True, kw_only=True):
    """New settings hold from here on. *fields* names what was given."""

    fields: tuple[str, ...]
    model: str


class Cleared(_FromLLM, frozen=True, kw_only=True):
    """The history is empty."""


class Closed(_FromLLM, frozen=True, kw_only=True):
    """The session has ended: its last event."""


class Missed(_FromLLM, frozen=True, kw_only=True):
    """The router no longer held the events *first* to *last* when this reader came for them.

    It is made for the reader, and its *seq* is *last*.
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
    | Compacted
    | Completed
    | Interrupted
    | Failed
    | Configured
    | Cleared
    | Closed
    | Missed
)


TurnEnd = Completed | Interrupted | Failed
