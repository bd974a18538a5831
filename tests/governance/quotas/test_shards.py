"""Accounts are spread over brokers, and each keeps its limits."""

import asyncio
from itertools import chain

from fixtures.quotas.local_broker import LocalBrokers
from fixtures.virtual_time import run

from rayconteur.runtime import QuotaRule, Quotas
from rayconteur.runtime.governance.quotas.messages import Ending, Lane
from rayconteur.runtime.governance.quotas.shards import QuotaClients

QUOTAS = Quotas(rules=(QuotaRule(models="*/*", concurrent=3),))
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
