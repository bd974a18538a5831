"""A program that talks to sessions, whatever dies: ``python -m kills.talker SETTINGS``, JSON of ``Talks``.

It may be killed itself; the next one goes on from its books. When the file ``finish`` is in its folder, it ends what it
has begun. Each session whose turns have ended is checked against its book, and closed. It prints a line for each.
"""

import asyncio
import logging
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from typing import TypeVar

import msgspec
from kills.books import Acknowledged, Answered, Book, Order, Sent, check, result_of

import rayconteur as rc
from rayconteur.errors import RayconteurError, SessionClosed, ToolResultError, UnknownSession
from rayconteur.runtime import JournalConfig, OnInterrupt, ProcessLost
from rayconteur.scripted import Call, Say, Script

T = TypeVar("T")

_PAUSE_S = 0.1
_BACK = 40
"""So many events are read again after each break: their numbers must be those of before."""

SILENT_S = 30.0
"""When nothing has been read for so long, although a turn is to end, a session is asked for its status."""

_AHEAD = 2
"""Messages that wait for their turn."""

_LOOK = rc.Tool(name="look", description="Look.", input_schema={"type": "object"})
_ANSWERS = ((Say(),), (Say("I look."), Call("look"), Call("look")), (Say("Nevermore."),))
_CONFIG = rc.SessionConfig(
    provider=rc.Scripted(script=Script(answers=_ANSWERS * 40, tokens_per_s=20)),
    tools=(_LOOK,),
    on_interrupt=OnInterrupt.KEEP,
)

_DEDICATED = 0.1
"""The share of sessions that start on an actor of their own."""


class Talks(msgspec.Struct, frozen=True):
    """*sessions* at a time, *packed* so many to an actor, each with so many *turns*; the books are in *folder*."""

    address: str
    namespace: str
    journal: JournalConfig
    folder: str
    sessions: int = 16
    packed: int = 4
    turns: int = 12


class Ended(msgspec.Struct, frozen=True):
    """A session has ended whose books balance: so many turns, by how they ended. It had so many *silences*."""

    session_id: str
    turns: dict[str, int]
    silences: int


async def persistently(call: Callable[[], Awaitable[T]]) -> T:
    """The result of *call*, made again until it succeeds."""
    while True:
        try:
            return await call()
        except (SessionClosed, UnknownSession, ToolResultError):
            raise
        except RayconteurError as error:
            logging.info("again: %r", error)
            await asyncio.sleep(_PAUSE_S)


