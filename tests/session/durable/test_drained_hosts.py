"""A host that is drained: its sessions leave, idle or not, and go on elsewhere. In virtual time."""

import asyncio
import pickle
import threading
from contextlib import suppress
from random import Random

import msgspec
import pytest
from fixtures.killable_host import KEY, Namespace, SlowJournal
from fixtures.session import SESSION_ID, running_session, scripted_config
from fixtures.virtual_time import run
from session.durable.session_program import ANSWERS, TOOL, Program, check

import rayconteur as rc
from rayconteur.errors import RuntimeDraining, SessionError
from rayconteur.runtime.api.messages import MessageKey
from rayconteur.runtime.api.tools.approval_policy import ApprovalPolicy
from rayconteur.runtime.journal.errors import JournalUnavailable
from rayconteur.scripted import Call, Say, Wait

DECIDES, MAY_DECIDE = threading.Event(), threading.Event()
ECHO = rc.SessionConfig(provider=rc.Scripted())


async def ended(namespace: Namespace, turn: int) -> None:
    await namespace.wait_for(lambda event: isinstance(event, rc.Completed) and event.turn == turn)


def test_running_and_queued_turns_end_and_nothing_else_starts() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(scripted_config((Wait(5), Say(text="one")), (Wait(5), Say(text="two"))))
        key = MessageKey("k", b"")
        first = await namespace.host.send(rc.UserMessage.of("first"), key)
        await namespace.host.ask("second")
        draining = asyncio.create_task(namespace.host.host.leaving.drain(60))
        await asyncio.sleep(1)

        for message in (rc.UserMessage.of("too late"), rc.Retry(), rc.Compact()):
            with pytest.raises(RuntimeDraining):
                await namespace.host.send(message)
        again = await namespace.host.send(rc.UserMessage.of("first"), key)
        assert again.turn == first.turn
        await namespace.host.send(rc.Configure(system="be brief"))

        assert await draining == []
        await namespace.recover()
        assert namespace.host.host.status(KEY).turns == 2
        assert namespace.host.host.settings(KEY).system == "be brief"
        assert namespace.texts() == ["first", "one", "second", "two"]
        await namespace.stop()

    run(main())


def test_what_does_not_end_in_time_is_asked_again_elsewhere() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(scripted_config((Say(text="never"), Wait(60)), (Say(text="nevermore"),)))
        await namespace.host.ask("who is it?")
        await asyncio.sleep(1)

        assert await namespace.host.host.leaving.drain(5) == [KEY[0]]
        assert len(namespace.host.host) == 0
        await namespace.recover()
        await ended(namespace, 1)

        kinds = [type(event) for event in namespace.taken.values()]
        assert (kinds.count(rc.TurnStarted), kinds.count(rc.Retrying), kinds.count(rc.Completed)) == (1, 1, 1)
        assert list(namespace.taken) == list(range(1, len(namespace.taken) + 1))
        await namespace.stop()

    run(main())


def decides_when_it_may(use: rc.ToolUse) -> bool:
    DECIDES.set()
    MAY_DECIDE.wait()
    return False


def test_a_turn_ends_whose_function_is_deciding_about_approval() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        policy = ApprovalPolicy(pickle.dumps(decides_when_it_may))
        await namespace.open(scripted_config((Call(name="look", id="a"),), (Say(text="found"),), approve=policy))
        await namespace.host.ask("look")
        await asyncio.to_thread(DECIDES.wait)
        draining = asyncio.create_task(namespace.host.host.leaving.drain(60))
        await asyncio.sleep(0)

        MAY_DECIDE.set()
        await namespace.wait_for(lambda event: isinstance(event, rc.ToolBatch))
        await namespace.host.send(rc.ToolResults(results=(rc.ToolResult("a"),)))

        assert await draining == []
        await namespace.recover()
        assert namespace.texts()[-1] == "found"
        await namespace.stop()

    asyncio.run(main())


