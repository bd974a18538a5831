"""What fails: actors of sessions, routers, and the directory."""

import asyncio
from collections.abc import Sequence

from detection.readings import Reading, death_among_all, require_reasons
from detection.stage import ECHO, HANGS, QUESTION, Stage, host_of, killing, require_answer, seconds_from, seconds_until

import rayconteur as rc
from rayconteur.runtime import DeathReason

STREAMS = 50


async def session_actor(stage: Stage, beside: Sequence[str] = ()) -> list[float]:
    """A dedicated session's actor dies while it is asked, and with it those *beside* it: all readers are told."""
    bystander = await stage.asked(placement=rc.Packed())
    session = await stage.runtime.spawn(HANGS)
    reports = await stage.reports_of_death(session)

    seconds, reasons = await seconds_until(reports, await killing(*beside, await host_of(session)))

    require_reasons(reasons, DeathReason.CRASHED)
    again = await stage.asked(session.id, rc.Packed())  # its id is free
    await require_answer(bystander)
    await asyncio.gather(again.close(), bystander.close())
    return [seconds]


async def packed_actor(stage: Stage) -> list[float]:
    """An actor with 100 sessions dies: all 100 readers are told, and those of another actor go on."""
    bystander = await stage.asked()
    sessions = await stage.runtime.spawn_many(ECHO, 100, rc.Packed())
    readers = [Reading(await stage.reader(session)).death() for session in sessions]
    everything = stage.other.events()
    readers += [death_among_all(everything, sessions[-1].id)]

    seconds, reasons = await seconds_until(readers, await killing(await host_of(sessions[0])))

    require_reasons(reasons, DeathReason.CRASHED)
    await require_answer(bystander)
    await bystander.close()
    return [seconds]


async def router(stage: Stage) -> list[float]:
    """A router dies while 50 sessions stream: their readers go on."""
    sessions = [await stage.streaming() for _ in range(STREAMS)]
    readings = [Reading(await stage.reader(session)) for session in sessions]
    await asyncio.gather(*(reading.until(lambda event: event.seq >= 5) for reading in readings))

    async def newer(session: rc.SessionHandle, reading: Reading) -> None:
        last = (await session.status()).last_seq
        await reading.until(lambda event: event.seq > last)

    async def all_newer() -> None:
        await asyncio.gather(*map(newer, sessions, readings))

    seconds = await seconds_from(await killing("_router-0"), all_newer)
    await asyncio.gather(*(session.close() for session in sessions))
    return [seconds]


async def unread_tail(stage: Stage) -> list[float]:
    """A router dies that has a turn which nobody has read: who reads it then gets its end."""
    session = await stage.asked(placement=rc.Packed())
    before = (await session.status()).last_seq
    receipt = await session.send(rc.UserMessage.of("raven " * 100))
    while (await session.status()).state is not rc.runtime.State.IDLE:  # noqa: ASYNC110  nobody may read its end
        await asyncio.sleep(0.05)

    async def completed() -> None:
        reading = Reading(await stage.reader(session, before), before)
        await reading.until(lambda event: event.turn == receipt.turn and isinstance(event, rc.Completed))

    seconds = await seconds_from(await killing("_router-0"), completed)
    await session.close()
    return [seconds]


async def from_now_on(stage: Stage) -> list[float]:
    """A router dies, and a reader of all sessions from now on begins: it gets what is newer, and nothing else."""
    session = await stage.asked(placement=rc.Packed())

    async def newer() -> None:
        everything = stage.other.events()
        last = (await session.status()).last_seq
        while True:
            await session.send(rc.UserMessage.of(QUESTION))
            try:
                async with asyncio.timeout(0.2):
                    event = await anext(everything)
            except TimeoutError:
                continue
            assert event.seq > last or isinstance(event, rc.Missed), f"{event} is not newer than {last}"
            everything.close()
            return

    seconds = await seconds_from(await killing("_router-0"), newer)
    await session.close()
    return [seconds]


async def host_and_router(stage: Stage) -> list[float]:
    """A session's actor and its router die together: all readers are told."""
    return await session_actor(stage, ["_router-0"])


async def directory(stage: Stage) -> list[float]:
    """The directory dies: another program lists all sessions again, and one can be spawned."""
    session = await stage.asked(placement=rc.Packed())

    async def listed() -> None:
        assert session.id in [status.id for status in await stage.other.sessions()]
        await (await stage.other.spawn(ECHO, placement=rc.Packed())).close()

    seconds = await seconds_from(await killing("_directory"), listed)
    await require_answer(session)
    await session.close()
    return [seconds]


async def directory_and_host(stage: Stage) -> list[float]:
    """The directory and a session's actor die together: all readers are told."""
    return await session_actor(stage, ["_directory"])
