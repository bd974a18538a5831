"""A Ray call for each event: what one first writes on Ray."""

import asyncio
import itertools
import logging
import os
from contextlib import aclosing, suppress
from typing import NamedTuple

import ray
from ray.actor import ActorProxy

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.deltas import TextDelta
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings

from ..load.answers import ANTHROPIC
from ..system import shared_ray as own_ray
from ..system.ray_cluster import end
from .adapter import Hear, Site

_IN_FLIGHT = 16
"""Calls that are unanswered at once, by all sessions together: more does not go faster."""

_Event = tuple[int, str | None, str]
"""The number of a turn, and more of its text; or ``None`` at its end, and what went wrong, if anything."""


class _Inbox:
    """Where the events go."""

    def __init__(self) -> None:
        self._events: list[_Event] = []
        self._some = asyncio.Event()

    @ray.method
    async def put(self, event: _Event) -> None:
        """Take one event."""
        self._events.append(event)
        self._some.set()

    @ray.method
    async def take(self) -> list[_Event]:
        """Hand out all that came, and wait while there is nothing."""
        await self._some.wait()
        self._some.clear()
        events, self._events = self._events, []
        return events


_InboxActor = ray.remote(_Inbox)
_InboxHandle = ActorProxy[_Inbox]


class _Host:
    """Where the sessions live: with the runtime's own client, so that reading answers costs what it costs there."""

    def __init__(self, inbox: _InboxHandle, site: Site) -> None:
        self._inbox = inbox
        self._client = open_client(Anthropic(model=ANTHROPIC.model, api_key="none-needed", base_url=site.url))
        self._settings = Settings(max_output_tokens=site.tokens)
        self._slots = asyncio.Semaphore(_IN_FLIGHT)
        self._histories: dict[int, tuple[Message, ...]] = {}
        self._turns: dict[int, asyncio.Task[None]] = {}

    @ray.method
    async def ask(self, session: int, turn: int) -> None:
        """Begin to answer; come back at once."""
        self._turns[session] = asyncio.get_running_loop().create_task(self._answer(session, turn))

    @ray.method
    async def forget(self, session: int) -> None:
        """Break off what *session* says, and begin anew."""
        await self._forget(session)

    @ray.method
    async def forget_all(self) -> None:
        """Break everything off, and begin anew."""
        await asyncio.gather(*(self._forget(session) for session in [*self._turns]))

    async def _forget(self, session: int) -> None:
        if turn := self._turns.pop(session, None):
            turn.cancel()
            with suppress(asyncio.CancelledError):
                await turn
        self._histories.pop(session, None)

    async def _answer(self, session: int, turn: int) -> None:
        wrong = ""
        try:
            await self._stream(session, turn)
        except Exception as error:
            wrong = repr(error)
        await self._put((turn, None, wrong))

    async def _stream(self, session: int, turn: int) -> None:
        asked = (*self._histories.get(session, ()), _said(Role.USER, "Hi", turn))
        request = Request(number=turn, messages=asked, settings=self._settings)
        pieces: list[str] = []
        async with aclosing(self._client.stream(request)) as answer:
            async for batch in answer:
                for delta in batch:
                    if type(delta) is TextDelta:
                        pieces.append(delta.text)
                        await self._put((turn, delta.text, ""))
        self._histories[session] = (*asked, _said(Role.ASSISTANT, "".join(pieces), turn))

    async def _put(self, event: _Event) -> None:
        """One after the other in a session: two calls to an async actor may change places."""
        async with self._slots:
            await self._inbox.put.remote(event)


_HostActor = ray.remote(_Host)
_HostHandle = ActorProxy[_Host]


def _said(role: Role, text: str, turn: int) -> Message:
    return Message(role=role, content=(Text(text),), turn=turn)


class _Asked(NamedTuple):
    hear: Hear
    ended: asyncio.Future[None]

    def take(self, text: str | None, wrong: str) -> None:
        if text is not None:
            self.hear(text)
        elif wrong:
            self.ended.set_exception(RuntimeError(wrong))
        else:
            self.ended.set_result(None)


class RayCalls:
    """One actor with the sessions, one that takes their events in, and a loop here that asks it for what came."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._joined = False
        self._actors: tuple[_HostHandle, _InboxHandle] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._asked: dict[int, _Asked] = {}
        self._turns = itertools.count(1)

    async def open(self, sessions: int) -> None:
        """Join Ray where that has not been done, and have the two actors; sessions begin when they are asked."""
        if self._actors is not None:
            await self._actors[0].forget_all.remote()
            return
        self._joined = not ray.is_initialized()
        if self._joined:
            _join(self._site.address or own_ray.join())
        inbox = _InboxActor.remote()
        self._actors = _HostActor.remote(inbox, self._site), inbox
        self._listening = asyncio.get_running_loop().create_task(self._listen(inbox))

    async def ask(self, session: int, hear: Hear) -> None:
        """Call for an answer, and wait until its end came in."""
        assert self._actors
        assert self._listening
        turn = next(self._turns)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked[turn] = _Asked(hear, ended)
        try:
            await self._actors[0].ask.remote(session, turn)
            await asyncio.wait((ended, self._listening), return_when=asyncio.FIRST_COMPLETED)
            await (ended if ended.done() else self._listening)
        finally:
            del self._asked[turn]

    async def forget(self, session: int) -> None:
        """Call for it."""
        assert self._actors
        await self._actors[0].forget.remote(session)

    async def close(self) -> None:
        """End the actors, and leave Ray if it was joined here."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait((self._listening,))
            self._listening = None
        if self._actors is not None:
            host, inbox = self._actors
            end(host)
            end(inbox)
            self._actors = None
        if self._joined:
            self._joined = False
            ray.shutdown()

    async def _listen(self, inbox: _InboxHandle) -> None:
        while True:
            for turn, text, wrong in await inbox.take.remote():
                # Who stopped waiting is gone.
                if asked := self._asked.get(turn):
                    asked.take(text, wrong)


def _join(address: str | None) -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address is not None:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    else:
        ray.init(num_cpus=own_ray.CPUS, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
