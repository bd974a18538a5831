"""Accounts are spread over brokers, and each keeps its limits."""

import asyncio
from itertools import chain

from fixtures.quotas.local_broker import LocalBrokers
from fixtures.virtual_time import run

from rayconteur.runtime import QuotaRule, Quotas
from rayconteur.runtime.governance.quotas.messages import Ending, Lane
from rayconteur.runtime.governance.quotas.shards import QuotaClients

QUOTAS = Quotas(rules=(QuotaRule(models="*/*", concurrent=3),))
PER_MINUTE = Quotas(rules=(QuotaRule(models="*/*", requests=60, burst=0.05),))
PERIOD_S = 60.0
MINUTES = 5
LANES = [Lane(f"account-{number}", "anthropic/claude", "acme") for number in range(20)]


def test_all_hosts_ask_the_same_broker_for_an_account_and_brokers_share_the_accounts() -> None:
    async def main() -> None:
        brokers = [LocalBrokers(QUOTAS) for _ in range(2)]
        pairs = [[each.connect() for each in brokers] for _ in range(2)]
        hosts = [QuotaClients(pair) for pair in pairs]
        in_flight = dict.fromkeys(LANES, 0)
        most = dict.fromkeys(LANES, 0)

        async def answer(host: QuotaClients, lane: Lane, session: str) -> None:
            admission = await host.admit(lane, session, (100, None))
            in_flight[lane] += 1
            most[lane] = max(most[lane], in_flight[lane])
            await asyncio.sleep(1)
            in_flight[lane] -= 1
            admission.end(Ending.ANSWERED, 100, 10)

        asked = [answer(host, lane, f"s{number}") for host in hosts for lane in LANES for number in range(5)]
        await asyncio.gather(*asked)

        accounts = [len([*each.server.broker.accounts]) for each in brokers if each.server]
        assert sum(accounts) == len(LANES)
        assert min(accounts) >= 5
        assert set(most.values()) == {3}
        await asyncio.gather(*(client.aclose() for client in chain(*pairs)))

    run(main())


def test_each_broker_keeps_the_limits_of_its_accounts_under_load_and_has_half_of_the_messages() -> None:
    async def main() -> None:
        brokers = [LocalBrokers(PER_MINUTE) for _ in range(2)]
        pairs = [[each.connect() for each in brokers] for _ in range(3)]
        admitted = {lane: list[float]() for lane in LANES[3:5]}  # which have different brokers
        loop = asyncio.get_running_loop()

        async def work(host: QuotaClients, lane: Lane) -> None:
            while True:
                admission = await host.admit(lane, "s", (100, None))
                admitted[lane].append(loop.time())
                await asyncio.sleep(0.5)
                admission.end(Ending.ANSWERED, 100, 10)

        hosts = [QuotaClients(pair) for pair in pairs]
        tasks = [asyncio.create_task(work(host, lane)) for host in hosts for lane in admitted for _ in range(5)]
        await asyncio.sleep(MINUTES * PERIOD_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        for times in admitted.values():
            assert max(sum(at <= each < at + PERIOD_S for each in times) for at in times) <= 60
            assert len(times) >= MINUTES * 60 * 0.93
        calls = [sum(link.calls for link in each.links) for each in brokers]
        assert min(calls) >= 0.45 * sum(calls)
        await asyncio.gather(*(client.aclose() for client in chain(*pairs)))

    run(main())
