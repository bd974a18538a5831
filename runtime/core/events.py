"""What can happen to a conversation. The events that change it are its records: replayed in order, they rebuild it."""

import msgspec

from ...compaction.report import CompactionReport
from ...providers.schema.content import ToolResult, UserBlock
from ...providers.schema.draft import Answer, Partial
from ...providers.schema.facts import ModelFacts
from ...providers.schema.messages import Message
from ..api.config import WhenBusy
from ..api.messages import Configure

NOTHING = Partial()


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=str.lower, omit_defaults=True):
    """Something that happened. *partial* is what came so far of the answer that the event may end."""


class Asked(_Event, frozen=True, kw_only=True):
    """A user message came, *size_bytes* large."""

    content: tuple[UserBlock, ...]
    size_bytes: int = 0
    when_busy: WhenBusy | None = None
    partial: Partial = NOTHING


class ToolsReturned(_Event, frozen=True, kw_only=True):
    """Tool results came, *size_bytes* large."""

    results: tuple[ToolResult, ...]
    size_bytes: int = 0
    last: bool = False
    compact_summaries: dict[str, str] = {}


class InterruptAsked(_Event, frozen=True, kw_only=True):
    """The turn is not wanted any more; without a number the running one."""

    turn: int | None = None
    partial: Partial = NOTHING


class RetryAsked(_Event, frozen=True, kw_only=True):
    """The last answer is wanted after all."""


class ClearAsked(_Event, frozen=True, kw_only=True):
    """The history is not wanted any more."""


class CompactAsked(_Event, frozen=True, kw_only=True):
    """A shorter history is wanted."""


class ConfigureAsked(_Event, frozen=True, kw_only=True):
    """Other settings are wanted. They hold no secrets; *facts* are what is known of the model that they name."""

    change: Configure
    facts: ModelFacts = ModelFacts()


class CloseAsked(_Event, frozen=True, kw_only=True):
    """The session is not wanted any more."""

    drain: bool = False
    partial: Partial = NOTHING


class AnswerBegan(_Event, frozen=True, kw_only=True):
    """The provider has begun to answer. It changes nothing that lasts, and is no record."""

    request: int


class Answered(_Event, frozen=True, kw_only=True):
    """The provider's answer is whole."""

    request: int
    answer: Answer


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A provider's error as a conversation knows it."""

    code: str
    message: str
    retryable: bool = False
    retry_after_s: float | None = None


class RequestFailed(_Event, frozen=True, kw_only=True):
    """The request failed, *elapsed_s* after the first attempt began. *jitter* is a random number from 0 to 1."""

    request: int
    failure: Failure
    elapsed_s: float = 0.0
    jitter: float = 0.0
    partial: Partial = NOTHING


class BackoffEnded(_Event, frozen=True, kw_only=True):
    """The pause before the next attempt is over."""

    request: int


class CompactionEnded(_Event, frozen=True, kw_only=True):
    """The history was shortened to *messages*, or was not: then *problem* says why."""

    compaction: int
    messages: tuple[Message, ...] | None = None
    problem: str | None = None
    report: CompactionReport | None = None


Wish = Asked | ToolsReturned | InterruptAsked | RetryAsked | ClearAsked | CompactAsked | ConfigureAsked | CloseAsked
"""What drivers ask for."""

Event = Wish | AnswerBegan | Answered | RequestFailed | BackoffEnded | CompactionEnded
