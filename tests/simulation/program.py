"""A program with one session: what it sends, what it reads, and the books of both."""

import asyncio
from collections import Counter
from contextlib import suppress
from functools import partial

from fixtures.event_network import LIMIT_BYTES
from fixtures.session import scripted_config
from session.durable.session_program import ANSWERS, ENDS, TOOL, WHILE_STREAMING, stored_events
from simulation.processes import Key, ProcessDied
from simulation.world import World

import rayconteur as rc
from rayconteur.errors import RayconteurError, SessionError, UnknownSession
from rayconteur.runtime import ProcessLost, Receipt, State
from rayconteur.runtime.api.messages import MessageKey
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.router_connections import RouterConnections
from rayconteur.runtime.journal.codec import decoded_record
from rayconteur.runtime.journal.entry import SessionKey
from rayconteur.runtime.journal.errors import JournalUnavailable
from rayconteur.runtime.session.durable.reading import recorded_events

LONGEST_S = 3_600.0
"""Of virtual time: all that fails passes within minutes."""


class GivenUp(Exception):
    """The program did not wait for a receipt: whether the message was taken is not known."""


class Program:
    """Sends messages to one session, answers its tool uses, and reads its events from the first one on.

    The session *may_leave* memory by itself, when it is idle.
    """

    def __init__(self, world: World, key: Key, may_leave: bool) -> None:
        self.world = world
        self.key = key
        self.may_leave = may_leave
        self.acknowledged: dict[int, str] = {}
        self.sent: list[str] = []
        self.answered: Counter[str] = Counter()
        self.numbers: dict[int, rc.FromLLM] = {}
        """The event of each number that a reader was given."""
        self.missed: list[rc.Missed] = []
        self._random = world.random
        self._messages = 0

    async def act(self) -> None:
        """Do one thing, and wait for its receipt, or not."""
        action = self._random.random()
        with suppress(GivenUp, SessionError):
            if action < 0.6:
                self.sent.append(text := f"message {len(self.sent)}")
                turn = (await self._send(rc.UserMessage.of(text))).turn
                assert turn is not None
                assert self.acknowledged.setdefault(turn, text) == text
            elif action < 0.7:
                await self._send(rc.Interrupt())
            else:
                await self.answer_tools()
        await asyncio.sleep(self._random.choice((0.0, 0.01, 0.2)))

    async def answer_tools(self) -> None:
        """Answer the tool uses that are open, if there are any."""
        process = await self.world.process_of(self.key)
        try:
            open_ids = process.host.status(self.key).open_tool_use_ids
        except UnknownSession:
            return
        if not open_ids:
            return
        answered_twice = [each for each in open_ids if self.answered[each]]
        assert not answered_twice, f"results that were acknowledged are lost: {answered_twice}"
        results = [rc.ToolResult(tool_use_id=each, content=(rc.Text("found it"),)) for each in open_ids]
        with suppress(RayconteurError):
            await self._send(rc.ToolResults(results=tuple(results)))
            self.answered.update(open_ids)

    async def finish(self) -> None:
        """Answer what is open until nothing runs."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LONGEST_S
        while loop.time() < deadline:
            process = await self.world.process_of(self.key)
            with suppress(UnknownSession):
                status = process.host.status(self.key)
                if status.state is State.IDLE and not status.waiting:
                    return
                await self.answer_tools()
            await asyncio.sleep(0.1)
        raise AssertionError(f"session {self.key} still runs")

    def reader(self, connections: RouterConnections, after: int = 0) -> Reader:
        """A reader of its events after number *after*."""
        session_id, epoch = self.key
        reader = Reader(connections.source_of(session_id), session_id, (epoch, after), LIMIT_BYTES)
        reader.find_missed = partial(recorded_events, self.world.journal())
        return reader

    async def read(self, reader: Reader, after: int = 0) -> None:
        """Read until the reader ends: its numbers have no gap, and the same event has the same number for all."""
        next_seq = after + 1
        async for event in reader:
            if isinstance(event, rc.Missed):
                assert event.first == next_seq, f"{event}, not from {next_seq} on"
                self.missed.append(event)
            elif isinstance(event, ProcessLost):
                assert event.seq == next_seq - 1, f"{event}, not {next_seq - 1}"
            else:
                assert event.seq == next_seq, f"{event}, not {next_seq}"
                known = self.numbers.setdefault(event.seq, event)
                assert known == event, f"{event.seq} was {known}, and is {event}"
            next_seq = event.seq + 1

    async def check(self) -> None:
        """Check that the books balance: what was acknowledged, what is stored, and what was read."""
        disk = self.world.machine.disk
        entries = await disk.read(SessionKey(*self.key), limit=100_000)
        recorded = {event.seq: event for entry in entries for event in stored_events(entry)}
        events = [recorded[seq] for seq in sorted(recorded)]
        ends = Counter(event.turn for event in events if isinstance(event, ENDS))
        started = Counter(event.turn for event in events if isinstance(event, rc.TurnStarted))
        assert set(ends.values()) <= {1}, f"more than one end: {ends}"
        assert set(started.values()) <= {1}, f"started twice: {started}"
        assert self.acknowledged.keys() <= ends.keys(), "an acknowledged message was not handled"
        assert len(ends) <= len(self.sent), "a message was handled twice"
        self._check_read(recorded)
        conversation = Conversation.replay(map(decoded_record, entries))
        process = await self.world.process_of(self.key)
        assert tuple(conversation.view(full=True)) == tuple(process.host.history(self.key, full=True))

    def _check_read(self, recorded: dict[int, rc.FromLLM]) -> None:
        read = {seq: event for seq, event in self.numbers.items() if not isinstance(event, WHILE_STREAMING)}
        for seq, event in read.items():
            assert recorded.get(seq) == event, f"{event} was read, but {recorded.get(seq)} is stored"
        for missed in self.missed:
            lost = [seq for seq in recorded if missed.first <= seq <= missed.last]
            assert not lost, f"stored events were missed: {lost}"
        unread = recorded.keys() - read.keys()
        assert not unread, f"stored events were not read: {sorted(unread)}"

    async def _send(self, message: rc.ToLLM) -> Receipt:
        """The receipt of *message*, which is sent again until there is one, with the same key."""
        self._messages += 1
        message_key = MessageKey(f"{self.key[0]}-{self._messages}", b"")
        deadline = asyncio.get_running_loop().time() + LONGEST_S
        while asyncio.get_running_loop().time() < deadline:
            process = await self.world.process_of(self.key)
            try:
                return await process.call(process.tell(self.key, message, message_key))
            except (ProcessDied, UnknownSession):
                is_there = self.world.places[self.key] is process and process.is_alive
                assert self.may_leave or not is_there, f"{process} has given up a session that is its own"
                await asyncio.sleep(0.01)
            except JournalUnavailable:
                if self._random.random() < 0.5:
                    raise GivenUp from None
        raise AssertionError(f"no process takes a message for session {self.key}")


def config(world: World, passivate_after_s: float | None) -> rc.SessionConfig:
    """The settings of a session."""
    answers = [world.random.choice(ANSWERS) for _ in range(60)]
    return scripted_config(*answers, tools=(TOOL,), max_steps=4, passivate_after_s=passivate_after_s)
