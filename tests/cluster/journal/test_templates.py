"""Sessions follow templates: while they run, when they come back from the journal, and in the next namespace."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from fixtures.named_actors import kill, process_id

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.runtime import FollowedTemplate, SQLiteJournalConfig

PLACEMENT = rc.Packed()
IDS = [f"raven-{number}" for number in range(12)]


def config(system: str, max_steps: int = 3) -> rc.SessionConfig:
    return rc.SessionConfig(provider=rc.Scripted(), system=system, max_steps=max_steps)


async def systems(runtime: rc.Runtime, ids: list[str]) -> list[object]:
    """The system prompts with which these sessions answer."""
    handles = [await runtime.session(each) for each in ids]
    await asyncio.gather(*(session.ask("hi").answer() for session in handles))
    return [(await session.settings()).system for session in handles]


async def until(done: Callable[[list[str]], bool], runtime: rc.Runtime) -> None:
    async with asyncio.timeout(20):
        while not done([status.id for status in await runtime.sessions()]):  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.05)


def test_sessions_follow_a_template_running_or_stored_and_in_the_next_namespace(
    options: rc.RuntimeOptions, tmp_path: Path
) -> None:
    options = msgspec.structs.replace(options, journal=SQLiteJournalConfig(str(tmp_path / "journal.db")))

    async def main() -> None:
        async with rc.Runtime(placement=PLACEMENT, options=options) as runtime:
            with pytest.raises(InvalidConfig, match="no template 'support'; there are none"):
                await runtime.spawn(rc.Template("support"))
            await runtime.templates.put("support", config("first"))
            await runtime.spawn_many(rc.Template("support"), IDS[:2])
            await runtime.spawn(rc.Template("support", rc.Configure(system="own")), "own")
            await runtime.spawn(rc.Template("support", rc.Configure(passivate_after_s=0.05)), "stored")
            await until(lambda running: "stored" not in running, runtime)

            changed = await runtime.templates.put("support", config("second", max_steps=4))

            assert changed.done == ["own", *IDS[:2]]
            assert await systems(runtime, ["own", "stored", *IDS[:2]]) == ["own", "second", "second", "second"]
            assert (await (await runtime.session("own")).settings()).max_steps == 4
            await asyncio.to_thread(lambda: kill(process_id("_directory", options.namespace)))
            await is_a_canary(runtime)
        await goes_on_in_the_next_namespace(options)

    asyncio.run(main())


async def is_a_canary(runtime: rc.Runtime) -> None:
    """A part of the sessions has it, also of those that are spawned meanwhile."""
    canary = await runtime.templates.put("support", config("third"), share=0.5)
    assert set(canary.done) < {"own", *IDS[:2], "stored"}
    await runtime.spawn_many(rc.Template("support"), IDS[2:])
    found = await systems(runtime, IDS)
    template = await runtime.templates.get("support")
    assert found == [template.version_for(each).config.system for each in IDS]
    assert set(found) == {"second", "third"}
    await runtime.templates.use("support", 2)
    assert set(await systems(runtime, IDS)) == {"second"}


async def goes_on_in_the_next_namespace(options: rc.RuntimeOptions) -> None:
    async with rc.Runtime(placement=PLACEMENT, options=options) as runtime:
        (template,) = await runtime.templates.list()
        assert [version.number for version in template.versions] == [1, 2, 3]
        await runtime.templates.put("support", config("fourth"))
        assert await systems(runtime, ["stored", IDS[0]]) == ["fourth", "fourth"]
        followed = (await (await runtime.session("stored")).settings()).template
        assert followed == FollowedTemplate(name="support", version=4, overrides=("passivate_after_s",))
        await runtime.templates.delete("support")
        assert await runtime.templates.list() == []
        assert await systems(runtime, [IDS[1]]) == ["second"]
