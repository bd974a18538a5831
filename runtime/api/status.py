"""The status of a session."""

from enum import StrEnum
from typing import Self

import msgspec

from ...compaction.report import CompactionReport
from ...providers.schema.checks.shown import short_repr
from ...providers.schema.messages import RequestInfo
from ...providers.schema.usage import Count, Usage
from .events import Compacted
from .notebooks import caption_html, counted, table_html, usage_text

_HEADER = ("session", "state", "model", "turns", "waiting", "messages", "context", "usage")
_DISPLAYED_SESSIONS = 100


class State(StrEnum):
    """What a session is doing."""

    IDLE = "idle"
    REQUESTING = "requesting"
    """A request has been sent, and the provider has not started to answer."""
    STREAMING = "streaming"
    """The provider is answering."""
    RETRYING = "retrying"
    """A request failed, and the session waits before it sends it again."""
    TOOLS_OUT = "tools_out"
    """The session waits for tool results."""
    COMPACTING = "compacting"
    CLOSED = "closed"


class ForkOrigin(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where a fork comes from: the session, and the last of its *turn*s that the fork has, 0 if it has none."""

    __repr__ = short_repr

    session_id: str
    epoch: int
    turn: int


class SessionStatus(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The status of a session at one moment.

    *created_at* is in Unix seconds. *turns* counts all turns so far, *turn* is the number of the running one, *waiting*
    that of messages in the mailbox. *open_tool_use_ids* wait for results, those in *awaiting_approval* for approval
    first, and those in *awaiting_answer* for the user's answer to a question.
    *context_tokens* is what the last request and its answer used of the context window of
    *context_limit_tokens*. *usage* is the total of all *requests*. *last_seq* is the number of the last event.
    *last_request* is the last request that has ended, however it did: its usage, times and stop reason, or its error.
    *history_bytes* is about what the full history takes; it has lost its oldest *dropped_messages* to the limit.
    *forked_from* is where the session comes from, if it is a fork.
    """

    __repr__ = short_repr

    id: str
    state: State
    provider: str
    model: str
    created_at: float
    turns: int
    turn: int | None
    messages: int
    waiting: int
    open_tool_use_ids: tuple[str, ...]
    requests: int
    usage: Usage
    context_tokens: Count
    context_limit_tokens: int
    last_seq: int
    history_bytes: int = 0
    dropped_messages: int = 0
    awaiting_approval: tuple[str, ...] = ()
    awaiting_answer: tuple[str, ...] = ()
    last_request: RequestInfo | None = None
    forked_from: ForkOrigin | None = None

    @property
    def context_share(self) -> float | None:
        """The share of the context window in use, 0 to 1; ``None`` if the tokens are not known."""
        tokens = self.context_tokens.tokens
        return None if tokens is None else tokens / self.context_limit_tokens

    def _repr_html_(self) -> str:
        return table_html(_HEADER, [self.cells()])

    def cells(self) -> tuple[str, ...]:
        """What a notebook displays, in the order of its table's columns."""
        share = self.context_share
        return (
            self.id,
            self.state,
            f"{self.provider}: {self.model}",
            f"{self.turns:,}",
            f"{self.waiting:,}",
            f"{self.messages:,}",
            "?" if share is None else f"{share:.0%} of {self.context_limit_tokens:,} tokens",
            usage_text(self.usage),
        )


class SessionSummary(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What has happened in a session since it was opened, or reset. Times are in Unix seconds, durations in seconds.

    *turns* counts all turns, those that run, wait or were added included, and the next three how they ended. *steps*
    are the answers whose tool uses all have their results, *tool_calls* these tool uses. *messages* is the length of
    the history now. *usage* is the total of all *requests*, *retries* are those that were sent again after a failure.
    *turns_s* is the time spent in turns that have ended, *requests_s* that in requests, *tools_s* that in tools, as far
    as who ran them says so. *first_at* and *last_at* are the times of its first and its last activity.
    """

    __repr__ = short_repr

    id: str
    created_at: float
    turns: int
    completed_turns: int
    interrupted_turns: int
    failed_turns: int
    steps: int
    messages: int
    tool_calls: int
    failed_tool_calls: int
    requests: int
    retries: int
    compactions: int
    usage: Usage
    turns_s: float
    requests_s: float
    tools_s: float
    first_at: float | None = None
    last_at: float | None = None

    @property
    def successful_tool_calls(self) -> int:
        """How many tool uses have a result that is no error."""
        return self.tool_calls - self.failed_tool_calls


class SessionList(list[SessionStatus]):
    """Statuses of sessions in the order of their ids, as far as they could be read.

    *unreachable* are the sessions whose actor did not answer: ids, by the name of the actor; no ids if they are not
    known, because the directory was restarted and the actor has not answered since. *last* is the last id that was
    looked at, from which the next page follows; ``None`` if no further sessions follow.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unreachable: dict[str, list[str]] = {}
        self.last: str | None = None

    def __repr__(self) -> str:
        return f"SessionList({len(self)} sessions, {self.unreachable_count} unreachable)"

    def _repr_html_(self) -> str:
        displayed = self[:_DISPLAYED_SESSIONS]
        hidden, unreachable = len(self) - len(displayed), self.unreachable_count
        caption = caption_html(
            counted(len(self), "session"),
            f"{hidden:,} of them not displayed" if hidden else "",
            f"{unreachable:,} unreachable" if unreachable else "",
        )
        return (table_html(_HEADER, [status.cells() for status in displayed]) if displayed else "") + caption

    @property
    def unreachable_count(self) -> int:
        """How many sessions could not be read."""
        return sum(map(len, self.unreachable.values()))


class CompactResult(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The result of ``compact()``: whether the history was *compacted*, and if not, or not enough, the *problem*."""

    __repr__ = short_repr

    compacted: bool
    messages_before: int
    messages_after: int
    problem: str | None
    report: CompactionReport | None

    @classmethod
    def of(cls, event: Compacted) -> Self:
        """The result that *event* reports."""
        return cls(
            compacted=event.messages_after != event.messages_before or _saved_tokens(event.report),
            messages_before=event.messages_before,
            messages_after=event.messages_after,
            problem=event.problem,
            report=event.report,
        )


def _saved_tokens(report: CompactionReport | None) -> bool:
    return report is not None and report.tokens_after < report.tokens_before


class NodeDrain(msgspec.Struct, frozen=True, kw_only=True):
    """How far a node is that is drained *since* a time, in Unix seconds.

    So many *sessions* are on it, and so many have *left* it, for other nodes. It *has_ended* if it is no longer in the
    cluster: what was on it then has ended with it.
    """

    __repr__ = short_repr

    node_id: str
    since: float
    sessions: int
    left: int
    has_ended: bool = False


class ClusterNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the cluster: its *id*, its IP *address*, and how many *actors* with *sessions* of the namespace it has.

    It *is_drained* if it is to end: no session is placed there any more. *version* is that of this package there, if
    somebody has looked: no session is placed where it is another one than the program's; ``"none"`` is not installed.
    """

    __repr__ = short_repr

    id: str
    address: str
    is_head: bool
    actors: int
    sessions: int
    is_drained: bool
    version: str = ""
