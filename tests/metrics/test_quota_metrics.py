"""The quota broker tells how many requests it has admitted, and how many wait for it."""

import asyncio

from fixtures.quotas.local_broker import LocalBrokers
from fixtures.virtual_time import run

from rayconteur.runtime import QuotaRule, Quotas
from rayconteur.runtime.governance.quotas.messages import Ending, Lane
from rayconteur.runtime.metrics.counts import Values

LANE = Lane("account", "anthropic/claude", "acme")
SIZE = (100, None)


def gauges(brokers: LocalBrokers) -> Values:
    assert brokers.server
    return brokers.server.gauges()


def expected(admitted: int, waiting: int) -> Values:
    return [(("rayconteur_quota_admitted_requests",), admitted), (("rayconteur_quota_waiting_requests",), waiting)]


def test_admitted_and_waiting_requests_are_gauges() -> None:
    async def main() -> None:
        brokers = LocalBrokers(Quotas(rules=(QuotaRule(models="anthropic/*", concurrent=1),)))
        client = brokers.connect()
        first = await client.admit(LANE, "s", SIZE)
        waiting = [asyncio.create_task(client.admit(LANE, "t", SIZE)) for _ in range(2)]
        await asyncio.sleep(1.0)
        assert gauges(brokers) == expected(1, 2)

        first.end(Ending.ANSWERED, 100, 50)
        for task in waiting:
            (await task).end(Ending.ANSWERED, 100, 50)
        await asyncio.sleep(5.0)

        assert gauges(brokers) == expected(0, 0)
        await client.aclose()

    run(main())
