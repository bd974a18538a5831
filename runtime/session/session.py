"""A session: the pure conversation, and everything that it wants done."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import assert_never

import msgspec
from msgspec import UNSET

from ...providers.configs import ProviderConfig
from ...providers.draft import Partial
from ...providers.messages import Message
from ...providers.models import context_limit_tokens
from ...providers.request import WireMemo
from .. import events as ev
from ..config import SessionConfig, WhenBusy
from ..configure import changed
from ..conversation import Conversation
from ..instructions import Abandon, Backoff, Emit, End, Instruction, Record, Send, Shorten
from ..messages import (
    Clear,
    Close,
    Closed,
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
from ..plane.outbox import Outbox
from ..status import SessionStatus
from .answering import Answering, failure_of
from .clients import ClientPool

log = logging.getLogger(__name__)


class Session:
    """One conversation at work, in one event loop. It decides nothing.

    It hears, asks the conversation, and carries out.

    Raises:
        ConfigError: the provider's client can't be opened, or has not what the settings ask for.
    """

    def __init__(self, session_id: str, config: SessionConfig, clients: ClientPool, outbox: Outbox) -> None:
        self.id = session_id
        self.ended = asyncio.Event()
        self.on_end: Callable[[Session], None] | None = None
        self._clients = clients
        self._outbox = outbox
        self._providers: dict[bytes, ProviderConfig] = {}  # with secrets, by what the conversation knows but the model
        self._leases: list[ProviderConfig] = []
        self._conversation = Conversation(self._admit(config))
        self._memo = WireMemo()
        self._created_at = time.time()
        self._first_attempt_at = 0.0
        self._answering: Answering | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()  # those abandoned, too, until they have let go of their sockets

    def tell(self, message: ToLLM, size_bytes: int) -> Receipt:
        """Take *message*, which came in *size_bytes*. It waits for nobody.

        Raises:
            SessionError: the message was not taken; the class says why.
            ConfigError: a ``Configure`` that does not fit.
        """
        seq, running = self._outbox.seq, self._conversation.turn
        instructions = self._handle(self._event(message, size_bytes))
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
            context_limit_tokens=context_limit_tokens(provider),
            last_seq=self._outbox.seq,
        )

    def history(self) -> tuple[Message, ...]:
        """The messages as they are now."""
        return tuple(self._conversation.history)

    async def let_go(self) -> None:
        """After the end: wait for aborted requests and unacknowledged events, and give the clients back."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._outbox.drained()
        for provider in self._leases:
            await self._clients.release(provider)

    # Hearing

    def _event(self, message: ToLLM, size_bytes: int) -> ev.Event:
        match message:
            case UserMessage(content=content, when_busy=when_busy):
                partial = self._partial((when_busy or self._conversation.config.when_busy) is WhenBusy.INTERRUPT)
                return ev.Asked(content=content, size_bytes=size_bytes, when_busy=when_busy, partial=partial)
            case ToolResults(results=results, last=last):
                return ev.ToolsReturned(results=results, size_bytes=size_bytes, last=last)
            case Interrupt(turn=turn):
                return ev.InterruptAsked(turn=turn, partial=self._partial(True))
            case Retry():
                return ev.RetryAsked()
            case Clear():
                return ev.ClearAsked()
            case Compact():
                return ev.CompactAsked()
            case Configure():
                return ev.ConfigureAsked(change=self._admit_change(message))
            case Close(drain=drain):
                return ev.CloseAsked(drain=drain, partial=self._partial(not drain))
            case _:
                assert_never(message)

    def _partial(self, wanted: bool) -> Partial:
        return self._answering.partial() if wanted and self._answering else ev.NOTHING

    def _admit(self, config: SessionConfig) -> SessionConfig:
        """*config* as the conversation may know it: without secrets, which stay here."""
        self._clients.client(config.provider).check(config)
        self._lease(config.provider)
        public = config.provider.public()
        self._providers[_but_model(public)] = config.provider
        return msgspec.structs.replace(config, provider=public)

    def _admit_change(self, change: Configure) -> Configure:
        config = self._conversation.config
        whole = msgspec.structs.replace(config, provider=self._with_secrets(config.provider))
        public = self._admit(changed(whole, change))
        return (
            change
            if change.provider is UNSET
            else msgspec.structs.replace(change, provider=public.provider, model=UNSET)
        )

    def _with_secrets(self, provider: ProviderConfig) -> ProviderConfig:
        # A model that waited for its turn may meet another provider than the one it was admitted with.
        whole = msgspec.structs.replace(self._providers[_but_model(provider)], model=provider.model)
        self._lease(whole)
        return whole

    def _lease(self, provider: ProviderConfig) -> None:
        if provider not in self._leases:
            self._clients.lease(provider)
            self._leases.append(provider)

    # Carrying out

    def _handle(self, event: ev.Event) -> list[Instruction]:
        instructions = self._conversation.handle(event)
        for instruction in instructions:
            self._carry_out(instruction)
        return instructions

    def _carry_out(self, instruction: Instruction) -> None:
        loop = asyncio.get_running_loop()
        match instruction:
            case Emit(event=event):
                self._outbox.put(event, final=isinstance(event, Closed))
            case Send():
                self._send(instruction)
            case Abandon():
                self._abandon()
            case Backoff(request=request, delay_s=delay_s):
                self._timer = loop.call_later(delay_s, self._handle, ev.BackoffEnded(request=request))
            case Shorten():
                ended = ev.CompactionEnded(
                    compaction=instruction.number, problem="no compaction strategy is configured"
                )
                self._timer = loop.call_later(0, self._handle, ended)
            case Record():
                pass  # for the journal, once there is one
            case End():
                self.ended.set()
                if self.on_end:
                    self.on_end(self)
            case _:
                assert_never(instruction)

    def _send(self, send: Send) -> None:
        client = self._clients.client(self._with_secrets(send.config.provider))
        self._answering = Answering(send, client, self._memo, self._outbox, self._began)
        if send.attempt == 1:
            self._first_attempt_at = asyncio.get_running_loop().time()
        self._task = asyncio.get_running_loop().create_task(self._see_through(self._answering))
        self._tasks.add(self._task)
        self._task.add_done_callback(self._finished)

    async def _see_through(self, answering: Answering) -> None:
        number = answering.send.number
        try:
            outcome: ev.Event = ev.Answered(request=number, answer=await answering.run())
        except Exception as error:
            outcome = ev.RequestFailed(
                request=number,
                failure=failure_of(error),
                elapsed_s=asyncio.get_running_loop().time() - self._first_attempt_at,
                jitter=random.random(),
                partial=answering.partial() if answering.began else ev.NOTHING,
            )
        if self._answering is answering:
            self._answering = None
            self._handle(outcome)

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
        if not task.cancelled() and (error := task.exception()):
            log.critical("session %s could not go on", self.id, exc_info=error)


def _but_model(provider: ProviderConfig) -> bytes:
    return msgspec.msgpack.encode(msgspec.structs.replace(provider, model="any"))
