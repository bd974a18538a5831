"""Calls for many sessions of a host."""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread, current_thread
from typing import Any, Protocol

import msgspec
import pytest
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.client import Client
from rayconteur.runtime import Labels, SessionOutcome, State, Where
from rayconteur.runtime.api.fleet.where import in_share
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.session.durable.journaling import Journaling
from rayconteur.runtime.session.fleet.orders import FleetOrder, carry_out, select
from rayconteur.runtime.session.host import Host
from rayconteur.runtime.session.requests.client_pool import ClientPool
from rayconteur.scripted import Script, Wait

HANGS = rc.Scripted(script=Script(answers=((Wait(),),)))
IDS = [f"raven-{number}" for number in range(120)]
EVERY = Where(every=True)


class Scenario(Protocol):
    def __call__(self, host: Host) -> Coroutine[Any, Any, None]: ...


def with_host(
    scenario: Scenario,
    open_client: Callable[[ProviderConfig], Client] = open_client,
    journaling: Journaling | None = None,
) -> None:
    """Run *scenario* with a host that has the sessions ``IDS``: those with even numbers are Poe's."""

    async def publish(data: bytes) -> None:
        del data

    async def on_end(sessions: dict[str, int]) -> None:
        del sessions

    async def main() -> None:
        host = Host([publish], on_end, ClientPool(open_client), journaling=journaling)
        publishing = asyncio.create_task(host.run())
        for first, owner in enumerate(("poe", "")):
            config = rc.SessionConfig(provider=HANGS, labels=Labels(owner=owner))
            await host.open(IDS[first::2], 1, config)
        await scenario(host)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)

    run(main())


def ask(host: Host, session_id: str) -> None:
    host.tell((session_id, 1), msgspec.msgpack.encode(rc.UserMessage.of("Nevermore?")))


def systems(host: Host) -> dict[str, object]:
    return {session_id: host.settings((session_id, 1)).system for session_id in IDS}


def test_a_call_is_for_those_that_fit() -> None:
    async def scenario(host: Host) -> None:
        ask(host, "raven-4")
        await asyncio.sleep(1)

        assert await select(host, IDS, FleetOrder(Where(owner="poe"))) == [(each, 1) for each in IDS[::2]]
        assert await select(host, [*IDS[:6], "elsewhere"], FleetOrder(Where(owner=""))) == [(e, 1) for e in IDS[1:6:2]]
        assert await select(host, IDS, FleetOrder(Where(state=State.REQUESTING))) == [("raven-4", 1)]
        assert await select(host, IDS, FleetOrder(Where(ids="raven-11?"))) == [(each, 1) for each in IDS[110:]]
        assert await select(host, IDS, FleetOrder(Where(tag="day"))) == []
        assert len(await select(host, IDS, FleetOrder(EVERY, share=0.3))) == sum(in_share(each, 0.3) for each in IDS)

    with_host(scenario)


def test_interrupting_says_which_sessions_had_a_turn_that_ran() -> None:
    async def scenario(host: Host) -> None:
        ask(host, "raven-4")
        ask(host, "raven-7")
        await asyncio.sleep(1)

        outcomes = await carry_out(host, IDS, FleetOrder(Where(owner="poe"), message=rc.Interrupt()))

        assert [outcome.id for outcome in outcomes] == IDS[::2]
        assert [outcome.id for outcome in outcomes if outcome.done] == ["raven-4"]
        assert host.status(("raven-4", 1)).turn is None
        assert host.status(("raven-7", 1)).turn == 1

    with_host(scenario)


def test_a_session_that_has_nothing_to_do_for_a_call_records_nothing() -> None:
    async def scenario(host: Host) -> None:
        async def records() -> list[int]:
            await asyncio.sleep(1)
            return [(await journal.position(each)).number for each in IDS]

        change = rc.Configure(system="new")
        before = await records()
        await carry_out(host, IDS, FleetOrder(EVERY, message=rc.Interrupt()))
        assert await records() == before
        await carry_out(host, IDS, FleetOrder(EVERY, message=change))
        changed = await records()
        assert all(now > then for now, then in zip(changed, before, strict=True))
        await carry_out(host, IDS, FleetOrder(EVERY, message=change))
        assert await records() == changed

    journal = MemoryJournal()
    with_host(scenario, journaling=Journaling(journal))


