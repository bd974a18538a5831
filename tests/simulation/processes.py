"""The processes that have sessions: hosts as they are, joined to routers and a journal, until they are killed."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar, cast

import msgspec
from fixtures.event_network import InProcessTransport, Network
from fixtures.events.link import Link
from msgspec.msgpack import decode, encode
from simulation.disk import JournalChannel, JournalMachine

from rayconteur.providers.registry import open_client
from rayconteur.runtime import Receipt
from rayconteur.runtime.api.messages import MessageKey, ToLLM
from rayconteur.runtime.events.segments import HeldSession
from rayconteur.runtime.journal.remote.remote_journal import RemoteJournal
from rayconteur.runtime.session.durable.journaling import Journaling
from rayconteur.runtime.session.host import Host
from rayconteur.runtime.session.requests.client_pool import ClientPool
from rayconteur.runtime.streams.channel import Channel

T = TypeVar("T")

Key = tuple[str, int]

JOURNAL_S = 30.0


class ProcessDied(Exception):
    """The process that was called is dead."""


class HostProcess:
    """A host. Once it is killed, nothing leaves it any more, and nobody gets an answer."""

    def __init__(self, name: str, network: Network, machine: JournalMachine, random: Random) -> None:
        self.name = name
        self.died: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.left: set[Key] = set()
        """The sessions that have ended here, or left memory."""
        self._network = network
        transports = [_HostTransport(self, network, shard) for shard in range(len(network.routers))]
        channel = cast(Channel, JournalChannel(machine, self.reach, random))
        self.host = Host(
            [transport.publish for transport in transports],
            self._on_end,
            ClientPool(open_client),
            journaling=Journaling(RemoteJournal(channel, machine.disk.capabilities, JOURNAL_S)),
        )
        for publisher, transport in zip(self.host.publishers, transports, strict=True):
            transport.receive_pushes(lambda push: None, publisher.on_connection_lost)
            publisher.find_gaps = transport.find_gaps
            publisher.call_take_over = transport.take_over
            publisher.call_held_segments = transport.held_segments
            publisher.call_forget, publisher.call_reported = transport.forget, transport.reported
        self._running = network.start_task(self.host.run())

    def __repr__(self) -> str:
        return self.name

    @property
    def is_alive(self) -> bool:
        """False once it was killed."""
        return not self.died.done()

    def kill(self) -> None:
        """As SIGKILL does."""
        if self.is_alive:
            self.died.set_result(None)
            self._running.cancel()
            for link in self._network.links_of(self.name):
                link.lose()

    async def reach(self) -> None:
        """Return if it lives: what a dead process waits for never happens."""
        if not self.is_alive:
            await asyncio.get_running_loop().create_future()

    async def call(self, work: Awaitable[T]) -> T:
        """The result of *work* in it.

        Raises:
            ProcessDied: it was killed before there was one. There may be an effect.
        """
        working = asyncio.ensure_future(work)
        working.add_done_callback(_ignore_problem)
        await asyncio.wait((working, self.died), return_when=asyncio.FIRST_COMPLETED)
        if not self.is_alive:
            raise ProcessDied(self.name)
        return working.result()

    async def tell(self, key: Key, message: ToLLM, message_key: MessageKey) -> Receipt:
        """The receipt of *message*, once it is stored."""
        receipt = self.host.tell(key, encode(message), message_key)
        if stored := self.host.stored(key):
            await stored
        return receipt

    async def _on_end(self, sessions: dict[str, int]) -> None:
        self.left |= sessions.items()


def _ignore_problem(done: asyncio.Future[T]) -> None:
    """Nobody may wait for it any more."""
    if not done.cancelled():
        done.exception()


class _HostTransport(InProcessTransport):
    """The connection of a host to a router."""

    def __init__(self, process: HostProcess, network: Network, shard: int) -> None:
        super().__init__(network, shard, process.name)
        self._process = process

    async def take_over(self, session: bytes) -> int:
        held = decode(session, type=HeldSession)
        return await self._call("take_over", lambda link: link.router.take_over(held, link.id))

    async def held_segments(self, session: bytes) -> bytes:
        held = decode(session, type=HeldSession)
        return await self._call("held_segments", lambda link: link.router.held_segments(held))

    async def forget(self, sessions: bytes) -> None:
        held = msgspec.msgpack.decode(sessions, type=list[HeldSession])
        await self._call("forget", lambda link: link.router.forget(held))

    async def _call(self, name: str, serve: Callable[[Link], T]) -> T:
        await self._process.reach()
        try:
            return await super()._call(name, serve)
        finally:
            await self._process.reach()
