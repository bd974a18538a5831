"""Processes killed while readers of every kind wait: each is told of a death within seconds, or continues."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from fixtures.named_actors import host_name, kill, process_id

import rayconteur as rc
from rayconteur.errors import SessionClosed, SessionDied
from rayconteur.runtime import DeathReason, Died, Placement
from rayconteur.scripted import Say, Script, Wait

WITHIN_S = 5.0
ECHO = rc.SessionConfig(provider=rc.Scripted())
HANGS = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Say("so far"), Wait()),))))
STREAMS = rc.SessionConfig(
    provider=rc.Scripted(script=Script(answers=((Say("a raven says so, " * 20),),), tokens_per_s=500))
)


async def ask(session: rc.SessionHandle, has_text: asyncio.Event) -> SessionDied:
    """The error with which a running ``ask`` ends."""
    try:
        async for event in session.ask("hi"):
            if isinstance(event, rc.TextChunk):
                has_text.set()
    except SessionDied as error:
        return error
    raise AssertionError("the turn has ended")


async def read_deaths(reader: AsyncIterator[rc.FromLLM], count: int) -> dict[str, Died]:
    """The next *count* deaths that the reader is told of, by session, after all events before them."""
    deaths: dict[str, Died] = {}
    last: dict[str, int] = {}
    while len(deaths) < count:
        event = await anext(reader)
        first = event.first if isinstance(event, rc.Missed) else event.seq
        assert first == last.get(event.session_id, 0) + 1
        last[event.session_id] = event.seq
        if isinstance(event, Died):
            deaths[event.session_id] = event
    return deaths


async def kill_all(names: Sequence[str], namespace: str) -> None:
    pids = [await asyncio.to_thread(process_id, name, namespace) for name in names]
    await asyncio.gather(*(asyncio.to_thread(kill, pid) for pid in pids))


@pytest.mark.parametrize(
    ("sessions", "placement", "with_host"),
    [
        pytest.param(1, rc.Dedicated(), (), id="a dedicated session"),
        pytest.param(3, rc.Packed(), (), id="a packed actor"),
        pytest.param(2, rc.Packed(), ("_router-0",), id="host and router", marks=pytest.mark.chaos),
        pytest.param(2, rc.Packed(), ("_directory",), id="host and directory", marks=pytest.mark.chaos),
        pytest.param(1, rc.Dedicated(), ("_directory", "_router-0"), id="all three", marks=pytest.mark.chaos),
    ],
)
def test_readers_of_every_kind_are_told_of_a_death(
    sessions: int, placement: Placement, with_host: tuple[str, ...], options: rc.RuntimeOptions
) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options) as runtime, rc.Runtime(options=options) as other:
            handles = await runtime.spawn_many(HANGS, [f"raven-{number}" for number in range(sessions)], placement)
            unhurt = await other.spawn(ECHO, "unhurt")
            everything = [each.events(after=0) for each in (runtime, other)]
            ones = [(await other.session(handle.id)).events() for handle in handles]
            texts = [asyncio.Event() for _ in handles]
            asking = [asyncio.create_task(ask(*each)) for each in zip(handles, texts, strict=True)]
            await asyncio.gather(*(text.wait() for text in texts))
            reading = [asyncio.create_task(read_deaths(reader, 1)) for reader in ones]
            reading += [asyncio.create_task(read_deaths(reader, sessions)) for reader in everything]
            host = await asyncio.to_thread(host_name, handles[0].id, options.namespace)

            await kill_all([host, *with_host], options.namespace)

            async with asyncio.timeout(WITHIN_S):
                errors = await asyncio.gather(*asking)
                deaths = await asyncio.gather(*reading)
            assert {error.reason for error in errors} == {DeathReason.CRASHED}
            for told in deaths[-2:]:
                assert sorted(told) == [handle.id for handle in handles]
            assert {death.reason for told in deaths for death in told.values()} == {DeathReason.CRASHED}
            assert (await unhurt.ask("are you there?").answer()).text == "are you there?"
            assert [status.id for status in await runtime.sessions()] == ["unhurt"]
            again = await other.spawn(ECHO, handles[0].id, rc.Packed())
            assert (await again.ask("hello").answer()).text == "hello"
            with pytest.raises(SessionDied):
                await handles[0].ask("hello")

    asyncio.run(main())


def test_a_turn_whose_tail_nobody_had_read_when_the_router_was_killed_still_ends(options: rc.RuntimeOptions) -> None:
    options = msgspec.structs.replace(options, reader_bytes=1)  # one segment at a time: the router has the others

    async def main() -> None:
        async with rc.Runtime(options=options, placement=rc.Packed()) as runtime, rc.Runtime(options=options) as other:
            session = await runtime.spawn(STREAMS, "raven")
            everything = [each.events(after=0) for each in (runtime, other)]
            ones = [session.events(), (await other.session("raven")).events()]
            reply = aiter(session.ask("speak"))
            assert isinstance(await anext(reply), rc.TurnStarted)
            while (await session.status()).turn:
                pass

            await kill_all(["_router-0"], options.namespace)

            async with asyncio.timeout(WITHIN_S):
                rest = [event async for event in reply]
                reads = await asyncio.gather(*map(read_turn, (*everything, *ones)))
            assert isinstance(rest[-1], rc.Completed)
            assert any(isinstance(event, rc.Missed) for event in rest)
            assert {events[-1].seq for events in reads} == {rest[-1].seq}
            assert (await session.ask("speak again").answer()).turn == 2

    asyncio.run(main())


async def read_turn(reader: AsyncIterator[rc.FromLLM]) -> list[rc.FromLLM]:
    """The events up to the end of the turn, which follow each other without a gap."""
    events: list[rc.FromLLM] = []
    while not (events and isinstance(events[-1], rc.Completed)):
        events.append(await anext(reader))
        first = events[-1].first if isinstance(events[-1], rc.Missed) else events[-1].seq
        assert first == (events[-2].seq + 1 if len(events) > 1 else 1)
    return events


def test_a_session_that_was_closed_before_the_directory_was_restarted_is_reported_closed(
    options: rc.RuntimeOptions,
) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options) as runtime, rc.Runtime(options=options) as other:
            session = await runtime.spawn(ECHO, "raven")
            elsewhere = await other.session("raven")
            await session.close()
            await kill_all(["_directory"], options.namespace)

            with pytest.raises(SessionClosed):
                await elsewhere.status()

    asyncio.run(main())
