"""Sessions of a namespace with a journal: they outlive their actors, their drivers, and the namespace."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from fixtures.named_actors import host_name, kill, process_id
from servers.databases.postgres import postgres_server

import rayconteur as rc
from rayconteur.errors import IncompatibleNamespace, MissingKey, SessionExists, UnknownSession
from rayconteur.runtime import (
    JournalConfig,
    NoJournal,
    PostgresJournalConfig,
    ProcessLost,
    SQLiteJournalConfig,
    Waiting,
)
from rayconteur.runtime.cluster.ray_calls import session_folder
from rayconteur.runtime.events.reader import Reader
from rayconteur.scripted import Call, Say, Script, Wait

SLOW = rc.SessionConfig(
    provider=rc.Scripted(script=Script(answers=((Wait(seconds=1), Say(text="nevermore")),), tokens_per_s=20))
)
ECHO = rc.SessionConfig(provider=rc.Scripted())
ANTHROPIC_KEY = "fixtures.credentials.functions:anthropic_key"


class Journaled:
    """Runtimes, of one namespace after the other, with one journal."""

    def __init__(self, options: rc.RuntimeOptions, journal: JournalConfig | None = None) -> None:
        self.options = rc.RuntimeOptions(namespace=options.namespace, journal=journal)

    @asynccontextmanager
    async def runtime(self) -> AsyncGenerator[rc.Runtime]:
        async with rc.Runtime(placement=rc.Packed(), options=self.options) as runtime:
            yield runtime

    async def kill_host(self, session: rc.SessionHandle) -> None:
        """Kill the actor of *session*."""
        await asyncio.to_thread(lambda: kill(process_id(host_name(session.id, self.options.namespace), self.namespace)))

    async def kill_journal(self) -> None:
        """Kill the actor that has the file."""
        await asyncio.to_thread(lambda: kill(process_id("_journal", self.namespace)))

    @property
    def namespace(self) -> str:
        return self.options.namespace


@pytest.fixture
def journaled(options: rc.RuntimeOptions, tmp_path: Path) -> Journaled:
    return Journaled(options, SQLiteJournalConfig(str(tmp_path / "journal.db")))


async def texts(session: rc.SessionHandle) -> list[str]:
    history = await session.history()
    return ["".join(each.text for each in message.content if isinstance(each, rc.Text)) for message in history]


async def after_start(reply: rc.Reply, then: Callable[[], Awaitable[None]]) -> list[rc.FromLLM]:
    """The events of *reply*; *then* is called when the answer has begun."""
    events: list[rc.FromLLM] = []
    async for event in reply:
        events.append(event)
        if isinstance(event, rc.TextChunk) and not any(isinstance(each, rc.Retrying) for each in events):
            await then()
    return events


def test_a_session_survives_its_actor_its_journal_and_its_driver(options: rc.RuntimeOptions) -> None:
    journaled = Journaled(options)  # what is so where nothing is said

    async def main() -> None:
        async with journaled.runtime() as runtime:
            session = await runtime.spawn(SLOW, "raven")
            watching = session.events()

            events = await after_start(session.ask("who is it?"), lambda: journaled.kill_host(session))
            kinds = [type(event) for event in events]
            assert (kinds.count(rc.TurnStarted), kinds.count(rc.Completed)) == (1, 1)
            assert any(isinstance(event, rc.Retrying) and event.code == "recovered" for event in events)

            await journaled.kill_host(session)
            await journaled.kill_journal()
            assert (await session.ask("and now?")).text == "nevermore"

            await journaled.kill_host(session)
            found = await runtime.session("raven")
            assert (await found.status()).turns == 2
            kinds = [type(event) for event in await read(watching, until=rc.Completed, turn=2)]
            assert kinds.count(ProcessLost) == 2
            last_seq = (await found.status()).last_seq

        await goes_on_in_another_namespace(journaled, last_seq)
        with pytest.raises(IncompatibleNamespace, match="has its journal in the SQLite file of the Ray session"):
            await joined_without_journal(journaled)

    asyncio.run(main())
    file = Path(session_folder(), "rayconteur", f"{journaled.namespace}.db")
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def joined_without_journal(journaled: Journaled) -> None:
    without = msgspec.structs.replace(journaled.options, journal=NoJournal())
    async with journaled.runtime(), rc.Runtime(options=without):
        pass


async def goes_on_in_another_namespace(journaled: Journaled, last_seq: int) -> None:
    """One of the same name, with the same file: its routers know nothing of what was."""
    async with journaled.runtime() as runtime:
        with pytest.raises(SessionExists):
            await runtime.spawn(SLOW, "raven")
        session = await runtime.session("raven")
        assert (await session.ask("still there?")).text == "nevermore"
        assert (await session.status()).last_seq > last_seq
        assert await texts(session) == [
            *("who is it?", "nevermore"),
            *("and now?", "nevermore"),
            *("still there?", "nevermore"),
        ]
        events = await read(session.events(), until=rc.Completed, turn=3)
        assert [event.turn for event in events if isinstance(event, rc.Completed)] == [1, 2, 3]
        await journaled.kill_host(session)
        await session.close()  # it goes on for that
        with pytest.raises(UnknownSession):
            await runtime.session("raven")
        anew = await asyncio.gather(*(runtime.open("raven", ECHO) for _ in range(3)))
        for number, each in enumerate(anew, start=1):
            assert (await each.ask("anew")).turn == number


async def read(reader: Reader, until: type[rc.FromLLM], turn: int) -> list[rc.FromLLM]:
    events: list[rc.FromLLM] = []
    async for event in reader:
        events.append(event)
        if isinstance(event, until) and event.turn == turn:
            return events
    raise AssertionError(f"it ended after {events}")


async def tool_batch(reply: rc.Reply) -> rc.ToolBatch:
    async for event in reply:
        if isinstance(event, rc.ToolBatch):
            return event
    raise AssertionError("the turn ended")


async def keep_trying(runtime: rc.Runtime, session_id: str) -> None:
    while True:
        with suppress(MissingKey):
            await runtime.session(session_id)
            return


def test_tools_queued_messages_and_credentials_survive(journaled: Journaled, monkeypatch: pytest.MonkeyPatch) -> None:
    look = rc.Tool(name="look", description="Look.", input_schema={"type": "object"})
    script = Script(answers=((Call(name="look"),), (Say(text="found"),)))
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)

    async def main() -> None:
        async with journaled.runtime() as runtime:
            session = await runtime.spawn(rc.SessionConfig(provider=rc.Scripted(script=script), tools=(look,)), "tools")
            batch = await tool_batch(session.ask("look"))
            claude = rc.Anthropic(model="claude-sonnet-5-5", api_key="sk-secret", base_url="http://127.0.0.1:9")
            await runtime.spawn(rc.SessionConfig(provider=claude), "claude")
            patient = rc.SessionConfig(provider=claude, retry=rc.RetryPolicy(first_delay_s=60.0, max_delay_s=60.0))
            asked = await runtime.spawn(patient, "asked")
            await asked.send(rc.UserMessage.of("Who is it?"))
            await read(asked.events(), until=rc.Retrying, turn=1)
            await journaled.kill_host(session)

            (use,) = batch.uses
            await session.send(rc.ToolResults(results=(rc.ToolResult(tool_use_id=use.id, content=(rc.Text("it"),)),)))
            await read(session.events(), until=rc.Completed, turn=1)
            claude_session = await runtime.session("claude")  # its key is known here
            await journaled.kill_host(claude_session)

        async with journaled.runtime() as runtime:
            with pytest.raises(MissingKey, match="ANTHROPIC_API_KEY"):
                await runtime.session("claude")
            waits = (await runtime.session("asked")).events()
            await read(waits, until=Waiting, turn=1)
            monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-another")
            await runtime.session("asked")
            await read(waits, until=rc.Retrying, turn=1)  # it was sent, to where nobody listens
            claude_session = await runtime.session("claude")
            monkeypatch.delenv("ANTHROPIC_API_KEY")
            await journaled.kill_host(claude_session)
            has_secrets = msgspec.structs.replace(journaled.options, credentials=ANTHROPIC_KEY)
            async with rc.Runtime(placement=rc.Packed(), options=has_secrets) as another:
                session, _ = await asyncio.gather(another.session("claude"), keep_trying(runtime, "claude"))
                assert (await session.status()).turns == 0

    asyncio.run(main())


def test_an_answer_whose_text_a_router_has_lost_is_in_the_history(journaled: Journaled) -> None:
    script = Script(answers=((Call(name="look", id="a"),), (Say("two "), Say("ravens"))))
    ran: list[str] = []

    def run_tool(use: rc.ToolUse) -> str:
        ran.append(use.id)
        return f"seen by {use.id}"

    async def main() -> None:
        async with journaled.runtime() as runtime:
            session = await runtime.spawn(rc.SessionConfig(provider=rc.Scripted(script=script)))
            first = await session.ask("look", key="k").answer(run_tool)
            await asyncio.to_thread(lambda: kill(process_id("_router-0", journaled.namespace)))

            events = [event async for event in session.ask("look", key="k")]
            again = await session.ask("look", key="k").answer(run_tool)

            assert any(isinstance(event, rc.Missed) for event in events)
            assert msgspec.structs.replace(again, duration_s=first.duration_s) == first
            assert (again.text, ran) == ("two ravens", ["a"])

    asyncio.run(main())


def test_sessions_are_stored_in_postgresql(options: rc.RuntimeOptions) -> None:
    async def main(journaled: Journaled) -> None:
        async with journaled.runtime() as runtime:
            session = await runtime.spawn(ECHO, "raven")
            await session.ask("before")
            await journaled.kill_host(session)
            await journaled.kill_journal()
            await session.ask("after")
            assert await texts(session) == ["before", "before", "after", "after"]

    with postgres_server() as server:
        asyncio.run(main(Journaled(options, PostgresJournalConfig(server.url()))))
