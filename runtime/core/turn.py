"""The running turn, and the events that report on it."""

from collections.abc import Iterable, Sequence

import msgspec

from ...providers.schema.content import ToolUse, UserBlock
from ...providers.schema.draft import Answer
from ...providers.schema.stop_reasons import StopReason
from ...providers.schema.tools import Tool
from ...providers.schema.usage import NONE_YET, Usage
from ..api import events as out
from ..api.config import SessionConfig
from ..api.messages import UserMessage
from ..api.settings.changes import TurnSettings
from ..api.settings.policies import NO_TOOLS
from .context_meter import Fill
from .events import NOTHING, Failure, Recovered
from .settings import changed_config

MAX_REFUSED_BATCHES = 3
"""The turn fails when the model writes this many batches in a row without one valid tool input."""

MAX_RECOVERIES = 5
"""A request whose process is lost is sent again so often; then the turn fails: perhaps its answer is what ends it."""

MAX_OUT_OF_MEMORY = 3
"""As ``MAX_RECOVERIES``, for processes that ran out of memory: most likely, the next one does, too."""

MAX_RECOVERY_S = 300.0
"""A request is sent again for so long after the first loss of a process, unless part of its answer arrives."""

MAX_OVERFLOWS = 4
"""The history is compacted at most so often in a turn because the provider rejects its requests as too long."""

NO_VALID_INPUT = Failure(
    code="malformed_tool_input",
    message=(
        f"the model wrote no valid tool input {MAX_REFUSED_BATCHES} times in a row; the history holds the last errors"
    ),
    retryable=True,
)


