"""The models endpoint is asked when a session is spawned or configured, and never holds one up for long."""

import asyncio
from typing import Any

import msgspec
import pytest
from fixtures.clients import KEY
from servers.loopback import Exchange, Loopback

import rayconteur as rc
from rayconteur import blocking
from rayconteur.providers import served_facts
from rayconteur.runtime.driver.blocking.background_loop import BackgroundLoop


def provider(url: str, model: str = "claude-next") -> rc.Anthropic:
    return rc.Anthropic(model=model, api_key=KEY, base_url=url, fetch_model_facts=True)


async def answer_with_the_model_s_number(exchange: Exchange) -> None:
    """A model called ``claude-7`` writes 7,000 tokens; one with another name can't be found."""
    number = exchange.request.target.removeprefix("/v1/models/claude-")
    if number.isdecimal():
        await exchange.send_answer(msgspec.json.encode({"id": "x", "max_tokens": int(number) * 1_000}))
    else:
        await exchange.send_answer(b'{"error":{"message":"no"}}', 404)


@pytest.fixture(autouse=True)
def nothing_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_facts, "_learned", {})


async def output_limit(session: rc.SessionHandle) -> int | None:
    return (await session.settings()).provider.facts.output_limit_tokens


def test_the_endpoint_is_asked_about_each_new_model_of_a_session(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def main() -> list[int | None]:
        limits: list[int | None] = []
        async with Loopback(answer_with_the_model_s_number) as server:
            session = await async_runtime.spawn(rc.SessionConfig(provider=provider(server.url, "claude-7")))
            limits.append(await output_limit(session))
            await session.configure(rc.Configure(model="claude-8"))
            limits.append(await output_limit(session))
            await session.configure(rc.Configure(provider=provider(server.url, "claude-9")))
            limits.append(await output_limit(session))
            await session.configure(rc.Configure(model="claude-opus-5-5"))
            limits.append(await output_limit(session))
        return limits

    assert runner.run(main()) == [7_000, 8_000, 9_000, 128_000]


def test_a_hanging_endpoint_holds_up_one_spawn_and_no_other_task(
    runner: asyncio.Runner, async_runtime: rc.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served_facts, "TIMEOUT_S", 0.5)
    asked = asyncio.Event()

    async def hang(exchange: Exchange) -> None:
        asked.set()
        await exchange.hang()

    async def main() -> tuple[bool, int | None, int]:
        async with Loopback(hang) as server:
            config = rc.SessionConfig(provider=provider(server.url, "claude-opus-5-5"))
            spawning = asyncio.ensure_future(async_runtime.spawn(config))
            await asked.wait()
            is_free = not spawning.done()  # the endpoint has been asked, and this task runs all the same
            session = await spawning
            await async_runtime.spawn(config)
            return is_free, await output_limit(session), len(server.received)

    assert runner.run(main()) == (True, 128_000, 1)


def test_messages_stay_behind_a_change_of_the_model_that_the_endpoint_is_asked_about(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def main() -> list[Any]:
        async with Loopback(answer_with_the_model_s_number) as server:
            session = await async_runtime.spawn(rc.SessionConfig(provider=rc.Scripted()))
            changes = [rc.Configure(provider=rc.Scripted(model=name)) for name in ("a", "b")]
            asked = rc.Configure(provider=provider(server.url, "claude-7"))
            messages: list[rc.ToLLM] = [asked, changes[0], changes[1]]

            await asyncio.gather(*(session.send(message) for message in messages))

            return [(await session.settings()).provider.model, len(server.received)]

    assert runner.run(main()) == ["b", 1]


def test_the_blocking_api_asks_too(runtime: blocking.Runtime) -> None:
    loop = BackgroundLoop()
    server = loop.run(Loopback(answer_with_the_model_s_number).__aenter__())
    try:
        session = runtime.spawn(rc.SessionConfig(provider=provider(server.url, "claude-7")))
        assert session.settings().provider.facts.output_limit_tokens == 7_000
        session.configure(rc.Configure(model="claude-8"))
        assert session.settings().provider.facts.output_limit_tokens == 8_000
        session.close()
    finally:
        loop.run(server.__aexit__())
        loop.close()
