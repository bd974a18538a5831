"""A session: the pure conversation, and everything that it wants done."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from typing import assert_never

import msgspec
from msgspec import UNSET

from ...providers.models import context_limit_tokens, with_model_facts
from ...providers.schema.draft import Partial
from ...providers.schema.messages import Message
from ...providers.schema.request import WireMemo
from ..api.config import SessionConfig, WhenBusy
from ..api.messages import (
    Clear,
    Close,
    Compact,
    Configure,
    Interrupt,
    Interrupted,
    Receipt,
    Retry,
    ToLLM,
    ToolResults,
    UserMessage,
)
from ..api.status import SessionStatus, State
from ..core import events as ev
from ..core.configure import changed
from ..core.conversation import Conversation
from ..core.instructions import Abandon, Backoff, Emit, End, Instruction, Record, Send, Shorten
from ..events.outbox import Outbox
from .compaction_task import Shortening
from .credentials import Wallet
from .request_task import Answering, failure_of

log = logging.getLogger(__name__)

_CANCELLED = ev.Failure(code="internal", message="the request was cancelled by something in the provider's client")


class Session:
    """One conversation at work, in one event loop. It decides nothing.

    It hears, asks the conversation, and carries out.

    Raises:
        ConfigError: the provider's client can't be opened, or has not what the settings ask for.
    """

    def __init__(self, session_id: str, config: SessionConfig, wallet: Wallet, outbox: Outbox) -> None:
        wallet.check(config)
        wallet.check_others(config)
        for provider in config.providers():
            wallet.keep(provider)
        self.id = session_id
        self.ended = asyncio.Event()
        self.on_end: Callable[[Session], None] | None = None
        self._wallet = wallet
        self._outbox = outbox
        self._conversation = Conversation(config.public())
        self._memo = WireMemo()
        self._created_at = time.time()
        self._first_attempt_at = 0.0
        self._task: asyncio.Task[None] | None = None  # sees the request through that is wanted
        self._answering: Answering | None = None  # what came of it so far
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()  # those abandoned, too, until they have let go of their sockets

    def tell(self, message: ToLLM, size_bytes: int) -> Receipt:
        """Take *message*, which came in *size_bytes*. It waits for nobody.

        Raises:
            SessionError: the message was not taken; the class says why.
            ConfigError: a ``Configure`` that does not fit.
            UnsupportedContent: the provider or its model takes no such block.
        """
        self._check_content(message)
        seq, running = self._outbox.seq, self._conversation.turn
        instructions = self._handle(self._event(message, size_bytes))
        if isinstance(message, Configure):
            self._keep_secrets(message)
        turn: int | None
        match message:
            case UserMessage() | Retry():
                turn = self._conversation.turns
            case ToolResults():
                turn = running.number if running else None
            case _:
                ended = (step.event for step in instructions if isinstance(step, Emit))
                turn = next((event.turn for event in ended if isinstance(event, Interrupted)), None)
        return Receipt(turn=turn, seq=seq)

    def status(self) -> SessionStatus:
        """The session as it is now."""
        talk = self._conversation
        provider = talk.config.provider
        return SessionStatus(
            id=self.id,
            state=talk.state,
            provider=provider.name,
            model=provider.model,
            created_at=self._created_at,
            turns=talk.turns,
            turn=talk.turn.number if talk.turn else None,
            messages=len(talk.history),
            waiting=len(talk.mailbox),
            open_tool_use_ids=tuple(use.id for use in talk.open_tool_uses),
            requests=talk.requests,
            usage=talk.usage,
            context_tokens=talk.context,
            context_limit_tokens=context_limit_tokens(provider.facts),
            last_seq=self._outbox.seq,
        )

    def history(self, full: bool = False) -> tuple[Message, ...]:
        """The messages as they are now; *full* are those that compactions took out, too, and no summaries."""
        past = self._conversation.past
        return tuple(past.full if full else past.messages)

    async def let_go(self) -> None:
        """After the end: wait for aborted requests and unacknowledged events, and give the clients back."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._outbox.wait_drained()
        await self._wallet.release()

    # Hearing

    def _check_content(self, message: ToLLM) -> None:
        if self._conversation.state is State.CLOSED:
            return
        if isinstance(message, UserMessage):
            self._wallet.client(self._conversation.config.provider).check_content(message.content)
        elif isinstance(message, ToolResults):
            self._wallet.client(self._conversation.config.provider).check_content(message.results)

    def _event(self, message: ToLLM, size_bytes: int) -> ev.Event:
        match message:
            case UserMessage(content=content, when_busy=when_busy):
                partial = self._partial((when_busy or self._conversation.config.when_busy) is WhenBusy.INTERRUPT)
                return ev.Asked(content=content, size_bytes=size_bytes, when_busy=when_busy, partial=partial)
            case ToolResults(results=results, last=last, compact_summaries=summaries):
                return ev.ToolsReturned(results=results, size_bytes=size_bytes, last=last, compact_summaries=summaries)
            case Interrupt(turn=turn):
                return ev.InterruptAsked(turn=turn, partial=self._partial(True))
            case Retry():
                return ev.RetryAsked()
            case Clear():
                return ev.ClearAsked()
            case Compact():
                return ev.CompactAsked()
            case Configure():
                return self._configuring(message)
            case Close(drain=drain):
                return ev.CloseAsked(drain=drain, partial=self._partial(not drain))
            case _:
                assert_never(message)

    def _partial(self, wanted: bool) -> Partial:
        return self._answering.partial() if wanted and self._answering else ev.NOTHING

    def _configuring(self, change: Configure) -> ev.ConfigureAsked:
        config = self._conversation.config
        if change.provider is UNSET:
            config = msgspec.structs.replace(config, provider=self._wallet.whole(config.provider))
        config = changed(config, change)
        if change.model is not UNSET:
            config = msgspec.structs.replace(config, provider=with_model_facts(config.provider))
        self._wallet.check(config)
        if change.compaction is not UNSET:
            self._wallet.check_others(config)
            change = msgspec.structs.replace(change, compaction=change.compaction and change.compaction.public())
        if change.provider is not UNSET:
            change = msgspec.structs.replace(change, provider=config.provider.public(), model=UNSET)
        return ev.ConfigureAsked(change=change, facts=config.provider.facts)

    def _keep_secrets(self, change: Configure) -> None:
        if change.provider is not UNSET:
            self._wallet.keep(change.provider)
        if change.compaction is not UNSET and change.compaction is not None:
            for provider in change.compaction.providers():
                self._wallet.keep(provider)

    # Carrying out

    def _handle(self, event: ev.Event) -> list[Instruction]:
        instructions = self._conversation.handle(event)
        for instruction in instructions:
            self._carry_out(instruction)
        return instructions

    def _carry_out(self, instruction: Instruction) -> None:
        match instruction:
            case Emit(event=event):
                self._outbox.put_event(event)
            case Send():
                self._begin(self._see_through(instruction))
            case Abandon():
                self._abandon()
            case Backoff(request=request, delay_s=delay_s):
                self._timer = asyncio.get_running_loop().call_later(
                    delay_s, self._handle, ev.BackoffEnded(request=request)
                )
            case Shorten():
                self._begin(self._shorten(instruction))
            case Record():
                pass  # for the journal, once there is one
            case End():
                self.ended.set()
                if self.on_end:
                    self.on_end(self)
            case _:
                assert_never(instruction)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(self._task)
        self._task.add_done_callback(self._finished)

    async def _see_through(self, send: Send) -> None:
        if send.attempt == 1:
            self._first_attempt_at = asyncio.get_running_loop().time()
        outcome = await self._outcome(send)
        if self._task is asyncio.current_task():
            self._task = self._answering = None
            self._handle(outcome)

    async def _shorten(self, wanted: Shorten) -> None:
        if wanted.config.compaction is None:
            ended = ev.CompactionEnded(compaction=wanted.number, problem="no compaction strategy is configured")
        else:
            ended = await Shortening(wanted, self._wallet).run(wanted.config.compaction)
        if self._task is asyncio.current_task():
            self._task = None
            self._handle(ended)

    async def _outcome(self, send: Send) -> ev.Event:
        try:
            client = self._wallet.client(send.config.provider)
            self._answering = Answering(send, client, self._memo, self._outbox, self._began)
            return ev.Answered(request=send.number, answer=await self._answering.run())
        except Exception as error:
            return self._failed(send.number, failure_of(error))

    def _failed(self, request: int, failure: ev.Failure) -> ev.RequestFailed:
        partial = self._answering.partial() if self._answering else ev.NOTHING
        return ev.RequestFailed(
            request=request,
            failure=failure,
            elapsed_s=asyncio.get_running_loop().time() - self._first_attempt_at,
            jitter=random.random(),
            partial=partial if partial.message_id is not None else ev.NOTHING,
        )

    def _began(self, request: int) -> None:
        self._handle(ev.AnswerBegan(request=request))

    def _abandon(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._task:
            self._task.cancel()
        self._answering = self._task = self._timer = None

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            if error := task.exception():
                log.critical("session %s could not go on", self.id, exc_info=error)
        elif task is self._task:  # not by us: then the turn must end all the same
            ended: ev.Event = self._failed(self._conversation.requests, _CANCELLED)
            if self._conversation.state is State.COMPACTING:
                ended = ev.CompactionEnded(compaction=self._conversation.compactor.number, problem=_CANCELLED.message)
            self._task = self._answering = None
            self._handle(ended)