class Overrides(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the message that started *turn* has for it alone.

    *source* is the ``Origin.source`` of answers under its *settings*, *temporary_content* what its content began with.
    """

    turn: int
    settings: TurnSettings
    source: str = ""
    temporary_content: tuple[UserBlock, ...] = ()

    @classmethod
    def of(cls, turn: int, message: UserMessage, source: str) -> "Overrides | None":
        """What *message*, which starts *turn*, has for it alone, if it has anything."""
        settings, content = message.turn_settings, message.temporary_content
        return cls(turn, settings or TurnSettings(), source, content) if settings or content else None


class Aside(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What was known of the last answer and message before a turn that is temporary: it is so again afterwards."""

    cut_off: StopReason | None = None
    overrides: Overrides | None = None


class Turn(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The running turn.

    *fill_before* is the fill of the context window before the turn, with the session's settings as they are now;
    ``None`` if the history has been compacted since, or the provider changed. *steps* counts the answers with tool
    uses, *attempt* the requests for the current answer, *refused_batches* the last batches without a valid input,
    *overflows* the requests that were rejected as too long, for which the history was compacted, *recoveries* the
    processes that were lost since the last answer, *out_of_memory* of them because they took too much memory; the
    first one after any progress was followed by another at *recovered_at*, in Unix seconds. If the
    last one began without its credentials, the request *awaits_credentials*, as far as is known. *compacted*: a
    compaction has just ended for the next request. *unsealed*: a provider rejected signed thinking in the history,
    which has been omitted since the last answer. *continuing*: the running request, the last of *continuations*,
    continues an answer that ended for this reason. *without_tools*: it has had its last step. *overrides* are
    settings of its own. *correlation_id* is that of its message. *aside*: its messages leave with it. Its message,
    that of *overrides*, begins with *temporary_blocks* that do. *step_at* is when its running step began, in Unix
    seconds.
    """

    number: int
    fill_before: Fill | None
    requests: int = 0
    steps: int = 0
    attempt: int = 0
    refused_batches: int = 0
    overflows: int = 0
    recoveries: int = 0
    out_of_memory: int = 0
    recovered_at: float = 0.0
    awaits_credentials: bool = False
    compacted: bool = False
    unsealed: bool = False
    continuing: StopReason | None = None
    continuations: int = 0
    without_tools: bool = False
    overrides: Overrides | None = None
    correlation_id: str = ""
    aside: Aside | None = None
    temporary_blocks: int = 0
    step_at: float = 0.0
    usage: Usage = NONE_YET

    def config(self, config: SessionConfig) -> SessionConfig:
        """The settings of this turn's requests, in a session with *config*."""
        if self.overrides is not None:
            config = changed_config(config, self.overrides.settings)
        if self.without_tools and config.tools:
            config = msgspec.structs.replace(config, tool_choice=NO_TOOLS)
        return config

    def answered(self) -> "Turn":
        """The turn, with an answer to its running request: the attempts of the next one count from 1."""
        return msgspec.structs.replace(
            self, attempt=0, recoveries=0, out_of_memory=0, recovered_at=0.0, awaits_credentials=False, unsealed=False
        )

    def recovered(self, lost: Recovered) -> "Turn":
        """The turn, in another process than the one that was *lost* during a request."""
        if self.awaits_credentials and lost.partial == NOTHING:  # it was not lost, but waited for somebody
            return msgspec.structs.replace(
                self, attempt=0, recovered_at=lost.at, awaits_credentials=lost.lacks_credentials
            )
        has_progress = bool(lost.partial.text) or not self.recovered_at
        return msgspec.structs.replace(
            self,
            attempt=0,
            recoveries=self.recoveries + 1,
            out_of_memory=self.out_of_memory + lost.out_of_memory,
            recovered_at=lost.at if has_progress else self.recovered_at,
            awaits_credentials=lost.lacks_credentials,
        )

    def in_next_step(self) -> "Turn":
        """The turn, with another answer that has tool uses."""
        return msgspec.structs.replace(self, steps=self.steps + 1)

    @property
    def has_source(self) -> bool:
        """True if its answers are not those of the session's provider, or model."""
        return self.overrides is not None and self.overrides.source != ""

    def source(self, source: str) -> str:
        """The ``Origin.source`` of this turn's answers, in a session with *source*."""
        return (self.overrides and self.overrides.source) or source

    def with_source(self, source: str) -> "Turn":
        """The turn with the *source* of what its provider has just written, if that is not the session's."""
        if self.overrides is None or not self.overrides.source:
            return self
        overrides = msgspec.structs.replace(self.overrides, source=source)
        return msgspec.structs.replace(self, overrides=overrides)

    def completed(self, answer: Answer) -> out.Completed:
        """The event that ends the turn with *answer*."""
        return out.Completed(
            turn=self.number,
            stop_reason=answer.stop_reason,
            raw_stop_reason=answer.raw_stop_reason,
            usage=self.usage,
            requests=self.requests,
            stop_details=answer.stop_details,
            correlation_id=self.correlation_id,
        )

    def stopped(self, reason: StopReason) -> out.Completed:
        """The event that ends the turn for a *reason* that is not the model's."""
        return out.Completed(
            turn=self.number,
            stop_reason=reason,
            raw_stop_reason=None,
            usage=self.usage,
            requests=self.requests,
            correlation_id=self.correlation_id,
        )

    def failed(self, failure: Failure, partial_text: str = "", message_stays: bool = True) -> out.Failed:
        """The event that ends the turn with *failure*."""
        return out.Failed(
            turn=self.number,
            code=failure.code,
            message=failure.message,
            retryable=failure.retryable,
            partial_text=partial_text,
            details=failure.details,
            retry_after_s=failure.retry_after_s,
            message_stays=message_stays and self.aside is None,
            correlation_id=self.correlation_id,
        )

    def retrying(self, failure: Failure, delay_s: float) -> out.Retrying:
        """The event that announces the next attempt."""
        return out.Retrying(
            turn=self.number, attempt=self.attempt, delay_s=delay_s, code=failure.code, message=failure.message
        )

    def tool_batch(
        self, uses: tuple[ToolUse, ...], config: SessionConfig, refused: tuple[ToolUse, ...] = ()
    ) -> out.ToolBatch:
        """The event that asks for the results of *uses*: the session for those that run on Ray, programs for others."""
        shipped = {tool.name for tool in self.config(config).tools if isinstance(tool, Tool) and tool.shipped}
        on_ray = tuple(use.id for use in uses if use.name in shipped)
        return out.ToolBatch(turn=self.number, uses=uses, refused=refused, step=self.steps, on_ray=on_ray)

    def approval_requested(self, uses: tuple[ToolUse, ...]) -> out.ApprovalRequested:
        """The event that asks whether *uses* may run."""
        return out.ApprovalRequested(turn=self.number, uses=uses, step=self.steps)


def correlate(events: Sequence[out.FromLLM], turns: Iterable[Turn | None]) -> None:
    """Give those of *events*, which are new, the ``correlation_id`` of their turn, if it is one of *turns*."""
    for turn in turns:
        if turn is None or not turn.correlation_id:
            continue
        for event in events:
            if isinstance(event, out.OfTurn) and event.turn == turn.number:
                msgspec.structs.force_setattr(event, "correlation_id", turn.correlation_id)
