"""A namespace in one event loop: routers, the machine of its journal, and the processes that have its sessions."""

import asyncio
from random import Random

from fixtures.event_network import Network
from fixtures.events.link import Fault as CallFault
from simulation.disk import JournalChannel, JournalMachine
from simulation.processes import JOURNAL_S, HostProcess, Key, ProcessDied
from simulation.schedules import Fault, FaultKind

import rayconteur as rc
from rayconteur.errors import RayconteurError
from rayconteur.runtime.api.errors import DeathReason
from rayconteur.runtime.events.segments import EndedSessions, SessionEnd, shard_of
from rayconteur.runtime.journal.remote.remote_journal import RemoteJournal
from rayconteur.runtime.session.requests.credentials import Supplied
from rayconteur.runtime.streams.channel import Channel

CALLS = ("publish", "find_gaps", "take_over", "held_segments", "forget", "update_subscriptions", "push")
NOTICED_S = (0.0, 0.0, 0.01, 0.5)
"""How long it takes until the death of a process is noticed."""


class World:
    """The sessions, each in its place: the process that has it, or ``None`` if it is in none.

    Whoever needs a session that is in none brings it up, as drivers do.
    """

    def __init__(self, random: Random, routers: int) -> None:
        self.random = random
        self.network = Network(routers=routers)
        self.machine = JournalMachine(random)
        self.processes: list[HostProcess] = []
        self.places: dict[Key, HostProcess | None] = {}
        self._bringing_up: dict[Key, asyncio.Task[HostProcess]] = {}

    def new_process(self) -> HostProcess:
        """A process without sessions."""
        name = f"host-{len(self.processes)}"
        self.processes.append(HostProcess(name, self.network, self.machine, self.random))
        return self.processes[-1]

    async def open(self, session_id: str, config: rc.SessionConfig) -> Key:
        """Open a session, on the last process or a new one."""
        is_first = not self.processes or self.random.random() < 0.5
        process = self.new_process() if is_first else self.processes[-1]
        key = session_id, self.network.claim(session_id)
        await process.host.open([session_id], key[1], config)
        self.places[key] = process
        return key

    def journal(self) -> RemoteJournal:
        """The journal, as a driver uses it."""
        channel = JournalChannel(self.machine, _alive, self.random)
        return RemoteJournal(_as_channel(channel), self.machine.disk.capabilities, JOURNAL_S)

    def place(self, key: Key) -> HostProcess | None:
        """The process that has the session."""
        process = self.places[key]
        if process and key in process.left:
            self.places[key] = process = None
        return process

    async def process_of(self, key: Key) -> HostProcess:
        """The process that has the session, which is brought up if none has it."""
        if process := self.place(key):
            return process
        if key not in self._bringing_up:
            self._bringing_up[key] = asyncio.ensure_future(self._bring_up(key))
            self._bringing_up[key].add_done_callback(lambda _: self._bringing_up.pop(key))
        return await asyncio.shield(self._bringing_up[key])

    def fail(self, fault: Fault) -> None:
        """Have something fail."""
        choice, machine, network = fault.choice, self.machine, self.network
        match fault.kind:
            case FaultKind.HOST:
                alive = [each for each in self.processes if each.is_alive]
                if alive:
                    self._kill(alive[choice % len(alive)])
            case FaultKind.TAKEOVER:
                key = sorted(self.places)[choice % len(self.places)]
                self.places[key] = None
                network.start_task(self._ignore_problems(key))
            case FaultKind.JOURNAL:
                machine.crash()
            case FaultKind.REPLY:
                machine.lost_replies += 1 + choice % 3
            case FaultKind.DISK:
                machine.process.failing_syncs += 1 + choice % 6
            case FaultKind.ROUTER:
                network.restart_router(choice % len(network.routers))
            case FaultKind.CONNECTION:
                if network.links:
                    network.links[choice % len(network.links)].lose()
            case FaultKind.CALL:
                network.faults[CALLS[choice % len(CALLS)]] = tuple(CallFault)[choice // len(CALLS) % 2]

    def heal(self) -> None:
        """Have nothing fail any more."""
        self.network.faults.clear()
        self.machine.lost_replies = self.machine.process.failing_syncs = 0

    async def close(self) -> None:
        """End everything."""
        for process in self.processes:
            process.kill()
        await self.network.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _kill(self, process: HostProcess) -> None:
        process.kill()
        lost = [key for key, place in self.places.items() if place is process]
        for key in lost:
            self.places[key] = None
        self.network.start_task(self._report(process, lost))

    async def _report(self, process: HostProcess, lost: list[Key]) -> None:
        """Have the routers told of the death, as the directory does."""
        await asyncio.sleep(self.random.choice(NOTICED_S))
        for session_id, epoch in lost:
            router = self.network.routers[shard_of(session_id, len(self.network.routers))]
            sessions = {session_id: epoch}
            router.end_sessions(EndedSessions(sessions, SessionEnd.LOST, DeathReason.CRASHED, process.name))

    async def _bring_up(self, key: Key) -> HostProcess:
        """Have the session go on in a new process, however often that one dies, too."""
        await asyncio.sleep(self.random.choice(NOTICED_S))
        while True:
            process = self.new_process()
            try:
                providers = await process.call(process.host.rebuild(key))
                await process.call(process.host.resume(key, Supplied(providers)))
            except (RayconteurError, ProcessDied):
                process.kill()
                await asyncio.sleep(0.1)
            else:
                self.places[key] = process
                return process

    async def _ignore_problems(self, key: Key) -> None:
        await self.process_of(key)


async def _alive() -> None:
    """A driver is always alive."""


def _as_channel(channel: object) -> Channel:
    assert isinstance(channel, JournalChannel)
    return channel  # type: ignore[return-value]  # pyright: ignore[reportReturnType]