def test_a_share_is_configured_widened_without_telling_the_first_again_and_undone() -> None:
    async def scenario(host: Host) -> None:
        async def configure(system: str | None, share: float) -> list[str]:
            order = FleetOrder(EVERY, share, rc.Configure(system=system))
            return [outcome.id for outcome in await carry_out(host, IDS, order) if outcome.done]

        canary = await configure("new", 0.2)
        assert canary == [each for each in IDS if in_share(each, 0.2)]
        assert {each for each, system in systems(host).items() if system == "new"} == set(canary)

        widened = await configure("new", 0.5)
        assert set(widened) == {each for each in IDS if in_share(each, 0.5)} - set(canary)
        assert await configure("new", 0.5) == []

        undone = await configure(None, 0.5)
        assert set(undone) == {*canary, *widened}
        assert set(systems(host).values()) == {None}

    with_host(scenario)


@pytest.mark.parametrize(
    "change",
    [
        rc.Configure(model="scripted"),
        rc.Configure(provider=HANGS),
        rc.Configure(compaction=rc.SessionConfig(provider=HANGS).compaction),
        rc.Configure(temperature=None, labels=Labels(owner="poe")),
    ],
)
def test_settings_that_a_session_has_are_not_told_again(change: rc.Configure) -> None:
    async def scenario(host: Host) -> None:
        outcomes = await carry_out(host, IDS, FleetOrder(Where(ids="raven-0"), message=change))

        assert outcomes == [SessionOutcome("raven-0", 1, done=False)]
        assert (await carry_out(host, IDS, FleetOrder(Where(ids="raven-0"), message=rc.Configure(model="other"))))[
            0
        ].done

    with_host(scenario)


def test_what_a_session_rejects_is_its_error_and_the_others_go_on() -> None:
    async def scenario(host: Host) -> None:
        choice = rc.ToolChoice(mode="tool", name="fly")
        tool = rc.Tool(name="fly", description="", input_schema={"type": "object"})
        host.tell(("raven-1", 1), msgspec.msgpack.encode(rc.Configure(tools=(tool,))))

        outcomes = await carry_out(host, IDS[:3], FleetOrder(EVERY, message=rc.Configure(tool_choice=choice)))

        assert [outcome.done for outcome in outcomes] == [False, True, False]
        assert isinstance(outcomes[0].error, InvalidConfig)
        assert outcomes[1].error is None

    with_host(scenario)


def test_a_provider_that_cannot_be_used_fails_for_all_that_fit_and_changes_nothing() -> None:
    async def scenario(host: Host) -> None:
        unopenable = rc.Anthropic(model="m", api_key="k", request_forms={})

        outcomes = await carry_out(host, IDS, FleetOrder(Where(owner="poe"), message=rc.Configure(provider=unopenable)))

        assert [outcome.id for outcome in outcomes] == IDS[::2]
        assert all(isinstance(outcome.error, InvalidConfig) for outcome in outcomes)
        assert host.settings(("raven-0", 1)).provider == HANGS

    with_host(scenario)


def test_a_provider_with_a_key_is_opened_once_off_the_event_loop_and_not_told_again() -> None:
    opened_by: list[Thread] = []

    def open_scripted(config: ProviderConfig) -> Client:
        if config.name == "openai":
            opened_by.append(current_thread())
        return open_client(HANGS)

    async def scenario(host: Host) -> None:
        order = FleetOrder(EVERY, message=rc.Configure(provider=rc.OpenAI(model="m", api_key="sk-1")))

        assert all(outcome.done for outcome in await carry_out(host, IDS, order))
        assert not any(outcome.done or outcome.error for outcome in await carry_out(host, IDS, order))
        assert "sk-1" not in repr(host.settings(("raven-0", 1)))

    with_host(scenario, open_scripted)
    assert len(opened_by) == 1
    assert opened_by[0] is not current_thread()


def test_a_call_for_many_sessions_lets_others_be_served() -> None:
    async def scenario(host: Host) -> None:
        served = 0

        async def serve() -> None:
            nonlocal served
            while True:
                served += 1
                await asyncio.sleep(0)

        serving = asyncio.create_task(serve())
        await carry_out(host, IDS, FleetOrder(EVERY, message=rc.Configure(system="x")))
        serving.cancel()

        assert served >= 2 * len(IDS) // 50

    with_host(scenario)
