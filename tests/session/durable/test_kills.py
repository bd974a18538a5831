"""A session whose process is killed at any moment, again and again, in virtual time: the books balance afterwards."""

import asyncio
from collections import Counter
from contextlib import suppress
from random import Random

import pytest
from fixtures.killable_host import KEY, Namespace, SlowJournal
from fixtures.session import scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import SessionError
from rayconteur.runtime import State
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

    async def act(self) -> None:
        """Do one thing, and wait for its receipt; it may never come."""
        host = self.namespace.host
        action = self._random.random()
        if action < 0.5:
            self.sent.append(text := f"message {len(self.sent)}")
            turn = await host.ask(text)
            assert self.acknowledged.setdefault(turn, text) == text
        elif action < 0.6:
            await host.send(rc.Interrupt())
        else:
            await self.answer_tools()

    async def answer_tools(self) -> None:
        """Answer the open tool uses, if there are any."""
        host = self.namespace.host
        open_ids = host.host.status(KEY).open_tool_use_ids
        if open_ids:
            results = [rc.ToolResult(tool_use_id=each, content=(rc.Text("found it"),)) for each in open_ids]
            await host.send(rc.ToolResults(results=tuple(results)))
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


async def simulated(random: Random) -> None:
    namespace = Namespace(SlowJournal(random.choice((0.0, 0.001, 0.05))))
    answers = [random.choice(ANSWERS) for _ in range(100)]
    await namespace.open(scripted_config(*answers, tools=(TOOL,), max_steps=4))
    program = Program(namespace, random)
    for _ in range(random.randint(1, 4)):
        acting = [asyncio.create_task(acts(program, random)) for _ in range(random.randint(1, 3))]
        await asyncio.sleep(random.uniform(0.0, 2.0))
        for _ in range(random.randint(0, 20)):  # also between two steps of the event loop
            await asyncio.sleep(0)
        namespace.host.kill()
        for task in acting:
            task.cancel()
        await asyncio.gather(*acting, return_exceptions=True)
        await namespace.recover()
    await program.finish()
    await asyncio.sleep(1)
    await check(namespace, program)
    await namespace.stop()


async def acts(program: Program, random: Random) -> None:
    while True:
        with suppress(SessionError):
            await program.act()
        await asyncio.sleep(random.uniform(0.0, 0.4))


async def check(namespace: Namespace, program: Program) -> None:
    events = namespace.read()
    ends = Counter(event.turn for event in events if isinstance(event, ENDS))
    started = [event.turn for event in events if isinstance(event, rc.TurnStarted)]
    assert set(ends.values()) <= {1}, f"more than one end: {ends}"
    assert len(started) == len(set(started)), f"started twice: {started}"
    assert program.acknowledged.keys() <= ends.keys(), "an acknowledged message was not handled"
    assert len(ends) <= len(program.sent)
    assert [event.seq for event in events] == sorted(namespace.taken)
    entries = await namespace.journal.read(SessionKey(*KEY), limit=100_000)
    stored = {event.seq: event for entry in entries for event in stored_events(entry)}
    assert stored == {seq: event for seq, event in namespace.taken.items() if not isinstance(event, WHILE_STREAMING)}
    conversation = Conversation.replay(map(decoded_record, entries))
    assert tuple(conversation.view(full=True)) == tuple(namespace.host.host.history(KEY, full=True))


def stored_events(entry: Entry) -> list[rc.FromLLM]:
    segment = segment_of(entry, entry.incarnation)
    return decode_events(segment) if segment else []


@pytest.mark.parametrize("seed", range(60))
def test_the_books_balance_after_kills_at_any_moment(seed: int) -> None:
    run(simulated(Random(seed)))
