"""An idle session leaves memory, and comes back with the next message: in virtual time."""

import asyncio
import gc
from contextlib import suppress
from random import Random

import msgspec
import pytest
from fixtures.killable_host import KEY, Namespace, SlowJournal
from fixtures.session import running_session, scripted_config
from fixtures.virtual_time import run
from session.durable.session_program import ANSWERS, TOOL, Program, check

import rayconteur as rc
from rayconteur.errors import InvalidConfig, SessionError, UnknownSession
from rayconteur.providers.registry import open_client
from rayconteur.runtime import Receipt
from rayconteur.runtime.api.messages import MessageKey
from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events.outbox import Outbox
from rayconteur.runtime.events.router import Router
from rayconteur.runtime.journal.entry import StoredSnapshot
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.session.durable.journaling import Journaling
from rayconteur.runtime.session.host import Host
from rayconteur.runtime.session.requests.client_pool import ClientPool
from rayconteur.runtime.session.session import Session
from rayconteur.scripted import Call, Say, Wait

AFTER_S = 60.0
PADDING = "." * 18_000
"""So much is not replayed: with each turn, a snapshot is stored when the session leaves."""

ECHO = rc.SessionConfig(provider=rc.Scripted(), passivate_after_s=AFTER_S)


async def completed(namespace: Namespace, turn: int) -> None:
    await namespace.wait_for(lambda event: isinstance(event, rc.Completed) and event.turn == turn)


def is_here(namespace: Namespace) -> bool:
    return len(namespace.host.host) == 1


def held() -> int:
    """The sessions, and what they have to publish, that this process holds."""
    gc.collect()
    return sum(isinstance(each, Session | Outbox) for each in gc.get_objects())


def test_a_session_leaves_memory_when_nothing_has_happened_for_its_time() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        before = held()
        await namespace.open(ECHO)
        assert held() == before + 2
        await asyncio.sleep(AFTER_S / 2)
        await namespace.host.ask("nevermore")
        await completed(namespace, 1)
        await asyncio.sleep(AFTER_S - 1)
        assert is_here(namespace)

        await asyncio.sleep(2)

        assert not is_here(namespace)
        assert namespace.host.left == 1
        with pytest.raises(UnknownSession):
            await namespace.host.ask("nobody is here")
        assert held() == before
        assert KEY[0] not in namespace.router.subscriptions.log
        assert len(namespace.host.host.leaving.idle_timer) == 0
        await namespace.stop()

    run(main())


def test_it_comes_back_where_it_was_and_its_numbers_go_on() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(ECHO)
        for turn in range(1, 4):
            await namespace.host.ask(f"message {turn}")
            await completed(namespace, turn)
            await asyncio.sleep(2 * AFTER_S)
            assert not is_here(namespace)

            await namespace.recover()
            assert namespace.host.host.status(KEY).turns == turn

        assert namespace.texts() == [text for turn in range(1, 4) for text in 2 * (f"message {turn}",)]
        assert list(namespace.taken) == list(range(1, len(namespace.taken) + 1))
        assert not any(isinstance(event, rc.Retrying) for event in namespace.taken.values())
        await namespace.stop()

    run(main())


def test_coming_back_is_recorded_nowhere_and_a_snapshot_saves_reading_what_is_old() -> None:
    class Counting(SlowJournal):
        read_entries = 0

        async def read(self, session, after=0, limit=1_000):  # type: ignore[no-untyped-def]
            entries = await super().read(session, after, limit)
            self.read_entries += len(entries)
            return entries

    async def main() -> None:
        namespace = Namespace(journal := Counting())
        await namespace.open(ECHO)
        for turn in range(1, 31):
            await namespace.host.ask("lore " * 200)
            await completed(namespace, turn)
            await asyncio.sleep(2 * AFTER_S)
            stored = (await journal.position(*KEY)).number

            journal.read_entries = 0
            await namespace.recover()

            assert (await journal.position(*KEY)).number == stored == 1 + 2 * turn
            assert journal.read_entries < 40
        await namespace.stop()

    run(main())


def test_what_runs_or_waits_or_is_not_stored_yet_stays() -> None:
    look = rc.Tool(name="look", description="Look.", input_schema={"type": "object"})

    async def stays(namespace: Namespace) -> None:
        await asyncio.sleep(3 * AFTER_S)
        assert is_here(namespace)

    async def main() -> None:
        running = Namespace(SlowJournal())
        answers = ((Wait(4 * AFTER_S), Say(text="one")), (Call(name="look"),), (Say(text="found"),))
        await running.open(scripted_config(*answers, tools=(look,), passivate_after_s=AFTER_S))
        await running.host.ask("a request runs")
        await stays(running)
        await completed(running, 1)
        await running.host.ask("a tool use is open")
        await stays(running)
        (use,) = running.host.host.status(KEY).open_tool_use_ids
        running.journal.delay_s = 2 * AFTER_S  # type: ignore[attr-defined]
        result = rc.ToolResult(tool_use_id=use, content=(rc.Text("it"),))
        running.host.host.tell(KEY, msgspec.msgpack.encode(rc.ToolResults(results=(result,))))
        await stays(running)
        running.journal.delay_s = 0.0  # type: ignore[attr-defined]
        await completed(running, 2)
        await asyncio.sleep(20 * AFTER_S)
        assert not is_here(running)
        await running.stop()

    run(main())