def test_a_session_that_waits_for_approval_delays_nothing() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        look = msgspec.structs.replace(TOOL, approve=rc.runtime.Approval.ALWAYS)
        await namespace.open(scripted_config((Call(name="look"),), (Say(text="found"),), tools=(look,)))
        await namespace.host.ask("look")
        await namespace.wait_for(lambda event: isinstance(event, rc.runtime.ApprovalRequested))

        assert await asyncio.wait_for(namespace.host.host.leaving.drain(1_000), 10) == []
        await namespace.recover()
        await namespace.host.send(rc.runtime.Approve())

        assert namespace.host.host.status(KEY).open_tool_use_ids
        assert not any(isinstance(event, rc.Retrying) for event in namespace.taken.values())
        await namespace.stop()

    run(main())


def test_nothing_happens_any_more_where_a_session_has_left() -> None:
    async def main() -> None:
        namespace = Namespace(SlowJournal())
        await namespace.open(scripted_config((Call(name="look"),), tools=(TOOL,), results_timeout_s=20.0))
        await namespace.host.ask("look")
        await namespace.wait_for(lambda event: isinstance(event, rc.ToolBatch))

        assert await namespace.host.host.leaving.drain(1) == [KEY[0]]
        taken, stored = len(namespace.taken), (await namespace.journal.position(*KEY)).number
        await asyncio.sleep(60)  # the wait for results would be over

        assert (len(namespace.taken), (await namespace.journal.position(*KEY)).number) == (taken, stored)
        await namespace.stop()

    run(main())


def test_a_journal_that_is_away_does_not_hold_up_the_end() -> None:
    class Broken(SlowJournal):
        is_away = False

        async def append(self, entries):  # type: ignore[no-untyped-def]
            if self.is_away:
                raise JournalUnavailable("no room")
            return await super().append(entries)

    async def main() -> None:
        namespace = Namespace(journal := Broken())
        await namespace.open(ECHO)
        journal.is_away = True
        namespace.host.host.tell(KEY, msgspec.msgpack.encode(rc.UserMessage.of("nobody has a receipt for this")))

        assert await asyncio.wait_for(namespace.host.host.leaving.drain(1), 30) == [KEY[0]]
        journal.is_away = False
        await namespace.recover()
        assert await namespace.host.ask("again") == 1
        await namespace.stop()

    run(main())


def test_without_a_journal_turns_end_or_are_interrupted_and_sessions_are_closed() -> None:
    async def main() -> None:
        for wait_s, late, end in ((1.0, list[str](), rc.Completed), (100.0, [SESSION_ID], rc.Interrupted)):
            async with running_session(scripted_config((Wait(wait_s), Say(text="one")))) as session:
                turn = session.ask()
                await asyncio.sleep(0.5)

                assert await session.host.leaving.drain(10) == late

                assert isinstance(await session.wait_for_end(turn), end)
                assert session.ended

    run(main())


async def simulated(random: Random) -> None:
    namespace = Namespace(SlowJournal(random.choice((0.0, 0.001, 0.05))))
    answers = [random.choice(ANSWERS) for _ in range(100)]
    await namespace.open(scripted_config(*answers, tools=(TOOL,), max_steps=4))
    program = Program(namespace, random)
    for _ in range(random.randint(1, 3)):
        acting = [asyncio.create_task(acts(program, random)) for _ in range(random.randint(1, 3))]
        await asyncio.sleep(random.uniform(0.0, 2.0))
        for _ in range(random.randint(0, 20)):  # also between two steps of the event loop
            await asyncio.sleep(0)
        await namespace.host.host.leaving.drain(random.choice((0.0, 0.3, 3.0)))
        for task in acting:
            task.cancel()
        await asyncio.gather(*acting, return_exceptions=True)
        await namespace.recover()
    await program.finish()
    await asyncio.sleep(1)
    await check(namespace, program)
    assert sorted(namespace.taken) == list(range(1, len(namespace.taken) + 1))
    await namespace.stop()


async def acts(program: Program, random: Random) -> None:
    while True:
        with suppress(SessionError):
            await program.act()
        await asyncio.sleep(random.uniform(0.0, 0.4))


@pytest.mark.parametrize("seed", range(40))
def test_the_books_balance_after_drains_at_any_moment(seed: int) -> None:
    run(simulated(Random(seed)))
