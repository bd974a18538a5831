"""Calls for many sessions, over all actors of a namespace."""

import asyncio
from typing import Any, cast

import pytest

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import InvalidConfig, SessionClosed, UnknownSession
from rayconteur.runtime import Labels, Where
from rayconteur.scripted import Script, Wait

HANGS = rc.Scripted(script=Script(answers=((Wait(),),)))
TENANTS = Where(ids="tenant-*")
PACKED = rc.Packed(sessions_per_actor=100, actors=2)


def config(owner: str) -> rc.SessionConfig:
    return rc.SessionConfig(provider=HANGS, labels=Labels(owner=owner))


def test_calls_are_for_the_sessions_that_fit_on_whatever_actor(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def main() -> None:
        runtime = async_runtime
        sessions = await runtime.spawn_many(config("poe"), [f"tenant-{number}" for number in range(20)], PACKED)
        dedicated = await runtime.spawn(config("poe"), "tenant-alone")
        other = await runtime.spawn(config("pope"), "tenant-other", PACKED)
        everyone = sorted(session.id for session in (*sessions, dedicated, other))

        for session in (sessions[3], dedicated, other):
            await session.send(rc.UserMessage.of("Nevermore?"))
        interrupted = await runtime.interrupt(Where(ids="tenant-*", owner="poe"))
        assert [outcome.id for outcome in interrupted] == [each for each in everyone if each != "tenant-other"]
        assert interrupted.done == sorted([sessions[3].id, "tenant-alone"])
        assert (await other.status()).turn == 1

        some = await runtime.configure(rc.Configure(system="new"), TENANTS, share=0.3)
        rest = await runtime.configure(rc.Configure(system="new"), TENANTS)
        assert 0 < len(some) < len(everyone)
        assert some.done == [outcome.id for outcome in some]
        assert rest.done == [each for each in everyone if each not in some.done]
        assert [(await each.settings()).system for each in (*sessions[:2], dedicated)] == ["new"] * 3

        closed = await runtime.close(Where(owner="poe"))
        assert closed.done == [each for each in everyone if each != "tenant-other"]
        with pytest.raises(SessionClosed):
            await dedicated.status()
        await dedicated.close()
        assert await runtime.close(Where(owner="poe")) == []
        assert (await runtime.close(TENANTS)).done == ["tenant-other"]
        with pytest.raises(UnknownSession):
            await runtime.session("tenant-other")

    runner.run(main())


def test_an_invalid_change_or_share_is_rejected_before_any_session_is_asked(
    runner: asyncio.Runner, async_runtime: rc.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)

    async def main() -> None:
        with pytest.raises(rc.errors.MissingKey, match="GROQ_API_KEY"):
            await async_runtime.configure(rc.Configure(provider="groq:m"), TENANTS)
        with pytest.raises(InvalidConfig, match="share"):
            await async_runtime.configure(rc.Configure(system="x"), TENANTS, share=0)
        for wrong in ({"tag": "x"}, None, "every"):
            with pytest.raises(InvalidConfig, match=r"give a rayconteur\.runtime\.Where"):
                await async_runtime.close(cast(Any, wrong))
        with pytest.raises(InvalidConfig, match="give a Configure, not a Close"):
            await async_runtime.configure(cast(Any, rc.runtime.Close()), TENANTS)

    runner.run(main())


def test_the_blocking_api_has_the_same_calls(runtime: blocking.Runtime) -> None:
    runtime.spawn_many(config("lenore"), ["lenore-1", "lenore-2"], rc.Packed())
    where = Where(owner="lenore")

    assert len(runtime.interrupt(where)) == 2
    assert runtime.configure(rc.Configure(system="new"), where).done == ["lenore-1", "lenore-2"]
    assert runtime.close(where, drain=True).done == ["lenore-1", "lenore-2"]
