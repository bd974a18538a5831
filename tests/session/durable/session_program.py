"""A program that sends messages to a session of ``killable_host``, and the books that have to balance in the end."""

import asyncio
from collections import Counter
from random import Random

from fixtures.killable_host import KEY, Namespace

import rayconteur as rc
from rayconteur.runtime import Receipt, State
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.events.segments import decode_events
from rayconteur.runtime.journal.codec import decoded_record
from rayconteur.runtime.journal.entry import Entry, SessionKey
from rayconteur.runtime.session.durable.rebuilding import segment_of
from rayconteur.scripted import Call, Fail, Say, Wait

WHILE_STREAMING = rc.StreamStarted | rc.TextChunk | rc.ToolInputChunk
ENDS = rc.Completed | rc.Failed | rc.Interrupted
TOOL = rc.Tool(name="look", description="Look something up.", input_schema={"type": "object"})
ANSWERS = (
    (Say(text="Once upon a midnight dreary"),),
    (Wait(seconds=0.3), Say(text="while I pondered"), Wait(seconds=0.2), Say(text="weak and weary")),
    (Say(text="I will look"), Call(name="look", input={"for": "lore"}), Call(name="look", input={"for": "Lenore"})),
    (Say(text="over many"), Fail(code="overloaded")),
    (Say(text="a quaint and curious volume"), Fail(code="invalid_request")),
)


class Program:
    """Sends messages, answers tool uses, and keeps the books of what was acknowledged."""

    def __init__(self, namespace: Namespace, random: Random) -> None:
        self.namespace = namespace
        self.acknowledged: dict[int, str] = {}
        self.sent: list[str] = []
        self.answered: Counter[str] = Counter()
        self._random = random

    async def send(self, message: rc.ToLLM) -> Receipt:
        """The receipt of *message*."""
        return await self.namespace.host.send(message)

    async def ask(self, text: str) -> int:
        """The turn of a user message."""
        turn = (await self.send(rc.UserMessage.of(text))).turn
        assert turn is not None
        return turn

    async def act(self) -> None:
        """Do one thing, and wait for its receipt; it may never come."""
        action = self._random.random()
        if action < 0.5:
            self.sent.append(text := f"message {len(self.sent)}")
            turn = await self.ask(text)
            assert self.acknowledged.setdefault(turn, text) == text
        elif action < 0.6:
            await self.send(rc.Interrupt())
        else:
            await self.answer_tools()

    async def answer_tools(self) -> None:
        """Answer the open tool uses, if there are any."""
        open_ids = self.namespace.host.host.status(KEY).open_tool_use_ids
        if open_ids:
            results = [rc.ToolResult(tool_use_id=each, content=(rc.Text("found it"),)) for each in open_ids]
            await self.send(rc.ToolResults(results=tuple(results)))
            self.answered.update(open_ids)

    async def finish(self) -> None:
        """Answer what is open until nothing runs."""
        for _ in range(10_000):
            status = self.namespace.host.host.status(KEY)
            if status.state is State.IDLE and not status.waiting:
                return
            await self.answer_tools()
            await asyncio.sleep(0.05)
        raise AssertionError("it still runs")


async def check(namespace: Namespace, program: Program) -> None:
    """Check that the books balance: what was acknowledged, what readers got, and what is stored."""
    events = [namespace.taken[seq] for seq in sorted(namespace.taken)]
    ends = Counter(event.turn for event in events if isinstance(event, ENDS))
    started = [event.turn for event in events if isinstance(event, rc.TurnStarted)]
    assert set(ends.values()) <= {1}, f"more than one end: {ends}"
    assert len(started) == len(set(started)), f"started twice: {started}"
    assert program.acknowledged.keys() <= ends.keys(), "an acknowledged message was not handled"
    assert len(ends) <= len(program.sent)
    entries = await namespace.journal.read(SessionKey(*KEY), limit=100_000)
    stored = {event.seq: event for entry in entries for event in stored_events(entry)}
    assert stored == {seq: event for seq, event in namespace.taken.items() if not isinstance(event, WHILE_STREAMING)}
    conversation = Conversation.replay(map(decoded_record, entries))
    assert tuple(conversation.view(full=True)) == tuple(namespace.host.host.history(KEY, full=True))


def stored_events(entry: Entry) -> list[rc.FromLLM]:
    segment = segment_of(entry, entry.incarnation)
    return decode_events(segment) if segment else []
