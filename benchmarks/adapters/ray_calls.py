"""A Ray call for each event: what one first writes on Ray."""

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import ray
from ray.actor import ActorProxy

import rayconteur as rc
from rayconteur.providers import Delta, Request, Role, Settings, TextDelta, open_client

from ..load.answers import ANTHROPIC
from ..system import shared_ray
from ..system.ray_cluster import init_ray, kill_actor
from .adapter import AdapterConfig, OnText

_CALLS_IN_FLIGHT = 16
"""Unanswered calls at once, of all sessions together: more is not faster."""

_Event = tuple[int, str | None, str]
"""The number of a turn and a piece of its text; at its end ``None`` and the error, if there was one."""


class _Inbox:
    """Receives the events, for the driver to poll."""

    def __init__(self) -> None:
        self._events: list[_Event] = []
        self._has_events = asyncio.Event()

    @ray.method
    async def add_event(self, event: _Event) -> None:
        """Receive one event."""
        self._events.append(event)
        self._has_events.set()

    @ray.method
    async def take_events(self) -> list[_Event]:
        """Hand over all events, once there is at least one."""
        await self._has_events.wait()
        self._has_events.clear()
        events, self._events = self._events, []
        return events


_InboxActor = ray.remote(_Inbox)
_InboxHandle = ActorProxy[_Inbox]


class _Host:
    """Holds the sessions. It reads answers with the runtime's own client, at the same cost."""

    def __init__(self, inbox: _InboxHandle, config: AdapterConfig) -> None:
        self._inbox = inbox
        self._client = open_client(rc.Anthropic(model=ANTHROPIC.model, api_key="none-needed", base_url=config.url))
        self._settings = Settings(max_output_tokens=config.tokens)
        self._slots = asyncio.Semaphore(_CALLS_IN_FLIGHT)
        self._histories: dict[int, tuple[rc.Message, ...]] = {}
        self._turns: dict[int, asyncio.Task[None]] = {}

    @ray.method
    async def ask(self, session: int, turn: int) -> None:
        """Start to answer, and return at once."""
        self._turns[session] = asyncio.get_running_loop().create_task(self._answer(session, turn))

    @ray.method
    async def reset(self, session: int) -> None:
        """Abort the answer of *session*, and start a new conversation."""
        await self._reset(session)

    @ray.method
    async def reset_all(self) -> None:
        """Reset all sessions."""
        await asyncio.gather(*(self._reset(session) for session in [*self._turns]))

    async def _reset(self, session: int) -> None:
        if turn := self._turns.pop(session, None):
            turn.cancel()
            with suppress(asyncio.CancelledError):
                await turn
        self._histories.pop(session, None)

    async def _answer(self, session: int, turn: int) -> None:
        problem = ""
        try:
            await self._stream(session, turn)
        except Exception as error:
            problem = repr(error)
        await self._send_event((turn, None, problem))

    async def _stream(self, session: int, turn: int) -> None:
        messages = (*self._histories.get(session, ()), _message(Role.USER, "Hi", turn))
        request = Request(number=turn, messages=messages, settings=self._settings)
        pieces: list[str] = []

        async def send(batch: Sequence[Delta]) -> None:
            for delta in batch:
                if type(delta) is TextDelta:
                    pieces.append(delta.text)
                    await self._send_event((turn, delta.text, ""))

        await self._client.stream(request, send)
        self._histories[session] = (*messages, _message(Role.ASSISTANT, "".join(pieces), turn))

    async def _send_event(self, event: _Event) -> None:
        """Send one event of a session at a time: two calls to an async actor may be reordered."""
        async with self._slots:
            await self._inbox.add_event.remote(event)


_HostActor = ray.remote(_Host)
_HostHandle = ActorProxy[_Host]


def _message(role: Role, text: str, turn: int) -> rc.Message:
    return rc.Message(role=role, content=(rc.Text(text),), turn=turn)


class _Turn(NamedTuple):
    on_text: OnText
    ended: asyncio.Future[None]

    def handle_event(self, text: str | None, problem: str) -> None:
        if text is not None:
            self.on_text(text)
        elif problem:
            self.ended.set_exception(RuntimeError(problem))
        else:
            self.ended.set_result(None)


class RayCallsAdapter:
    """One actor with the sessions, one that receives their events, and a loop here that polls it."""

    def __init__(self, config: AdapterConfig) -> None:
        self._config = config
        self._joined = False
        self._actors: tuple[_HostHandle, _InboxHandle] | None = None
        self._polling: asyncio.Task[None] | None = None
        self._turns: dict[int, _Turn] = {}
        self._turn_numbers = itertools.count(1)

    async def open(self, sessions: int) -> None:
        """Join Ray and start the two actors, the first time; sessions are created when they are asked."""
        if self._actors is not None:
            await self._actors[0].reset_all.remote()
            return
        self._joined = not ray.is_initialized()
        if self._joined:
            init_ray(self._config.address or shared_ray.join())
        inbox = _InboxActor.remote()
        self._actors = _HostActor.remote(inbox, self._config), inbox
        self._polling = asyncio.get_running_loop().create_task(self._poll(inbox))

    async def ask(self, session: int, on_text: OnText) -> None:
        """Call for an answer, and wait for the event of its end."""
        assert self._actors
        assert self._polling
        turn = next(self._turn_numbers)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns[turn] = _Turn(on_text, ended)
        try:
            await self._actors[0].ask.remote(session, turn)
            await asyncio.wait((ended, self._polling), return_when=asyncio.FIRST_COMPLETED)
            await (ended if ended.done() else self._polling)
        finally:
            del self._turns[turn]

    async def reset(self, session: int) -> None:
        """Call for it."""
        assert self._actors
        await self._actors[0].reset.remote(session)

    async def close(self) -> None:
        """End the actors, and leave Ray if it was joined here."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait((self._polling,))
            self._polling = None
        if self._actors is not None:
            host, inbox = self._actors
            kill_actor(host)
            kill_actor(inbox)
            self._actors = None
        if self._joined:
            self._joined = False
            ray.shutdown()

    async def _poll(self, inbox: _InboxHandle) -> None:
        while True:
            for number, text, problem in await inbox.take_events.remote():
                # The turn is gone if its caller was cancelled.
                if turn := self._turns.get(number):
                    turn.handle_event(text, problem)