def test_each_session_may_have_its_own_time_and_change_it() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(rc.SessionConfig(provider=rc.Scripted()))
        await asyncio.sleep(10 * AFTER_S)
        assert is_here(namespace)  # by default, none leaves

        await namespace.host.send(rc.Configure(passivate_after_s=AFTER_S))
        await asyncio.sleep(AFTER_S - 1)
        assert is_here(namespace)
        namespace.host.host.status(KEY)  # that uses it
        await asyncio.sleep(AFTER_S - 1)
        assert is_here(namespace)
        await asyncio.sleep(2)
        assert not is_here(namespace)
        await namespace.stop()

    run(main())


def test_sessions_that_are_due_at_once_leave_in_the_event_loop_of_actors_too() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        router = Router(RouterLimits())
        left: set[str] = set()
        have_left = asyncio.Event()

        async def publish(data: bytes) -> bytes | None:
            return router.publish(data)

        async def on_end(sessions: dict[str, int]) -> None:
            left.update(sessions)
            if len(left) == 2:
                have_left.set()

        host = Host([publish], on_end, ClientPool(open_client), journaling=Journaling(MemoryJournal()))
        await host.open(["a", "b"], 1, rc.SessionConfig(provider=rc.Scripted(), passivate_after_s=1e-9))
        await have_left.wait()
        assert len(host) == 0

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(main(), 10))


def test_without_a_journal_a_session_can_not_leave() -> None:
    async def main() -> None:
        async with running_session(rc.SessionConfig(provider=rc.Scripted())) as session:
            with pytest.raises(InvalidConfig, match=r"message\.passivate_after_s.*journal"):
                session.tell(rc.Configure(passivate_after_s=1.0))

    asyncio.run(main())


class Sender(Program):
    """Its messages reach the session wherever it is. Where it is not any more, it goes on for them, here or there."""

    def __init__(self, namespace: Namespace, random: Random) -> None:
        super().__init__(namespace, random)
        self.random = random
        self.woken = 0
        self._waking = asyncio.Lock()

    async def ask(self, text: str) -> int:
        return await super().ask(text + PADDING)

    async def send(self, message: rc.ToLLM) -> Receipt:
        key = MessageKey(self.random.randbytes(8).hex(), b"")
        while True:
            host = self.namespace.host
            try:
                return await host.send(message, key)
            except UnknownSession:
                await self.wake(host)

    async def wake(self, host: object) -> None:
        async with self._waking:
            if self.namespace.host is host:
                self.woken += 1
                await self.namespace.recover(here=self.random.random() < 0.5)

    async def answer_tools(self) -> None:
        with suppress(UnknownSession):  # it has left
            await super().answer_tools()

    async def finish(self) -> None:
        await self.send(rc.Interrupt())
        await super().finish()


class SlowSnapshots(SlowJournal):
    """A snapshot takes as long as a commit."""

    async def put_snapshot(self, snapshot: StoredSnapshot) -> None:
        await asyncio.sleep(self.delay_s)
        await super().put_snapshot(snapshot)
        await asyncio.sleep(self.delay_s)


async def simulated(random: Random) -> int:
    namespace = Namespace(SlowSnapshots(random.choice((0.0, 0.001, 0.05))))
    answers = [random.choice(ANSWERS) for _ in range(100)]
    after_s = random.choice((0.05, 0.3))
    retry = rc.RetryPolicy(max_elapsed_s=10.0)  # of summaries: the answers above fail often
    config = scripted_config(*answers, tools=(TOOL,), max_steps=4, passivate_after_s=after_s, retry=retry)
    await namespace.open(config)
    program = Sender(namespace, random)
    acting = [asyncio.create_task(acts(program, random, after_s)) for _ in range(random.randint(1, 3))]
    await asyncio.sleep(random.uniform(2.0, 8.0))
    for task in acting:
        task.cancel()
    await asyncio.gather(*acting, return_exceptions=True)
    await namespace.host.reach()
    with suppress(UnknownSession):
        await program.finish()
    await asyncio.sleep(1)
    if not is_here(namespace):
        await namespace.recover()
    await check(namespace, program)
    again = [event for event in namespace.taken.values() if isinstance(event, rc.Retrying)]
    assert not [event for event in again if event.code == "recovered"], "it left in the middle of a turn"
    await namespace.stop()
    return program.woken


async def acts(program: Sender, random: Random, after_s: float) -> None:
    while True:
        with suppress(SessionError):
            await program.act()
            await program.answer_tools()
        # Often, just when the session is about to leave.
        await asyncio.sleep(random.choice((random.uniform(0.0, 0.4), after_s, after_s + random.uniform(-0.01, 0.11))))
        for _ in range(random.randint(0, 5)):
            await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(50))
def test_a_message_that_arrives_while_a_session_leaves_is_handled_once(seed: int) -> None:
    run(simulated(Random(seed)))


def test_the_simulated_sessions_leave_and_come_back_often() -> None:
    assert sum(run(simulated(Random(seed))) for seed in range(20)) > 20
