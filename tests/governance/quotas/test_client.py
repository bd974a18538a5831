"""Hosts get what the limits allow, together; nothing is lost when a request, a host or the broker ends."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from fixtures.quotas.local_broker import LocalBrokers
from fixtures.virtual_time import run

from rayconteur.runtime import QuotaRule, Quotas, WaitReason
from rayconteur.runtime.governance.quotas.client import Admission, QuotaClient
from rayconteur.runtime.governance.quotas.messages import Ending, Lane, Wait

LANE = Lane("account", "anthropic/claude", "acme")
SIZE = (100, None)
PERIOD_S = 60.0


def quotas(**limits: int) -> Quotas:
    return Quotas(rules=(QuotaRule(models="anthropic/*", burst=0.05, **limits),))  # type: ignore[arg-type]


@asynccontextmanager
async def hosts(brokers: LocalBrokers, number: int = 1) -> AsyncGenerator[Sequence[QuotaClient]]:
    clients = [brokers.connect() for _ in range(number)]
    yield clients
    for client in clients:
        await client.aclose()


async def answer(client: QuotaClient, session: str = "s", duration_s: float = 1.0, output: int = 50) -> None:
    admission = await client.admit(LANE, session, SIZE)
    try:
        await asyncio.sleep(duration_s)
        admission.end(Ending.ANSWERED, SIZE[0], output)
    finally:
        admission.end(Ending.FAILED)


def in_flight(brokers: LocalBrokers) -> int:
    assert brokers.server
    return sum(account.in_flight for account in brokers.server.broker.accounts)


async def settled(seconds: float = 5.0) -> None:
    """All messages have arrived, and leases have expired."""
    await asyncio.sleep(seconds)


def test_requests_of_all_hosts_share_a_limit() -> None:
    async def main() -> None:
        brokers, admitted = LocalBrokers(quotas(requests=60)), list[float]()
        loop = asyncio.get_running_loop()

        async def work(client: QuotaClient) -> None:
            while True:
                await answer(client, duration_s=0.5)
                admitted.append(loop.time())

        async with hosts(brokers, 3) as clients:
            tasks = [asyncio.create_task(work(client)) for client in clients for _ in range(10)]
            await asyncio.sleep(5 * PERIOD_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        assert max(sum(at <= each < at + PERIOD_S for each in admitted) for at in admitted) <= 60
        assert len(admitted) >= 5 * 60 * 0.93

    run(main())


def test_no_more_requests_are_in_flight_than_the_limit_and_the_next_one_follows_at_once() -> None:
    async def main() -> None:
        brokers, running, most = LocalBrokers(quotas(concurrent=3)), 0, 0

        async def work(client: QuotaClient) -> None:
            nonlocal running, most
            admission = await client.admit(LANE, "s", SIZE)
            running += 1
            most = max(most, running)
            await asyncio.sleep(1)
            running -= 1
            admission.end(Ending.ANSWERED, 100, 50)

        async with hosts(brokers, 2) as clients:
            await asyncio.gather(*(work(client) for client in clients for _ in range(6)))

            assert most == 3
            assert asyncio.get_running_loop().time() < 4.2
            await settled()
            assert in_flight(brokers) == 0

    run(main())


def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    async def main() -> None:
        brokers = LocalBrokers(quotas(concurrent=1), delay_s=0.01)
        async with hosts(brokers) as (client,):
            first = await client.admit(LANE, "s", SIZE)
            for cancel_after_s in (0.0, 0.005, 0.015, 1.0):
                waiting = asyncio.create_task(client.admit(LANE, "t", SIZE))
                await asyncio.sleep(cancel_after_s)
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
            first.end(Ending.ANSWERED, 100, 50)
            await settled()

            assert client.waiting == client.in_flight == in_flight(brokers) == 0
            await answer(client)

    run(main())


def test_a_request_that_is_cancelled_while_it_is_admitted_leaves_nothing_behind() -> None:
    async def main() -> None:
        brokers = LocalBrokers(quotas(concurrent=1), delay_s=0.01)
        async with hosts(brokers) as (client,):
            await answer(client)
            for cancel_after_s in (0.018, 0.02, 0.0201, 0.022):
                waiting = asyncio.create_task(client.admit(LANE, "t", SIZE))
                await asyncio.sleep(cancel_after_s)
                waiting.cancel()
                for admitted in await asyncio.gather(waiting, return_exceptions=True):
                    if isinstance(admitted, Admission):
                        admitted.end(Ending.UNSENT)
            await settled()

            assert client.waiting == client.in_flight == in_flight(brokers) == 0
            await answer(client)

    run(main())


def test_the_requests_of_a_host_that_dies_hold_nobody_up() -> None:
    async def main() -> None:
        brokers = LocalBrokers(quotas(concurrent=2))
        async with hosts(brokers, 2) as (dying, other):
            await dying.admit(LANE, "s", SIZE)
            await dying.admit(LANE, "t", SIZE)
            waiting = asyncio.create_task(answer(other))
            await asyncio.sleep(1)
            assert not waiting.done()

            await dying.aclose()
            peer = brokers.links[0].peer
            assert peer
            peer.on_lost()

            await waiting

    run(main())


def test_a_host_learns_what_it_waits_for_and_how_long() -> None:
    async def main() -> None:
        async with hosts(LocalBrokers(quotas(requests=60))) as (client,):
            waits = list[Wait]()
            for number in range(10):
                ask = client.admit(LANE, f"s{number}", SIZE, waits.append)
                asyncio.create_task(ask).add_done_callback(lambda task: task.result().end(Ending.ANSWERED, 100, 1))
            at = asyncio.get_running_loop().time()
            last = asyncio.create_task(client.admit(LANE, "last", SIZE, waits.append))
            await last
            waited_s = asyncio.get_running_loop().time() - at

            assert {wait.reason for wait in waits} == {WaitReason.REQUESTS}
            assert 0.5 * waited_s <= max(wait.expected_s for wait in waits) <= 1.5 * waited_s
            assert len(waits) >= 5

    run(main())


def test_after_a_429_nothing_is_admitted_for_as_long_as_the_response_says() -> None:
    async def main() -> None:
        async with hosts(LocalBrokers(quotas(requests=600)), 2) as (client, other):
            waits = list[Wait]()
            refused = await client.admit(LANE, "s", SIZE)
            refused.end(Ending.RATE_LIMITED, retry_after_s=7.0)
            await asyncio.sleep(0.1)

            admission = await other.admit(LANE, "t", SIZE, waits.append)

            assert 7.0 <= asyncio.get_running_loop().time() < 7.5
            assert waits[0].reason is WaitReason.RATE_LIMITED
            assert 6.0 <= waits[0].expected_s <= 7.0
            admission.end(Ending.UNSENT)

    run(main())


def test_requests_that_follow_each_other_quickly_are_leased_several_at_once() -> None:
    async def main() -> None:
        brokers = LocalBrokers(quotas(requests=100_000))
        async with hosts(brokers) as (client,):

            async def work() -> None:
                for _ in range(100):
                    await answer(client, duration_s=0.1)

            await asyncio.gather(*(work() for _ in range(20)))

            assert brokers.links[0].calls < 2_000 / 4
            await settled()
            assert in_flight(brokers) == client.in_flight == 0

    run(main())


def test_while_the_broker_is_gone_hosts_go_on_with_their_shares_and_register_again() -> None:
    async def main() -> None:
        brokers, admitted = LocalBrokers(quotas(requests=300)), list[float]()
        loop = asyncio.get_running_loop()

        async def work(client: QuotaClient) -> None:
            while True:
                await answer(client, duration_s=0.5)
                admitted.append(loop.time())

        async with hosts(brokers, 2) as clients:
            tasks = [asyncio.create_task(work(client)) for client in clients for _ in range(10)]
            await asyncio.sleep(100)
            brokers.kill()
            await asyncio.sleep(100)
            brokers.restart()
            await asyncio.sleep(100)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await settled()
            assert in_flight(brokers) == 0

        for start in range(0, 300, 100):
            assert 420 <= sum(start <= at < start + 100 for at in admitted) <= 520
        assert max(sum(at <= each < at + PERIOD_S for each in admitted) for at in admitted) <= 315

    run(main())


def test_what_is_in_flight_when_the_broker_dies_counts_at_the_next_one() -> None:
    async def main() -> None:
        brokers = LocalBrokers(quotas(concurrent=2))
        async with hosts(brokers) as (client,):
            first, _ = await client.admit(LANE, "s", SIZE), await client.admit(LANE, "t", SIZE)
            brokers.kill()
            brokers.restart()
            waiting = asyncio.create_task(client.admit(LANE, "u", SIZE))
            await settled()
            assert not waiting.done()
            assert in_flight(brokers) == 2

            first.end(Ending.ANSWERED, 100, 50)
            await waiting

    run(main())


def test_a_host_that_has_never_met_the_broker_waits_for_it() -> None:
    async def main() -> None:
        brokers = LocalBrokers(quotas(requests=600))
        brokers.kill()
        async with hosts(brokers) as (client,):
            waits = list[Wait]()
            waiting = asyncio.create_task(client.admit(LANE, "s", SIZE, waits.append))
            await asyncio.sleep(3)
            assert not waiting.done()
            assert waits[0].reason is WaitReason.BROKER

            brokers.restart()
            await waiting

    run(main())
