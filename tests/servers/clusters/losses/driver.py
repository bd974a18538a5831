"""A program that asks half of the sessions all the time, and reads all of them: ``driver.py ADDRESS PLAN``.

*PLAN* is the JSON of a ``Plan``. Each line of its input is a command, which it answers with a line of JSON. Lines of
others, such as Ray's, do not begin with ``>``.
"""

import asyncio
import sys
import time
from contextlib import suppress
from typing import Any

import msgspec

import rayconteur as rc
from rayconteur.errors import RayconteurError
from rayconteur.runtime import PostgresJournalConfig, ProcessLost, TurnEnd

NAMESPACE = "losses"
TOOL = "note"
_PAUSE_S = 0.5
_END_S = 120.0
_READ_S = 60.0


class Plan(msgspec.Struct, frozen=True):
    """What a program does: it asks *asks*, and reads *reads*; it spawns all of them if it *spawns*."""

    journal: str
    provider: str
    reads: list[str]
    asks: list[str]
    spawns: bool


class Read(msgspec.Struct):
    """What the reader of one session got: its events other than chunks, with their numbers and turns."""

    events: list[tuple[int, str, int]] = []
    last: int = 0
    problems: list[str] = []
    """Numbers that were repeated, or left out."""
    missed: int = 0
    """How often it was told that chunks are missing."""
    lost_at: list[float] = []
    """When it was told that the session's process is lost; Unix seconds."""
    longest_pause_s: float = 0.0
    """Between two events of a turn."""


class Found(msgspec.Struct, frozen=True):
    """What the program found: what each reader got, and of each session the numbers of the turns of its questions."""

    reads: dict[str, Read]
    turns: dict[str, list[int]]
    tool_runs: dict[str, int]
    """How often the tool ran for a question."""
    errors: list[str]
    """What calls raised, before they were repeated with the same key."""


