"""What a recorded session was after an earlier turn, and sessions that go on from there."""

from collections.abc import AsyncIterator, Iterable
from functools import partial

import pytest
from fixtures.killable_host import KEY, Namespace, SlowJournal
from fixtures.session import scripted_config
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import CorruptRecord, UnknownTurn
from rayconteur.runtime import AddMessages, Continue, ForkOrigin, Rewind
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.events import Event, Opened, Received
from rayconteur.runtime.core.instructions import SendRequest
from rayconteur.runtime.core.past.forks import forked
from rayconteur.runtime.core.past.turns import Past, past_of
from rayconteur.runtime.journal.entry import Entry, SessionKey
from rayconteur.runtime.journal.journal import PAGE_ENTRIES
from rayconteur.runtime.session.durable.past import recorded_past
from rayconteur.runtime.session.durable.rebuilding import conversation_at
from rayconteur.runtime.session.forks import recorded_fork_start
from rayconteur.scripted import Call, Fail, Say, Stop, Wait

SESSION = SessionKey(*KEY)
ORIGIN = ForkOrigin(session_id=SESSION.id, epoch=SESSION.epoch, turn=1)
ECHO = rc.SessionConfig(provider=rc.Scripted())
TOOL = rc.Tool(name="look", description="Look something up.", input_schema={"type": "object"})


def texts(past: Past) -> list[str]:
    """One string for each message that requests held."""
    return ["".join(each.text for each in message.content if isinstance(each, rc.Text)) for message in past.messages]


def is_end(turn: int, event: rc.FromLLM) -> bool:
    return isinstance(event, rc.Completed | rc.Failed | rc.Interrupted) and event.turn == turn


async def asked(namespace: Namespace, *questions: str) -> None:
    """Ask *questions*, one after the other."""
    for question in questions:
        turn = await namespace.host.ask(question)
        await namespace.wait_for(partial(is_end, turn))


def test_what_was_removed_since_is_there_again() -> None:
    async def main() -> None:
        namespace = Namespace(journal := SlowJournal())
        await namespace.open(ECHO)
        await asked(namespace, "one", "two")
        await namespace.host.send(rc.Configure(system="be brief"))
        await namespace.host.send(Rewind(turns=1))
        await asked(namespace, "three")
        await namespace.host.send(rc.Clear())

        past = {turn: await recorded_past(journal, SESSION, turn) for turn in (0, 1, 2, 3, None)}

        assert [texts(each) for each in past.values()] == [
            [],
            ["one", "one"],
            ["one", "one", "two", "two"],
            ["one", "one", "three", "three"],
            [],
        ]
        assert [each.config.system for each in past.values()] == [None, None, None, "be brief", "be brief"]
        with pytest.raises(UnknownTurn, match="no turn 4"):
            await recorded_past(journal, SESSION, 4)
        await namespace.stop()

    run(main())


def test_what_is_queued_behind_a_turn_and_what_runs_is_no_part_of_it() -> None:
    async def main() -> None:
        namespace = Namespace(journal := SlowJournal())
        await namespace.open(scripted_config((Wait(1), Say(text="1")), (Wait(1), Say(text="2")), (Wait(),)))
        for text in ("one", "two"):
            await namespace.host.ask(text)
        await namespace.host.send(rc.Clear())
        added = await namespace.host.send(
            AddMessages(messages=(rc.Message.of_user("told"), rc.Message.of_user("twice")))
        )
        await namespace.host.ask("five")
        await namespace.wait_for(lambda event: isinstance(event, rc.TurnStarted) and event.turn == 5)

        assert added.turn == 3
        assert texts(await recorded_past(journal, SESSION, 1)) == ["one", "1"]
        assert texts(await recorded_past(journal, SESSION, 2)) == ["one", "1", "two", "2"]
        assert texts(await recorded_past(journal, SESSION, 3)) == ["told"]
        assert texts(await recorded_past(journal, SESSION, 4)) == ["told", "twice"]
        assert texts(await recorded_past(journal, SESSION)) == ["told", "twice"]
        with pytest.raises(UnknownTurn, match="turn 5 that has ended"):
            await recorded_past(journal, SESSION, 5)
        await namespace.stop()

    run(main())


def test_a_turn_that_fails_interrupts_or_is_steered_is_found_where_it_ended() -> None:
    async def main() -> None:
        namespace = Namespace(journal := SlowJournal())
        config = scripted_config((Fail(code="invalid_request"),), (Wait(),), (Say(text="3"),), tools=(TOOL,))
        await namespace.open(config)
        await asked(namespace, "one")
        await namespace.host.ask("two")
        await namespace.host.send(rc.UserMessage(content=(rc.Text("three"),), when_busy=rc.runtime.WhenBusy.INTERRUPT))
        await namespace.wait_for(partial(is_end, 3))

        assert texts(await recorded_past(journal, SESSION, 1)) == ["one"]
        assert texts(await recorded_past(journal, SESSION, 2)) == ["one"]
        assert texts(await recorded_past(journal, SESSION, 3)) == ["one", "three", "3"]
        await namespace.stop()

    run(main())


