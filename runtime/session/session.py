"""A running session: it executes what its conversation wants done, and reports what happened."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import assert_never

import msgspec

from ...providers.schema.draft import Partial
from ...providers.schema.request import WireMemo
from ...providers.served_facts import learn_facts
from ..api.events import ToolBatch
from ..api.messages import MessageKey, Receipt, ToLLM
from ..api.status import SessionStatus
from ..core import events as ev
from ..core.conversation import Conversation
from ..core.history import HistorySize
from ..core.instructions import (
    Acknowledge,
    ApplySettings,
    Cancel,
    DecideApproval,
    Emit,
    EndSession,
    Instruction,
    ResumeTools,
    SendRequest,
    StartBackoff,
    StartCompaction,
    StartToolTimer,
)
from ..core.phases import Compacting, Idle, Requesting, ToolsOut
from ..events.outbox import Outbox
from .durable.session_records import SessionRecords
from .message_checks import checked_message
from .metrics import metering
from .reporting import report_event, report_request, report_wait
from .requests.compaction_task import CompactionTask
from .requests.credentials import Credentials
from .requests.request_task import RequestTask, failed_request
from .statuses import receipt_of, status_of
from .tools.open_tools import OpenTools
from .tools.ray_runs import OnTools
from .tools.run_orders import BatchOrder

log = logging.getLogger(__name__)


class Session:
    """One conversation in an event loop. It makes no decisions: the conversation does.

    With *records*, everything is recorded; a *conversation* goes on that was rebuilt of such records. Others only look
    at it.
    """

    def __init__(
        self,
        session_id: str,
        credentials: Credentials,
        outbox: Outbox,
        records: SessionRecords | None = None,
        conversation: Conversation | None = None,
    ) -> None:
        self.id = session_id
        self.ended = False
        self.on_end: Callable[[Session], None] | None = None
        self.on_history: Callable[[Session, HistorySize, HistorySize], None] | None = None  # its size, before and now
        self.on_tools: OnTools | None = None
        self.credentials = credentials
        self.outbox = outbox
        self._memo = WireMemo()
        self._first_attempt_at = 0.0
        self._task: asyncio.Task[None] | None = None  # the running request or compaction
        self._request: RequestTask | None = None  # the running request
        self._timer: asyncio.TimerHandle | None = None
        self._open_tools: OpenTools | None = None  # only while there are some
        self._tasks: tuple[asyncio.Task[None], ...] = ()  # also cancelled ones, until they have closed their sockets
        self._end: asyncio.Event | None = None  # made only when somebody waits for it
        self._history_size = HistorySize()
        self.records = records
        self._actions: tuple[Callable[[], None], ...] = ()  # to be done once the event that is handled is recorded
        self.conversation = conversation or Conversation()
        if records:
            records.follow(self.conversation)

    @property
    def epoch(self) -> int:
        """What distinguishes it from earlier and later sessions with its id."""
        return self.outbox.epoch

    def start(self, event: ev.Opened) -> None:
        """Begin with *event*. Many sessions may share it: it is most of what an idle one holds."""
        self._handle(event)

    def go_on(self, event: ev.Recovered) -> None:
        """Go on from what was rebuilt, with *event*. If nothing ran, nothing has to be done, or recorded."""
        if self.is_idle:
            self._report_history(self.conversation.history_size)
        else:
            self._handle(event)

    def tell(self, message: ToLLM, size_bytes: int, key: MessageKey | None = None) -> Receipt:
        """Put *message*, whose encoded size is *size_bytes*, into the mailbox: once, if it has a *key*. It never waits.

        Raises:
            SessionError: the message is rejected; the class says why.
            ConfigError: a ``Configure``, or the settings of a turn, that are not acceptable.
            UnsupportedContent: the provider or its model does not support a block.
        """
        seq = self.outbox.seq
        checked = checked_message(self.conversation, self.credentials, message, key)
        partial = self._partial() if self.conversation.ends_request(message) else ev.NOTHING
        event = checked.received(size_bytes, partial, key, seq)
        acknowledge = next(step for step in self._handle(event) if isinstance(step, Acknowledge))
        self.credentials.add(*checked.providers)
        if acknowledge.turn and acknowledge.turn != self.conversation.turn and self.conversation.open_tool_uses:
            report_wait(self.id, acknowledge.turn, self.conversation)
        return receipt_of(acknowledge, seq)

    def load(self, part: ev.Imported) -> None:
        """Add the next *part* of an initial history, before the first message.

        Raises:
            HistoryFull: there is no room for it.
        """
        self._handle(part)

    async def learn_facts(self, model: str) -> None:
        """Ask the models endpoint about *model*, if the session's provider says so, before a ``Configure`` names it."""
        provider = self.credentials.with_secrets(self.conversation.config.provider)
        await learn_facts(msgspec.structs.replace(provider, model=model))

    def status(self) -> SessionStatus:
        """The status now."""
        is_streaming = self._request is not None and self._request.streaming
        return status_of(self.id, self.conversation, is_streaming, self.outbox.last_seq)

    def drop_removed(self) -> None:
        """Drop the messages that only the full history has."""
        if not self.ended:
            self._handle(ev.HistoryTrimmed(limit_bytes=0))

    async def wait_ended(self) -> None:
        """Wait until the conversation has ended."""
        if not self.ended:
            self._end = self._end or asyncio.Event()
            await self._end.wait()

    @property
    def is_stopping(self) -> bool:
        """True after the end if cancelled requests have not closed their sockets yet."""
        return bool(self._tasks)

    async def wait_stopped(self) -> None:
        """After the end: wait until it is no longer stopping."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def shutdown(self) -> None:
        """When it has stopped: wait for unacknowledged events, and for the catalog; then release the clients."""
        await self.outbox.wait_drained()
        if self.records:
            await self.records.finish()
        await self.credentials.release()

    @property
    def is_idle(self) -> bool:
        """True if no turn and no compaction runs, and nothing is queued."""
        return isinstance(self.conversation.phase, Idle) and not self.conversation.queue

    def leave(self) -> None:
        """Stop without an end, now: another process goes on with it from its records, or nobody knows of it yet.

        As after an end, nothing more happens in it. ``shutdown`` follows when it has stopped.
        """
        self.ended = True
        self._cancel()
        if self._open_tools:
            self._open_tools.stop(leaves=True)
        if self.records:
            self.records.drop_actions()
        self._report_history(HistorySize())

    def _partial(self) -> Partial:
        return self._request.partial() if self._request else ev.NOTHING

    # Instructions

    def _handle(self, event: ev.Event) -> list[Instruction]:
        if not event.at and not isinstance(event, ev.Opened):  # that one has its time, and many sessions share it
            msgspec.structs.force_setattr(event, "at", time.time())
        instructions = metering.handle(self.conversation, event)
        if (size := self.conversation.history_size) != self._history_size:
            self._report_history(size)
        first = instructions[0] if self.records and instructions else None
        record = first if isinstance(first, ev.Record) else None
        seq = self.outbox.hold() if record else 0
        at = event.created_at if isinstance(event, ev.Opened) else event.at
        for instruction in instructions:
            self._execute(instruction, at)
        actions, self._actions = self._actions, ()
        if self.records and record:
            self.records.add(record, seq, at, [step.event for step in instructions if isinstance(step, Emit)], actions)
        else:
            for action in actions:
                action()
        if self._open_tools:
            self._follow_tools(self._open_tools)
        return instructions

    def _report_history(self, size: HistorySize) -> None:
        before, self._history_size = self._history_size, size
        if self.on_history:
            self.on_history(self, before, size)

    def _execute(self, instruction: Instruction, at: float) -> None:
        match instruction:
            case Emit(event=event):
                self.outbox.put_event(event, at=at)
                report_event(self.id, event)
                if isinstance(event, ToolBatch) and event.on_ray:
                    self._actions += (partial(self._start_tools, event),)
            case SendRequest():
                self._actions += (partial(self._start_request, instruction),)
            case StartCompaction():
                self._actions += (partial(self._start_compaction, instruction),)
            case StartBackoff(request=request, delay_s=delay_s):
                self._timer = asyncio.get_running_loop().call_later(delay_s, self._end_backoff, request)
            case ResumeTools(batch=batch):
                self._actions += (partial(self._start_tools, batch, resumed=True),)
            case StartToolTimer():
                self._tools().start_timer(instruction)
            case DecideApproval():
                self._tools().deciding = self._track(self._tools().decide(instruction))
            case Cancel():
                self._cancel()
            case ApplySettings(config=config):
                self.outbox.limit_bytes = config.limits.outbox_bytes
            case ev.Record() | Acknowledge():
                pass  # ``_handle`` stores the record; ``tell`` makes the receipt
            case EndSession():
                self.ended = True
                self._report_history(HistorySize())
                if self._end:
                    self._end.set()
                if self.on_end:
                    self.on_end(self)
            case _:
                assert_never(instruction)

    # Each of these may begin late, when its record is stored: the conversation may have gone on by then.

    def _start_request(self, send: SendRequest) -> None:
        phase = self.conversation.phase
        is_due = isinstance(phase, Requesting) and phase.request == send.number
        if is_due and not self.credentials.defer(send, partial(self._start_request, send), self.outbox):
            report_request(self.id, send)
            self._start(self._run_request(send))

    def _start_compaction(self, start: StartCompaction) -> None:
        phase = self.conversation.phase
        if isinstance(phase, Compacting) and phase.compaction == start.number:
            self._start(self._run_compaction(start))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._task = self._track(work)

    def _track(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks += (task,)
        task.add_done_callback(self._task_done)
        return task

    def _start_tools(self, batch: ToolBatch, resumed: bool = False) -> None:
        phase = self.conversation.phase
        open_ids = {use.id for use in self.conversation.open_tool_uses}
        if (on_tools := self.on_tools) is None or open_ids.isdisjoint(batch.on_ray):
            return
        assert isinstance(phase, ToolsOut | Requesting)
        tools = phase.turn.config(self.conversation.config).tools
        runs = on_tools(BatchOrder(self.outbox.held, batch, resumed), tools, self.credentials.variables())
        runs.keep(open_ids)
        if not self._tools().join(runs):
            self._track(runs.run())

    def _tools(self) -> OpenTools:
        self._open_tools = self._open_tools or OpenTools(self._handle)
        return self._open_tools

    def _follow_tools(self, tools: OpenTools) -> None:
        if open_uses := self.conversation.open_tool_uses:
            tools.keep({use.id for use in open_uses})
        else:
            tools.stop(leaves=self.outbox.is_fenced)
            self._open_tools = None

    async def _run_request(self, send: SendRequest) -> None:
        if send.attempt == 1 or not self._first_attempt_at:
            self._first_attempt_at = asyncio.get_running_loop().time()
        outcome = await self._outcome(send)
        if self._task is asyncio.current_task():
            self._task = self._request = None
            self._handle(outcome)

    async def _outcome(self, send: SendRequest) -> ev.Outcome:
        try:
            client = self.credentials.client(send.config.provider)
            source = self.credentials.source(send.config.provider)
            self._request = task = RequestTask(send, client, source, self._memo, self.outbox, self._handle)
            if gate := self.credentials.gate:
                answer = await gate.run(task, self.credentials.account(send.config.provider))
            else:
                answer = await task.run()
            return ev.Answered(request=send.number, answer=answer)
        except Exception as error:
            provider = self.credentials.with_secrets(send.config.provider)
            self._first_attempt_at += self._request.waited_s if self._request else 0.0
            elapsed_s = asyncio.get_running_loop().time() - self._first_attempt_at
            return failed_request(send, error, provider, elapsed_s, self._request)

    def _end_backoff(self, request: int) -> None:
        self._timer = None  # it refers to the session
        self._handle(ev.BackoffEnded(request=request))

    async def _run_compaction(self, start: StartCompaction) -> None:
        ended = await CompactionTask(start, self.credentials, self._memo, self.id).run()
        if self._task is asyncio.current_task():
            self._task = None
            self._handle(ended)

    def _cancel(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._request:
            self._request.stop()  # what arrives until its task runs again must not go to the outbox
        if self._task:
            self._task.cancel()
        self._request = self._task = self._timer = None

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks = tuple(running for running in self._tasks if running is not task)
        if not task.cancelled():
            if error := task.exception():
                log.critical("session %s: error in a task", self.id, exc_info=error, extra={"session": self.id})
        elif task is self._task:  # cancelled, but not by _cancel
            cancelled = ev.TaskCancelled(partial=self._partial())
            self._task = self._request = None
            self._handle(cancelled)
