"""A session that goes on without its credentials says what it lacks, waits, and goes on when it is given them."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from fixtures.killable_host import KEY, KillableHost, Namespace
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import MissingExtra, MissingKey
from rayconteur.providers import ProviderConfig
from rayconteur.providers.scripted.client import ScriptedClient
from rayconteur.runtime import Waiting, WaitReason
from rayconteur.runtime.core.turn import MAX_RECOVERIES, MAX_RECOVERY_S
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.session.durable.lacking import lacking_credentials, supply_credentials
from rayconteur.runtime.session.requests.credentials import Supplied
from rayconteur.scripted import Call, Say, Script, Step
from rayconteur.scripted import Wait as Pause

CLAUDE = rc.Anthropic(model="claude-sonnet-5-5", api_key="sk-secret")
LOOK = rc.Tool(name="look", description="Look.", input_schema={"type": "object"})


def with_session(test: Callable[[Namespace, list[ProviderConfig]], Coroutine[Any, Any, None]], *answer: Step) -> None:
    """A session of Claude that was asked something. The list gets each provider whose client is opened."""
    opened: list[ProviderConfig] = []

    def open_client(config: ProviderConfig) -> ScriptedClient:
        opened.append(config)
        return ScriptedClient(rc.Scripted(script=Script(answers=(answer, (Say("nevermore"),)))))

    async def main() -> None:
        namespace = Namespace(MemoryJournal(), open_client=open_client)
        await namespace.open(rc.SessionConfig(provider=CLAUDE, tools=(LOOK,)))
        await namespace.host.ask("Who is it?")
        try:
            await test(namespace, opened)
        finally:
            await namespace.stop()

    run(main())


async def go_on_without_credentials(namespace: Namespace) -> Waiting:
    """What the session waits for in another process, which asks again what the one before was asking."""
    namespace.host.kill()
    await namespace.recover(lacking=True)
    waiting = await namespace.wait_for(lambda event: isinstance(event, Waiting))
    assert isinstance(waiting, Waiting)
    return waiting


def test_a_request_waits_for_credentials_that_are_named_and_is_sent_when_they_are_given() -> None:
    async def test(namespace: Namespace, opened: list[ProviderConfig]) -> None:
        waiting = await go_on_without_credentials(namespace)

        assert (waiting.reason, waiting.expected_s, waiting.turn) == (WaitReason.CREDENTIALS, None, 1)
        assert "ANTHROPIC_API_KEY" in waiting.problem
        (lacking,) = lacking_credentials(namespace.host.host, KEY)
        assert lacking == CLAUDE.public()
        await asyncio.sleep(3_600)
        assert all(each == CLAUDE for each in opened)
        await supply_credentials(namespace.host.host, KEY, [CLAUDE])
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))
        assert namespace.texts() == ["Who is it?", "nevermore"]
        assert not lacking_credentials(namespace.host.host, KEY)

    with_session(test, Pause(seconds=60))


def test_processes_that_are_lost_while_it_waits_do_not_count() -> None:
    async def test(namespace: Namespace, opened: list[ProviderConfig]) -> None:
        for _ in range(2 * MAX_RECOVERIES):
            await go_on_without_credentials(namespace)
            await asyncio.sleep(MAX_RECOVERY_S)
        namespace.host.kill()

        await namespace.recover()

        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))

    with_session(test, Pause(seconds=60))


def test_messages_and_interrupts_are_taken_while_it_waits_and_settings_are_not() -> None:
    async def test(namespace: Namespace, opened: list[ProviderConfig]) -> None:
        await go_on_without_credentials(namespace)

        assert await namespace.host.ask("Who else?") == 2
        assert sum(isinstance(event, Waiting) for event in namespace.read()) == 1
        with pytest.raises(MissingKey, match="ANTHROPIC_API_KEY"):
            await namespace.host.send(rc.Configure(model="claude-opus-5-1"))
        await namespace.host.send(rc.Interrupt())
        await supply_credentials(namespace.host.host, KEY, [CLAUDE])

        completed = await namespace.wait_for(lambda event: isinstance(event, rc.Completed))
        assert completed.turn == 2
        assert sum(isinstance(event, rc.StreamStarted) and event.turn == 1 for event in namespace.read()) <= 1

    with_session(test, Pause(seconds=60))


def test_results_of_tools_are_taken_and_the_next_request_waits() -> None:
    async def test(namespace: Namespace, opened: list[ProviderConfig]) -> None:
        await namespace.wait_for(lambda event: isinstance(event, rc.ToolBatch))
        namespace.host.kill()
        await namespace.recover(lacking=True)

        await namespace.host.send(rc.ToolResults(results=(rc.ToolResult("a", (rc.Text("a raven"),)),)))
        await namespace.wait_for(lambda event: isinstance(event, Waiting))
        await supply_credentials(namespace.host.host, KEY, [CLAUDE])

        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))

    with_session(test, Call("look", id="a"))


def test_an_idle_session_does_not_go_on_without_its_credentials_since_nothing_would_wait_for_them() -> None:
    async def test(namespace: Namespace, opened: list[ProviderConfig]) -> None:
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))

        with pytest.raises(MissingKey, match="ANTHROPIC_API_KEY"):
            await namespace.recover(lacking=True)
        assert await namespace.hosts[0].ask("Who else?") == 2  # nobody has taken it over
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed) and event.turn == 2)
        await namespace.recover()
        assert await namespace.host.ask("Who now?") == 3

    with_session(test, Say("the wind"))


def test_a_session_stays_where_it_is_if_the_next_process_can_not_open_the_client_of_its_provider() -> None:
    async def test(namespace: Namespace, opened: list[ProviderConfig]) -> None:
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))

        def open_client(config: ProviderConfig) -> ScriptedClient:
            raise MissingExtra("anthropic", "anthropic")

        namespace.open_client = open_client
        with pytest.raises(MissingExtra):
            await namespace.recover()
        assert await namespace.hosts[0].ask("Who else?") == 2

    with_session(test, Say("the wind"))


def test_what_is_recorded_before_a_session_is_taken_over_counts_and_its_requests_wait_for_what_is_lacking() -> None:
    async def test(namespace: Namespace, opened: list[ProviderConfig]) -> None:
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed))
        before, after = namespace.host, KillableHost(namespace)

        needed = await after.host.rebuild(KEY)
        other = rc.OpenAI(model="gpt-5", api_key="sk-other")
        await before.send(rc.Configure(provider=other))
        await after.host.resume(KEY, Supplied(needed))

        namespace.hosts.append(after)
        assert after.host.settings(KEY).provider == other.public()
        assert lacking_credentials(after.host, KEY) == [other.public()]
        await after.ask("Who else?")
        waiting = await namespace.wait_for(lambda event: isinstance(event, Waiting))
        assert isinstance(waiting, Waiting)
        assert "OPENAI_API_KEY" in waiting.problem
        await supply_credentials(after.host, KEY, [other])
        await namespace.wait_for(lambda event: isinstance(event, rc.Completed) and event.turn == 2)

    with_session(test, Say("the wind"))