def test_a_message_that_entered_a_turn_ends_with_it() -> None:
    async def main() -> None:
        namespace = Namespace(journal := SlowJournal())
        await namespace.open(scripted_config((Call(name="look"),), (Say(text="found"),), tools=(TOOL,)))
        await namespace.host.ask("look")
        batch = await namespace.wait_for(lambda event: isinstance(event, rc.ToolBatch))
        assert isinstance(batch, rc.ToolBatch)
        steers = rc.UserMessage(content=(rc.Text("quick"),), when_busy=rc.runtime.WhenBusy.STEER)
        await namespace.host.send(steers)
        with pytest.raises(UnknownTurn, match="turn 2 that has ended"):
            await recorded_past(journal, SESSION, 2)
        await namespace.host.send(rc.ToolResults(results=(rc.ToolResult(tool_use_id=batch.uses[0].id),)))
        await namespace.wait_for(partial(is_end, 1))

        assert await recorded_past(journal, SESSION, 2) == await recorded_past(journal, SESSION, 1)
        await namespace.stop()

    run(main())


def test_the_last_turns_of_a_long_session_are_found_without_reading_it_twice() -> None:
    class Counting(SlowJournal):
        entries_read = 0

        async def read(self, session: SessionKey, after: int = 0, limit: int = PAGE_ENTRIES) -> list[Entry]:
            page = await super().read(session, after, limit)
            self.entries_read += len(page)
            return page

    async def main() -> None:
        namespace = Namespace(journal := Counting(delay_s=0.0))
        await namespace.open(ECHO)
        await asked(namespace, *["x" * 8_000] * 60)
        snapshot = await journal.snapshot(SESSION)
        assert snapshot
        records = (await journal.position(*SESSION)).number
        before = journal.entries_read

        await recorded_past(journal, SESSION, 60)

        assert journal.entries_read - before < records
        await namespace.stop()

    run(main())


@pytest.mark.parametrize("damaged", [3, 5, 8])
def test_turns_before_a_damaged_record_can_be_read(damaged: int) -> None:
    class Damaged(SlowJournal):
        async def read(self, session: SessionKey, after: int = 0, limit: int = PAGE_ENTRIES) -> list[Entry]:
            if after + 1 == damaged:
                raise CorruptRecord(f"record {damaged} is damaged", session.id, damaged)
            return await super().read(session, after, min(limit, damaged - after - 1) if after < damaged else limit)

    async def main() -> None:
        namespace = Namespace(journal := Damaged())
        await namespace.open(ECHO)
        await asked(namespace, "one", "two", "three", "four")
        for turn in range(1, 5):
            end = 1 + 2 * turn  # its record: each turn has a message and an answer
            if end < damaged:
                assert len((await recorded_past(journal, SESSION, turn)).messages) == 2 * turn
            else:
                with pytest.raises(CorruptRecord, match=f"record {damaged}"):
                    await recorded_past(journal, SESSION, turn)
        await namespace.stop()

    run(main())


def test_a_fork_continues_an_answer_that_was_cut_off_and_reads_on_in_a_long_result() -> None:
    cut_off = (Say(text="Once upon"), Stop(rc.providers.StopReason.MAX_TOKENS))

    async def main() -> None:
        namespace = Namespace(journal := SlowJournal())
        await namespace.open(scripted_config((Call(name="look", id="a"),), cut_off, (Say(text="2"),), tools=(TOOL,)))
        await namespace.host.ask("look")
        await namespace.wait_for(lambda event: isinstance(event, rc.ToolBatch))
        result = rc.ToolResult(tool_use_id="a", content=(rc.Text("lore " * 1_000),))
        await namespace.host.send(rc.ToolResults(results=(result,), max_result_bytes=100))
        await namespace.wait_for(partial(is_end, 1))
        await asked(namespace, "two")

        past = await recorded_past(journal, SESSION, 1)
        fork = Conversation()
        events: list[Event] = [Opened(config=past.config, created_at=1e12), *forked(past, ORIGIN)]
        for event in events:
            fork.handle(event)

        assert [kept.text for kept in fork.rest.kept_results] == ["lore " * 1_000]
        assert any(isinstance(step, SendRequest) for step in fork.handle(Received(message=Continue())))
        await namespace.stop()

    run(main())


def test_a_fork_needs_its_origin_for_nothing() -> None:
    async def main() -> None:
        namespace = Namespace(journal := SlowJournal())
        await namespace.open(ECHO)
        await asked(namespace, "one", "two")
        start = await recorded_fork_start(journal, SESSION, 1)
        await namespace.host.host.open(["fork"], 1, start.config, each(start.parts))
        origin = namespace.host.host.status(("fork", 1)).forked_from

        await journal.delete(SESSION)
        fork, _ = await conversation_at(journal, SessionKey("fork", 1), 2)

        assert texts(past_of(fork)) == ["one", "one"]
        assert origin == fork.forked_from == ORIGIN
        await namespace.stop()

    run(main())


async def each(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