class Program:
    """Asks and reads, until it is stopped."""

    def __init__(self, runtime: rc.Runtime, plan: Plan) -> None:
        self._runtime = runtime
        self._plan = plan
        self._is_stopped = False
        self._sessions: dict[str, rc.SessionHandle] = {}
        self.found = Found({each: Read() for each in plan.reads}, {each: [] for each in plan.asks}, {}, [])
        self._working: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        @rc.tool(name=TOOL)
        def note(question: str) -> str:
            self.found.tool_runs[question] = self.found.tool_runs.get(question, 0) + 1
            return "noted"

        if self._plan.spawns:
            provider = rc.Anthropic(model="claude-haiku-4-5", base_url=self._plan.provider)
            config = rc.SessionConfig(provider=provider, tools=(note,))
            spawned = await self._runtime.spawn_many(config, self._plan.reads)
            self._sessions = {session.id: session for session in spawned}
        else:
            for session_id in self._plan.reads:
                self._sessions[session_id] = await self._runtime.session(session_id, tools=[note])
        self._working = [asyncio.create_task(self._read(each)) for each in self._plan.reads]
        self._working += [asyncio.create_task(self._ask(each)) for each in self._plan.asks]

    async def stop(self) -> None:
        """Ask no more. Returns when all that was asked is answered."""
        self._is_stopped = True
        asking = self._working[len(self._plan.reads) :]
        async with asyncio.timeout(_END_S):
            await asyncio.gather(*asking)

    async def read_all(self) -> Found:
        """Read what there is, when nobody asks any more."""
        last = {each: (await self._sessions[each].status()).last_seq for each in self._plan.reads}
        reading = self._working[: len(self._plan.reads)]
        with suppress(TimeoutError):
            async with asyncio.timeout(_READ_S):
                while any(self.found.reads[each].last < seq for each, seq in last.items()):  # noqa: ASYNC110
                    await asyncio.sleep(_PAUSE_S)
        for task in reading:
            task.cancel()
        for each, seq in last.items():
            if self.found.reads[each].last != seq:
                self.found.reads[each].problems.append(f"the last one is {seq}, not {self.found.reads[each].last}")
        return self.found

    async def _ask(self, session_id: str) -> None:
        session, number = self._sessions[session_id], 0
        while not self._is_stopped:
            number += 1
            self.found.turns[session_id].append(await self._answered(session, f"{session_id} {number}"))

    async def _answered(self, session: rc.SessionHandle, question: str) -> int:
        """The turn of *question*, which is asked again, with the same key, until it is answered."""
        while True:
            try:
                async for event in session.ask(question, key=question):  # lost text is Missed, and no error
                    if isinstance(event, TurnEnd):
                        return event.turn
            except RayconteurError as error:
                self.found.errors.append(f"{time.time():.1f} {question}: {type(error).__name__}: {error}")
                await asyncio.sleep(_PAUSE_S)

    async def _read(self, session_id: str) -> None:
        """Read all events, on and on: a reader whose router is away for long is told so, and reads on where it was."""
        read = self.found.reads[session_id]
        while True:
            try:
                await self._read_on(self._sessions[session_id], read)
            except RayconteurError as error:
                self.found.errors.append(f"{time.time():.1f} {session_id}: {type(error).__name__}: {error}")
                await asyncio.sleep(_PAUSE_S)

    async def _read_on(self, session: rc.SessionHandle, read: Read) -> None:
        at = time.monotonic()
        async for event in session.events(after=read.last):
            if isinstance(event, ProcessLost):  # it has the number of the event before it
                read.lost_at.append(time.time())
                continue
            first = event.first if isinstance(event, rc.Missed) else event.seq
            if first != read.last + 1:
                read.problems.append(f"{type(event).__name__} {first} after {read.last}")
            read.last = event.seq
            if event.turn and not isinstance(event, rc.TurnStarted):
                read.longest_pause_s = max(read.longest_pause_s, time.monotonic() - at)
            at = time.monotonic()
            match event:
                case rc.Missed():
                    read.missed += 1
                case rc.TextChunk() | rc.ToolInputChunk() | rc.StreamStarted():
                    pass
                case _:
                    read.events.append((event.seq, type(event).__name__, event.turn))

    async def report(self, session_id: str) -> str:
        """What is known of a session that is late."""
        read = self.found.reads[session_id]
        try:
            status = await self._sessions[session_id].status()
        except RayconteurError as error:
            return f"{session_id}: read {read.last}, {read.events[-3:]}; {error}"
        return f"{session_id}: read {read.last}, {read.events[-3:]}; {status.state} {status.last_seq}"

    async def end(self) -> None:
        """Stop what still works."""
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def do(self, command: str, *arguments: str) -> Any:
        """Carry out a *command*."""
        match command:
            case "start":
                return await self.start()
            case "places":  # of new sessions, of which more are spawned than there are nodes
                config = rc.SessionConfig(provider=rc.Scripted())
                spawned = await self._runtime.spawn_many(config, 6, rc.Dedicated())
                nodes = [node.address for node in await self._runtime.nodes.statuses() if node.sessions]
                await asyncio.gather(*(session.close() for session in spawned))
                return nodes
            case "drain":
                return await self._runtime.nodes.drain(arguments[0], timeout_s=60)
            case "move":
                return await self._runtime.nodes.move(arguments, timeout_s=60)
            case "spawn":
                session = await self._runtime.spawn(rc.SessionConfig(provider=rc.Scripted()), placement=rc.Dedicated())
                text = (await session.ask("hi").answer()).text
                await session.close()
                return text
            case "report":
                return [await self.report(each) for each in arguments], self.found.errors[-20:]
            case "stop":
                return await self.stop()
            case "read":
                return await self.read_all()
            case _:
                raise ValueError(command)


async def next_command() -> list[str]:
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.split()


async def main(address: str, plan: Plan) -> None:
    options = rc.RuntimeOptions(namespace=NAMESPACE, journal=PostgresJournalConfig(plan.journal), routers=3)
    placement = rc.Packed(actors=6, sessions_per_actor=60)
    async with rc.Runtime(address, placement=placement, options=options) as runtime:
        program = Program(runtime, plan)
        print('>"ready"', flush=True)
        while command := await next_command():
            print(f">{msgspec.json.encode(await program.do(*command)).decode()}", flush=True)
        await program.end()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], msgspec.json.decode(sys.argv[2], type=Plan)))
