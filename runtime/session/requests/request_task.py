"""The task that sends one request: deltas go to the outbox as they arrive, and form the answer for the history."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from ....compaction.estimate.estimator import tokens_in
from ....providers.registry import ProviderConfig
from ....providers.schema.client import Client
from ....providers.schema.config import HTTPConfig
from ....providers.schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    Cited,
    Delta,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    ToolUseStarted,
)
from ....providers.schema.draft import Answer, Draft, Partial
from ....providers.schema.errors import AuthenticationFailed, ProviderError, ThinkingRejected
from ....providers.schema.messages import Origin
from ....providers.schema.request import Request, WireMemo
from ....providers.schema.usage import Usage, estimated
from ....providers.text_tools.protocol import text_request, uses_text
from ...api import events as out
from ...api.events import TextChunk, ThinkingChunk
from ...api.quotas.wait_reason import WaitReason
from ...core import events as ev
from ...core.instructions import SendRequest
from ...events.outbox import Outbox
from ...governance.quotas.client import Admission
from ...metrics import catalog
from ...metrics.counts import COUNTS, Histogram

if TYPE_CHECKING:
    from ....providers.text_tools.client import TextToolsClient

log = logging.getLogger(__name__)


@dataclass(slots=True)
class RequestTask:
    """One request, and what has arrived of its answer.

    Cancelling the task that runs it, after ``stop``, aborts the HTTP request. The partial answer stays available, and
    nothing more goes to the outbox. *source* is the ``Origin.source`` of the answer. *on_ready* takes what happens
    when a tool use is ready before the answer ends, if the request is one with *early_tools*. *streaming* is set when
    the provider has started to answer. Until shared limits admit it, it *is_waiting*; *waited_s* is how long that took.
    """

    send: SendRequest
    client: Client
    source: str
    memo: WireMemo
    outbox: Outbox
    on_ready: Callable[[ev.ToolUseReady], object]
    streaming: bool = field(default=False, init=False)
    is_waiting: bool = field(default=False, init=False)
    waited_s: float = field(default=0.0, init=False)
    admission: Admission | None = field(default=None, init=False)
    _is_stopped: bool = field(default=False, init=False)
    _sent_at: float = field(init=False)  # by the clock of the event loop
    _first_text_s: float | None = field(default=None, init=False)
    _read_at: float | None = field(default=None, init=False)  # as well: the last read of a stream
    _gaps: Histogram = field(init=False)
    _draft: Draft = field(init=False)
    _output_bytes: int = field(default=0, init=False)  # about, and only if there is an admission
    _last_ready: int = field(default=-1, init=False)  # the block of the last tool use that *on_ready* has got
    _tools: dict[int, ToolUseStarted] = field(default_factory=dict[int, ToolUseStarted], init=False)

    def __post_init__(self) -> None:
        self._draft = Draft(self.client.provider)
        self._sent_at = _now()
        self.outbox.correlation_id = self.send.correlation_id
        config = self.send.config.provider
        self._gaps = COUNTS.histogram(catalog.GAPS, COUNTS.model(config.service, config.model))

    @property
    def duration_s(self) -> float:
        """How long ago it was sent."""
        return _now() - self._sent_at

    async def run(self) -> Answer:
        """Send the request and read the answer to its end.

        Raises:
            ProviderError: it failed.
        """
        send = self.send
        self._require_readable()
        request = Request(send.number, send.messages, send.config, self.memo, send.prompts)
        text_tools = None
        if uses_text(send.config, send.config.provider.facts):
            text_tools, request = _text_tools_client(self.client, send), text_request(request)
        client = text_tools or self.client
        await self.memo.prepare(request.messages)
        if send.config.streaming:
            await client.stream(request, self._take)
        else:
            self._process_deltas(await client.complete(request))
        answer = self._draft.finish()
        usage = answer.usage
        if text_tools and text_tools.cut_short:
            usage = Usage(output=self._estimate(answer).output).or_else(usage)
        if usage.input.tokens is None or usage.output.tokens is None:
            usage = usage.or_else(self._estimate(answer))
        return msgspec.structs.replace(answer, usage=self._priced(usage), origin=self._origin(), **self._times())

    def begin_waiting(self) -> None:
        """It waits to be admitted."""
        self._sent_at, self.is_waiting = _now(), True

    def end_waiting(self, admission: Admission) -> None:
        """It is sent now."""
        self.waited_s += self.duration_s
        self._sent_at, self.is_waiting, self.admission = _now(), False, admission

    def put_waiting(self, reason: WaitReason, expected_s: float) -> None:
        """Tell the readers what it waits for."""
        if self.is_waiting and not self._is_stopped:
            turn, name = self.send.turn, self.send.correlation_id
            waiting = out.Waiting(turn=turn, correlation_id=name, reason=reason, expected_s=expected_s)
            self.outbox.put_event(waiting, at=time.time())

    def stop(self) -> None:
        """Let nothing more go to the outbox: the turn is over, and the task about to be cancelled."""
        self._is_stopped = True

    def partial(self) -> Partial:
        """What has arrived of the answer, with the estimated usage: the provider has not reported it."""
        if self.is_waiting:
            return ev.NOTHING
        partial = self._draft.partial()
        estimate = self._estimate(partial)
        usage = Usage(output=estimate.output).or_else(partial.usage).or_else(estimate)
        return msgspec.structs.replace(partial, usage=self._priced(usage), origin=self._origin(), **self._times())

    def _take(self, deltas: Sequence[Delta]) -> Awaitable[None] | None:
        if self._is_stopped:
            return None
        now = _now()
        if self._read_at is not None:
            self._gaps.observe(now - self._read_at)
        self._read_at = now
        self._process_deltas(deltas)
        if self.send.early_tools:
            self._report_tool_uses(deltas)
        if self.admission:
            self._report_output(self.admission, deltas)
        outbox = self.outbox
        return outbox.wait_for_room() if outbox.full else None

    def _process_deltas(self, deltas: Sequence[Delta]) -> None:
        self._draft.add(deltas)
        outbox, turn = self.outbox, self.send.turn
        at = 0.0  # what arrives together has one time
        for delta in deltas:
            if type(delta) is TextDelta:  # nearly all of them
                outbox.put_text(TextChunk, turn, delta.index, delta.text)
            elif type(delta) is ThinkingDelta:
                outbox.put_text(ThinkingChunk, turn, delta.index, delta.text)
            else:
                at = at or time.time()
                self._emit_event(delta, at)
        if self._first_text_s is None and any(isinstance(delta, TextDelta) and delta.text for delta in deltas):
            self._first_text_s = self.duration_s

    def _report_tool_uses(self, deltas: Sequence[Delta]) -> None:
        kinds = set(map(type, deltas))
        if AnswerEnded in kinds or not kinds & {BlockEnded, ToolUseStarted}:
            return
        for block, use in self._draft.ready_tool_uses(self._last_ready):
            self._last_ready = block
            self.on_ready(ev.ToolUseReady(request=self.send.number, use=use))

    def _report_output(self, admission: Admission, deltas: Sequence[Delta]) -> None:
        for delta in deltas:
            match delta:
                case TextDelta(text=text) | ThinkingDelta(text=text) | ToolInputDelta(json=text):
                    self._output_bytes += len(text)
                case AnswerStarted(rate_limits=limits) if limits:
                    admission.learn(limits)
                case _:
                    pass
        admission.streamed(tokens_in(self._output_bytes))

    def _times(self) -> dict[str, float | None]:
        return {"duration_s": self.duration_s, "first_text_s": self._first_text_s}

    def _emit_event(self, delta: Delta, at: float) -> None:
        turn, name = self.send.turn, self.send.correlation_id
        match delta:
            case AnswerStarted(message_id=message_id, model=model, rate_limits=limits):
                self.streaming = True
                started = out.StreamStarted(
                    turn=turn, correlation_id=name, message_id=message_id, model=model, rate_limits=limits
                )
                self.outbox.put_event(started, at=at)
            case Cited(index=index, citation=citation):
                cited = out.Cited(turn=turn, correlation_id=name, citation=citation, block=index)
                self.outbox.put_event(cited, at=at)
            case ToolUseStarted(index=index):
                self._tools[index] = delta
            case ToolInputDelta(index=index, json=json) if json:
                tool = self._tools[index]
                chunk = out.ToolInputChunk(
                    turn=turn, correlation_id=name, tool_use_id=tool.id, name=tool.name, json=json, block=index
                )
                self.outbox.put_event(chunk, len(json), at)
            case _:
                pass

    def _require_readable(self) -> None:
        """Raises:
        ThinkingRejected: the history begins with a compaction by another account, whose content would be lost.
        """
        first = self.send.messages[0]
        if first.is_native_summary and not first.readable_by(self.source):
            raise ThinkingRejected("another model, endpoint or account compacted the history", self.client.provider)

    def _origin(self) -> Origin:
        return Origin(source=self.source, prefix=self.memo.prefix, previous=self.memo.previous)

    def _priced(self, usage: Usage) -> Usage:
        return self.send.config.provider.facts.priced(usage)

    def _estimate(self, answer: Answer | Partial) -> Usage:
        size_bytes = len(msgspec.json.encode(answer.content)) if answer.content else 0
        return Usage(input=estimated(tokens_in(self.memo.size_bytes)), output=estimated(tokens_in(size_bytes)))


def _text_tools_client(client: Client, send: SendRequest) -> "TextToolsClient":
    """The client that reads tool uses in the text of answers, in a module that few processes need."""
    from ....providers.text_tools.client import TextToolsClient

    return TextToolsClient(client, send.config, send.number)


def _now() -> float:
    return asyncio.get_running_loop().time()


def named_failure(error: Exception, provider: ProviderConfig) -> ev.Failure:
    """The failure of a request to *provider*, resolved. It names it, and where a rejected credential is from."""
    failure = failure_of(error)
    if not isinstance(error, ProviderError):
        return failure
    return msgspec.structs.replace(failure, message=named_message(error, provider))


def named_message(error: ProviderError, provider: ProviderConfig) -> str:
    """What *error*, of a request to *provider*, says. It names *provider*, and where a rejected credential is from."""
    if not isinstance(provider, HTTPConfig):
        return error.message
    message = error.message if provider.service in error.message else f"{provider.service}: {error.message}"
    if isinstance(error, AuthenticationFailed) and provider.credential_variables:
        variables = " or ".join(provider.credential_variables)
        message += f" (the credential is that of the config, or of {variables} where the session was spawned)"
    return message


def failed_request(
    send: SendRequest, error: Exception, provider: ProviderConfig, elapsed_s: float, task: RequestTask | None
) -> ev.RequestFailed:
    """The request failed with *error*, *elapsed_s* after the first attempt. *provider* is resolved."""
    return ev.RequestFailed(
        request=send.number,
        failure=named_failure(error, provider),
        elapsed_s=elapsed_s,
        jitter=random.random(),
        duration_s=task.duration_s if task else None,
        partial=task.partial() if task else ev.NOTHING,
    )


def failure_of(error: Exception) -> ev.Failure:
    """*error* as the core represents it.

    An error that is not a ``ProviderError`` is a bug: it is logged, and its text, which may hold anything, is not
    passed on.
    """
    if isinstance(error, ProviderError):
        return ev.Failure(
            code=error.code,
            message=error.message,
            retryable=error.retryable,
            retry_after_s=error.retry_after_s,
            details=error.details,
        )
    log.error("unhandled error in a request", exc_info=error)
    return ev.Failure(
        code="internal",
        message=f"{type(error).__name__} in the runtime; see the log of the session's process",
    )