class Talk:
    """One session, from its first message to its end."""

    def __init__(self, runtime: rc.Runtime, talks: Talks, book: Book) -> None:
        self._runtime = runtime
        self._talks = talks
        self._book = book
        self._changed = asyncio.Event()
        self._random = random.Random(book.session_id)
        self._tasks = asyncio.TaskGroup()
        self._silences = 0

    async def run(self) -> Ended:
        """Send what is not acknowledged yet, read all events, and check the session. It is closed then."""
        placement = rc.Dedicated() if self._random.random() < _DEDICATED else None
        session = await persistently(lambda: self._runtime.open(self._book.session_id, _CONFIG, placement))
        async with self._tasks:
            reading = self._tasks.create_task(self._read(session))
            for number in range(self._talks.turns):
                text = f"{session.id}: message {number}"
                if text not in self._book.acknowledged:
                    await self._send(session, text)
                await self._wait(session, lambda: len(self._open_turns()) <= _AHEAD)
            await self._wait(session, lambda: not self._open_turns())
            reading.cancel()
        stored = await persistently(lambda: self._runtime.stored(session.id))
        events = await persistently(lambda: _all(stored.events(after=0)))
        ends = check(self._book, events, await persistently(session.history))
        self._book.close()
        with suppress(SessionClosed, UnknownSession):  # the answer to an earlier try was lost
            await persistently(session.close)
        return Ended(session.id, dict(ends), self._silences)

    async def _send(self, session: rc.SessionHandle, text: str) -> None:
        self._book.add(Sent(text))
        receipt = await persistently(lambda: session.send(rc.UserMessage.of(text), key=text))
        assert receipt.turn is not None
        self._book.add(Acknowledged(text, receipt.turn))
        if self._random.random() < 0.05:
            with suppress(RayconteurError):
                await session.interrupt()

    def _open_turns(self) -> list[int]:
        ends = self._book.ends
        return [turn for turn in self._book.acknowledged.values() if turn not in ends]

    async def _wait(self, session: rc.SessionHandle, until: Callable[[], bool]) -> None:
        while not until():
            self._changed.clear()
            try:
                async with asyncio.timeout(SILENT_S):
                    await self._changed.wait()
            except TimeoutError:
                self._silences += 1
                logging.warning("%s: nothing for %g s, %s", session.id, SILENT_S, await persistently(session.status))

    async def _read(self, session: rc.SessionHandle) -> None:
        after = max(self._book.seen, default=0)
        while True:
            order = Order(self._book, max(0, after - _BACK))
            try:
                async for event in session.events(after=order.last):
                    if isinstance(event, ProcessLost):  # nobody else may need the session: readers alone only wait
                        self._tasks.create_task(persistently(session.status))
                    elif order.take(event):
                        self._react(session, event)
            except RayconteurError as error:
                logging.info("%s: read again: %r", session.id, error)
            after = order.last
            await asyncio.sleep(_PAUSE_S)

    def _react(self, session: rc.SessionHandle, event: rc.FromLLM) -> None:
        self._changed.set()
        if isinstance(event, rc.ToolBatch) and event.turn not in self._book.ends:
            self._tasks.create_task(self._answer(session, event))

    async def _answer(self, session: rc.SessionHandle, batch: rc.ToolBatch) -> None:
        for use in batch.uses:
            results = rc.ToolResults(results=(rc.ToolResult(use.id, (rc.Text(result_of(use.id)),)),))
            with suppress(ToolResultError):  # it has been answered before, or is no longer wanted
                await persistently(lambda results=results: session.send(results))  # type: ignore[misc]
                self._book.add(Answered(use.id))


async def _all(events: object) -> list[rc.FromLLM]:
    return [event async for event in events]  # type: ignore[attr-defined]


def print_tasks() -> None:
    """Say in the log what everything waits for."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)


def begun_in(folder: Path) -> list[str]:
    """The ids of the sessions that earlier programs have begun and not ended."""
    return sorted(path.stem for path in folder.glob("*.jsonl"))


async def main(talks: Talks) -> None:
    """Talk to so many sessions at a time, first to those that an earlier program has begun."""
    folder = Path(talks.folder)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print_tasks)
    begun = begun_in(folder)
    names = chain(begun, (f"raven-{random.randrange(1 << 40):010x}" for _ in count()))
    options = rc.RuntimeOptions(namespace=talks.namespace, journal=talks.journal, call_timeout_s=5.0, routers=2)
    placement = rc.Packed(sessions_per_actor=talks.packed)
    left = len(begun)

    async def talk_on(runtime: rc.Runtime) -> None:
        nonlocal left
        while left > 0 or not (folder / "finish").exists():
            left -= 1
            book = Book(folder, next(names))
            ended = await Talk(runtime, talks, book).run()
            print(msgspec.json.encode(ended).decode(), flush=True)

    while True:
        try:
            async with rc.Runtime(talks.address, placement, 1, options) as runtime:
                async with asyncio.TaskGroup() as group:
                    for _ in range(talks.sessions):
                        group.create_task(talk_on(runtime))
                return
        except RayconteurError as error:
            logging.info("enter again: %r", error)
            await asyncio.sleep(_PAUSE_S)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    asyncio.run(main(msgspec.json.decode(sys.argv[1], type=Talks)))
