"""The messages that a session accepts (``ToLLM``).

They are a closed union of frozen structs, tagged by ``kind``: match on them, or decode them with msgspec.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ...providers.registry import ProviderConfig
from ...providers.schema.checks.field_checks import check_fields
from ...providers.schema.checks.shown import ReadableStruct
from ...providers.schema.content import Text, ToolResult, UserBlock
from ...providers.schema.errors import InvalidConfig
from ...providers.schema.messages import Message
from ...providers.schema.request import Positive
from ...providers.wire.cache_points import check_unmarked
from .config import SessionSettings, check_output_schema
from .initial_history import check_added_messages
from .settings.changes import TurnSettings, check_change, fields_of_change, given_settings
from .settings.policies import WhenBusy

GrantScope = Literal["use", "arguments", "tool"]
"""What an approval covers: this use, later ones with the same arguments, or all later ones of the tool."""


class _ToLLM(ReadableStruct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, omit_defaults=True):
    """A message that a session's mailbox accepts.

    Raises:
        InvalidConfig: a field is invalid; it is named. What only the session knows is found when it gets the message.
    """

    def __post_init__(self) -> None:
        check_fields(self, "message")


class UserMessage(_ToLLM, frozen=True, kw_only=True):
    """Starts a turn. *when_busy*, *output_schema* and *settings* override the session's settings for this turn.

    *correlation_id*, an id of the program's own, comes back in each event of the turn, and is in the logs; *metadata*
    comes back in the ``TurnStarted``, and stays with the message in the history. Neither is sent to the provider.

    *temporary_content* comes before the content in the requests of this turn, and leaves the history when the turn
    ends, however it ends. With *temporary*, all messages of the turn do: it is an aside.
    """

    content: tuple[UserBlock, ...]
    when_busy: WhenBusy | None = None
    output_schema: dict[str, Any] | None = None
    settings: TurnSettings | None = None
    correlation_id: Annotated[str, Meta(max_length=200)] = ""
    metadata: dict[str, str] = {}  # noqa: RUF012  (msgspec copies it)
    temporary: bool = False
    temporary_content: tuple[UserBlock, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_output_schema(self.output_schema, "message.output_schema")
        check_unmarked(self.content, "message.content")
        if self.output_schema is not None and self.settings and "output_schema" in given_settings(self.settings):
            raise InvalidConfig("message.output_schema", "settings has an output_schema, too; give it once")

    @classmethod
    def of(cls, text: str) -> "UserMessage":
        """A message of plain text."""
        return cls(content=(Text(text),))

    @property
    def all_content(self) -> tuple[UserBlock, ...]:
        """What its turn's requests have of it."""
        return (*self.temporary_content, *self.content)

    @property
    def turn_settings(self) -> TurnSettings | None:
        """The settings that are those of this turn only, the *output_schema* among them."""
        if self.output_schema is None:
            return self.settings
        if self.settings is None:
            return TurnSettings(output_schema=self.output_schema)
        return msgspec.structs.replace(self.settings, output_schema=self.output_schema)


