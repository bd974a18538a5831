"""The catalog on Ray: one program's sessions are listed, found, deleted and expired by the next one."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fixtures.named_actors import actor_names, wait_until

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig, JournalRequired, UnknownSession
from rayconteur.runtime import CatalogEntry, CatalogState, Labels, Retention, SQLiteJournalConfig

PROVIDER = rc.Scripted()


def labeled(owner: str, **others: object) -> rc.SessionConfig:
    return rc.SessionConfig(provider=PROVIDER, labels=Labels(owner=owner, **others))  # type: ignore[arg-type]


def with_journal(options: rc.RuntimeOptions, path: Path, *rules: Retention) -> rc.RuntimeOptions:
    journal = SQLiteJournalConfig(str(path / "journal.db"))
    return rc.RuntimeOptions(namespace=options.namespace, journal=journal, retention=rules)


async def eventually(call: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Rows are written a moment after turns end."""
    found: object = None
    for _ in range(100):
        if (found := await call()) == wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{found} and not {wanted}")


def ids(entries: list[CatalogEntry]) -> list[str]:
    return [entry.id for entry in entries]


async def spawn_and_leave(runtime: rc.Runtime) -> None:
    raven = await runtime.spawn(labeled("poe", title="The Raven", tags=("verse",), project="works"), "raven")
    bells = await runtime.spawn(labeled("poe"), "bells")
    await runtime.spawn(labeled("verne"), "nautilus")
    await raven.ask("Once upon a midnight dreary")
    await bells.ask("Hear the sledges")
    await bells.close()
    await eventually(lambda: turns_of(runtime, "raven"), 1)

    listed = await runtime.catalog.sessions(owner="poe")
    assert {entry.id: entry.state for entry in listed} == {"raven": "running", "bells": "closed"}
    assert ids(await runtime.catalog.sessions(state="running", owner="poe")) == ["raven"]


async def list_and_search(runtime: rc.Runtime) -> None:
    catalog = runtime.catalog
    assert {entry.id: entry.state for entry in await catalog.sessions()} == {
        "raven": CatalogState.STORED,
        "bells": CatalogState.CLOSED,
        "nautilus": CatalogState.STORED,
    }
    first = await catalog.sessions(limit=1)
    assert len(await catalog.sessions(before=first[-1])) == 2
    assert ids(await catalog.search("MIDNIGHT, dreary!", owner="poe")) == ["raven"]
    assert ids(await catalog.search("raven")) == ["raven"]
    assert await catalog.search("midnight", owner="verne") == []
    assert [await catalog.count(state=state) for state in (None, *CatalogState)] == [3, 0, 2, 1]
    entry = await catalog.get("raven")
    assert (entry.labels.tags, entry.labels.project, entry.turns, entry.messages) == (("verse",), "works", 1, 2)


async def expire_and_delete(runtime: rc.Runtime) -> None:
    catalog = runtime.catalog
    raven = await runtime.session("raven")
    assert (await catalog.get("raven")).state is CatalogState.RUNNING
    assert await catalog.expire(before=time.time(), owner="poe") == 1  # not the one that runs
    assert ids(await catalog.sessions(owner="poe")) == ["raven"]

    await catalog.delete("raven")
    calls: list[Awaitable[object]] = [raven.ask("more"), runtime.session("raven"), catalog.get("raven")]
    for call in (*calls, catalog.delete("raven")):
        with pytest.raises(rc.RayconteurError):
            await call
    assert await catalog.search("midnight") == []
    assert await (await runtime.spawn(labeled("poe"), "raven")).history() == ()
    await catalog.delete("nautilus")  # which does not run
    with pytest.raises(UnknownSession):
        await runtime.session("nautilus")


def test_the_next_program_lists_finds_expires_and_deletes_the_sessions_of_the_one_before(
    options: rc.RuntimeOptions, tmp_path: Path
) -> None:
    async def main() -> None:
        for work in ((spawn_and_leave,), (list_and_search, expire_and_delete)):
            async with rc.Runtime(placement=rc.Packed(), options=with_journal(options, tmp_path)) as runtime:
                for step in work:
                    await step(runtime)

    asyncio.run(main())


async def turns_of(runtime: rc.Runtime, session_id: str) -> int:
    try:
        return (await runtime.catalog.get(session_id)).turns
    except UnknownSession:
        return 0


def test_the_journal_s_actor_applies_the_rules_but_not_to_sessions_that_run(
    options: rc.RuntimeOptions, tmp_path: Path
) -> None:
    async def fill() -> None:
        async with rc.Runtime(placement=rc.Packed(), options=with_journal(options, tmp_path)) as runtime:
            for number in range(4):
                await runtime.spawn(labeled("poe"), f"poe-{number}")
            await runtime.spawn(labeled("verne"), "verne")
            await eventually(runtime.catalog.count, 5)
        await wait_until(lambda: not actor_names(options.namespace))  # its journal's actor has no rules

    async def sweep() -> None:
        rules = with_journal(options, tmp_path, Retention(owner="poe", max_sessions=1))
        async with rc.Runtime(placement=rc.Packed(), options=rules) as runtime:
            await eventually(runtime.catalog.count, 2)
            assert ids(await runtime.catalog.sessions()) == ["verne", "poe-3"]

    asyncio.run(fill())
    asyncio.run(sweep())


def test_a_script_uses_the_same_catalog_and_is_told_what_is_wrong(options: rc.RuntimeOptions, tmp_path: Path) -> None:
    with blocking.Runtime(placement=rc.Packed(), options=with_journal(options, tmp_path)) as runtime:
        runtime.spawn(labeled("poe"), "raven")
        asyncio.run(eventually(lambda: asyncio.to_thread(runtime.catalog.count, owner="poe"), 1))
        assert ids(runtime.catalog.sessions(owner="poe")) == ["raven"]
        assert runtime.catalog.get("raven").labels.owner == "poe"
        assert runtime.catalog.search("raven") == []
        for call, word in (
            (lambda: runtime.catalog.expire(before=time.time()), "every=True"),
            (lambda: runtime.catalog.sessions(state="asleep"), "running, stored, closed"),
            (lambda: runtime.catalog.sessions(limit=0), "limit"),
            (lambda: runtime.catalog.search(" - "), "words to search for"),
        ):
            with pytest.raises(InvalidConfig, match=word):
                call()
        runtime.catalog.delete("raven")
        assert runtime.catalog.expire(before=time.time(), every=True) == runtime.catalog.count() == 0


def test_without_a_journal_there_is_no_catalog(runtime: blocking.Runtime) -> None:
    with pytest.raises(JournalRequired, match="start it without"):
        runtime.catalog.count()
