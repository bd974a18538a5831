"""Sessions of several processes share the limits of an account, over real HTTP."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
import ray
from fixtures.named_actors import actor_names
from servers.limits.limited import Limited
from servers.loopback import Loopback

import rayconteur as rc
from rayconteur.errors import IncompatibleNamespace
from rayconteur.runtime import Labels, QuotaRule, Quotas, Waiting, WaitReason
from rayconteur.runtime.cluster.directory.actor_names import quotas_name

PERIOD_S = 1.0
SESSIONS = 20


def governed(
    options: rc.RuntimeOptions, *rules: QuotaRule, learns: bool = False, brokers: int = 1
) -> rc.RuntimeOptions:
    quotas = Quotas(rules=rules, learns=learns, period_s=PERIOD_S, brokers=brokers)
    return msgspec.structs.replace(options, quotas=quotas)


def config(url: str, owner: str = "") -> rc.SessionConfig:
    provider = rc.Anthropic(model="claude-haiku-4-5", api_key="secret", base_url=url)
    return rc.SessionConfig(provider=provider, labels=Labels(owner=owner))


@asynccontextmanager
async def sessions(
    options: rc.RuntimeOptions, server: Limited
) -> AsyncGenerator[tuple[rc.Runtime, Sequence[rc.SessionHandle]]]:
    """Sessions on two actors, at *server*."""
    placement = rc.Packed(sessions_per_actor=SESSIONS // 2)
    async with Loopback(server.respond) as loopback, rc.Runtime(placement=placement, options=options) as runtime:
        yield runtime, [await runtime.spawn(config(loopback.url), f"s{number}") for number in range(SESSIONS)]


async def ask_for(seconds: float, handles: Sequence[rc.SessionHandle]) -> list[rc.FromLLM]:
    """Have each session ask all the time. Returns the events of their turns that are no chunks."""
    events: list[rc.FromLLM] = []
    until = time.monotonic() + seconds

    async def work(session: rc.SessionHandle) -> None:
        while time.monotonic() < until:
            events.extend([event async for event in session.ask(session.id) if not isinstance(event, rc.TextChunk)])

    await asyncio.gather(*map(work, handles))
    return events


@pytest.mark.chaos
def test_sessions_on_two_actors_use_an_account_up_to_its_limits_and_are_not_turned_down(
    options: rc.RuntimeOptions,
) -> None:
    limits = QuotaRule(models="anthropic/*", requests=40, concurrent=8, period_s=PERIOD_S)
    server = Limited(requests=50, concurrent=8, period_s=PERIOD_S, answer_s=0.1)  # requests may be late

    async def main() -> None:
        async with sessions(governed(options, limits, brokers=2), server) as (_, handles):
            assert {quotas_name(0), quotas_name(1)} <= set(actor_names(options.namespace))
            await ask_for(0.5, handles)  # connections are opened
            server.statuses.clear()
            began_at = time.monotonic()
            events = await ask_for(2.0, handles)
            took_s = time.monotonic() - began_at

            assert not [event for event in events if isinstance(event, rc.Failed)]
            assert server.statuses[429] + server.statuses[529] <= 0.05 * server.statuses[200]
            assert 0.7 * 40 * took_s <= server.statuses[200] <= 40 * (took_s + PERIOD_S)
            assert server.most <= 8
            assert max(server.answered.values()) <= 2 * min(server.answered.values())
            reasons = {event.reason for event in events if isinstance(event, Waiting)}
            assert reasons - {WaitReason.CONCURRENCY, WaitReason.RATE_LIMITED} == {WaitReason.REQUESTS}
            await joining_programs_have_the_same_limits(options, limits)

    asyncio.run(main())


async def joining_programs_have_the_same_limits(options: rc.RuntimeOptions, limits: QuotaRule) -> None:
    for given in (options, governed(options, limits, brokers=2)):
        async with rc.Runtime(options=given):
            pass
    others = governed(options, QuotaRule(models="anthropic/*", requests=50))
    with pytest.raises(IncompatibleNamespace, match=r"was started with Quotas.*requests=40"):
        async with rc.Runtime(options=others):
            pass


@pytest.mark.chaos
def test_when_the_broker_dies_sessions_go_on_and_share_the_next_one(options: rc.RuntimeOptions) -> None:
    limits = QuotaRule(models="anthropic/*", requests=40, period_s=PERIOD_S)
    server = Limited(requests=60, period_s=PERIOD_S)  # requests may be late

    async def main() -> None:
        async with sessions(governed(options, limits), server) as (_, handles):
            await ask_for(0.5, handles)
            before = server.statuses[200]
            asking = asyncio.create_task(ask_for(4.0, handles))
            await asyncio.sleep(1.0)
            ray.kill(ray.get_actor(quotas_name(0), namespace=options.namespace), no_restart=False)
            events = await asking

            assert not [event for event in events if isinstance(event, rc.Failed)]
            assert 0.5 * 40 * 4 <= server.statuses[200] - before <= 1.1 * 40 * 5
            assert server.statuses[429] <= 0.05 * server.statuses[200]

    asyncio.run(main())