class AddMessages(_ToLLM, frozen=True, kw_only=True):
    """Adds *messages* of both roles to the history, without a request: now, or after the queued turns.

    They are valid as an initial history is, and their roles alternate: an answer does not follow an answer, and comes
    first only after a message of the user's that is not answered, while nothing runs. Each message of the user's gets
    the number of a turn, whatever its own is. Tool uses whose ids are taken get others.
    """

    messages: tuple[Message, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_added_messages(self.messages, "message.messages")

    @property
    def turn_count(self) -> int:
        """How many turns they are."""
        return 1 + sum(message.starts_turn for message in self.messages[1:])


class ToolResults(_ToLLM, frozen=True, kw_only=True):
    """Results for the tool uses of the last ``ToolBatch``: all of them, or some.

    The next request is sent when no tool use is open any more. With *last*, results that leave a tool use open are
    rejected. *compact_summaries* maps tool use ids to the text that replaces a result when the history is compacted;
    *durations_s* to how long the tools ran, in seconds. The model is given at most *max_result_bytes* of the text of
    each result at once: the session keeps the whole, in which the model can read on.
    """

    results: tuple[ToolResult, ...]
    last: bool = False
    compact_summaries: dict[str, str] = {}  # noqa: RUF012  (msgspec copies it)
    durations_s: dict[str, float] = {}  # noqa: RUF012  (msgspec copies it)
    max_result_bytes: Positive | None = None


class ToolUpdate(_ToLLM, frozen=True, kw_only=True):
    """What a program tells of tool uses before it has their results: ids of *started* ones, and *progress* by id."""

    started: tuple[str, ...] = ()
    progress: dict[str, str] = {}  # noqa: RUF012  (msgspec copies it)


class RequestApproval(_ToLLM, frozen=True, kw_only=True):
    """Has tool uses of the last ``ToolBatch`` wait for approval, as the program finds that is to run them.

    ``ApprovalRequested`` follows, and, when they are approved, another ``ToolBatch`` with them.
    """

    tool_use_ids: tuple[str, ...]


class Approve(_ToLLM, frozen=True, kw_only=True):
    """Approves tool uses that wait for approval: those of *tool_use_ids*, or all.

    *inputs* replaces the input of some, by id; the model is told of it. *grant* extends the approval to later uses: of
    the same ``tool``, or of the same tool with the same ``arguments``; for *grant_s* seconds, or as long as the session
    lives. ``use`` is this use only.
    """

    tool_use_ids: tuple[str, ...] = ()
    inputs: dict[str, dict[str, Any]] = {}  # noqa: RUF012  (msgspec copies it)
    grant: GrantScope = "use"
    grant_s: Annotated[float, Meta(gt=0)] | None = None


class Deny(_ToLLM, frozen=True, kw_only=True):
    """Denies tool uses that wait for approval: those of *tool_use_ids*, or all. The model is told the *reason*."""

    tool_use_ids: tuple[str, ...] = ()
    reason: str = ""


class AnswerQuestion(_ToLLM, frozen=True, kw_only=True):
    """Answers the question to the user that a tool use asks, as ``QuestionAsked`` told: the model is given *text*."""

    tool_use_id: str
    text: str


class Interrupt(_ToLLM, frozen=True, kw_only=True):
    """Ends *turn*, or the *compaction* in a receipt of ``Compact``, running or queued; without either, what runs."""

    turn: int | None = None
    compaction: int | None = None


class Compact(_ToLLM, frozen=True, kw_only=True):
    """Compacts the history: now, or after the queued turns."""


class Clear(_ToLLM, frozen=True, kw_only=True):
    """Empties the *history*, sets the *counters* to 0, or both: now, or after the queued turns. Settings stay.

    The counters are those of ``SessionStatus`` and ``SessionSummary``: turns, requests, tokens, times and the like. The
    numbers of turns go on, since they are names.
    """

    history: bool = True
    counters: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.history and not self.counters:
            raise InvalidConfig(
                "message.counters", "there is nothing to clear: clear the history, the counters or both"
            )


class Rewind(_ToLLM, frozen=True, kw_only=True):
    """Removes the last *turns* user messages, and what follows them: now, or after the queued turns.

    With *to*, it removes what follows the turn of that number instead; 0 is the beginning.
    """

    turns: Annotated[int, Meta(gt=0)] = 1
    to: Annotated[int, Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.to is not None and self.turns != 1:
            raise InvalidConfig("message.to", "give either the turn to go back to, or how many turns to remove")


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
            *fields_of_change(SessionSettings),
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


ToLLM = (
    UserMessage
    | AddMessages
    | ToolResults
    | ToolUpdate
    | RequestApproval
    | Approve
    | Deny
    | AnswerQuestion
    | Interrupt
    | Compact
    | Clear
    | Rewind
    | Configure
    | Retry
    | Continue
    | Close
)


class MessageKey(msgspec.Struct, frozen=True, gc=False):
    """What a program gives with a message that it may have to send again: the session takes it once.

    *key* is the program's, *digest* that of the message. One of the runtime's own has none: it is new for each message.
    """

    key: str
    digest: bytes

    @property
    def is_own(self) -> bool:
        """True if it is the runtime's own, not the program's."""
        return not self.digest


class Receipt(ReadableStruct, frozen=True, gc=False, kw_only=True):
    """Confirms that a message is in the mailbox.

    *turn*, or *compaction*, is what the message started, continued or ended. *seq* is the number of the session's last
    event before the message: reading after it yields everything that follows from the message.

    *repeated*: the message was in the mailbox before, with the same key, and the rest is as it was then.
    """

    turn: int | None
    seq: int
    compaction: int | None = None
    repeated: bool = False
