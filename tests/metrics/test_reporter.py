"""A session actor reports what is new to a router, and repeats what did not arrive."""

import asyncio

import msgspec
import pytest
from fixtures.virtual_time import run

from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.cluster.metrics.reporter import Reporter
from rayconteur.runtime.events.router import Router
from rayconteur.runtime.events.router_calls import RouterCall, serve
from rayconteur.runtime.events.transport import RouterGone
from rayconteur.runtime.metrics import catalog
from rayconteur.runtime.metrics.counts import Counts, Report, Values
from rayconteur.runtime.streams.peer import ignore

EVENTS = ("rayconteur_events",)
MAILBOX = ("rayconteur_mailbox_messages",)


class Host:
    """What a reporter reports, and the *reports* that a router got. It raises *error* instead, if there is one."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.waiting = 0
        self.reports: list[Report] = []
        self.error: BaseException | None = None
        self.reporter = Reporter([self._other, self._send], self._gauges, self.counts)

    async def _gauges(self) -> Values:
        return [(MAILBOX, self.waiting)]

    async def _other(self, data: bytes) -> None:
        raise AssertionError("this process is not connected to that router")

    async def _send(self, data: bytes) -> None:
        if self.error:
            raise self.error
        self.reports.append(msgspec.msgpack.decode(data, type=Report))


def test_only_what_is_new_is_reported_and_all_gauges_again_after_a_minute() -> None:
    async def main() -> None:
        host = Host()
        host.reporter.start(router=1)
        host.counts.add(catalog.EVENTS, value=3)
        await asyncio.sleep(30.0)
        host.waiting = 2
        await asyncio.sleep(30.0)
        assert host.reports == [Report([(EVENTS, 3)], [(MAILBOX, 0)]), Report([], [(MAILBOX, 2)])]
        await asyncio.sleep(60.0)
        assert host.reports[2:] == [Report([], [(MAILBOX, 2)])]
        host.reporter.finish()

    run(main())


def test_what_did_not_arrive_is_reported_the_next_time() -> None:
    async def main() -> None:
        host = Host()
        host.reporter.start(router=1)
        host.counts.add(catalog.EVENTS)
        host.error = ConnectionError()
        await asyncio.sleep(1.0)
        host.error = None
        host.counts.add(catalog.EVENTS)
        await asyncio.sleep(5.0)
        host.reporter.finish()

        assert host.reports == [Report([(EVENTS, 2)], [(MAILBOX, 0)])]

    run(main())


def test_the_end_of_a_process_is_reported() -> None:
    async def main() -> None:
        host = Host()
        host.reporter.start(router=1)
        host.counts.add(catalog.EVENTS)
        host.reporter.finish()
        await asyncio.sleep(0.1)

        assert host.reports == [Report([(EVENTS, 1)], [(MAILBOX, 0)])]

    run(main())


def test_when_the_router_is_gone_for_good_nothing_more_is_reported() -> None:
    async def main() -> None:
        host = Host()
        host.error = RouterGone()
        host.reporter.start(router=1)
        await asyncio.sleep(10.0)
        host.error = None
        host.counts.add(catalog.EVENTS)
        await asyncio.sleep(10.0)

        assert host.reports == []

    run(main())


class Peer:
    """A host's connection to a router."""

    def __init__(self) -> None:
        self.id = "a host"
        self.on_writable = self.on_lost = ignore
        self.is_writable = True

    def push(self, data: bytes) -> None:
        raise AssertionError("a host is pushed nothing")


def test_a_router_adds_up_reports_and_drops_the_gauges_of_a_lost_host() -> None:
    router, one, other = Router(RouterLimits()), Peer(), Peer()
    for peer in (one, one, other):
        serve(router, peer, RouterCall.REPORT, msgspec.msgpack.encode(Report([(EVENTS, 1)], [(MAILBOX, 4)])))
    assert router.metrics.gauges() == [(MAILBOX, 8)]
    assert dict(router.gauges(number=3))["rayconteur_router_hosts", "3"] == 2

    one.on_lost()

    assert router.metrics.gauges() == [(MAILBOX, 4)]
    assert router.metrics.totals == {EVENTS: 3}


def test_a_report_that_is_none_is_rejected() -> None:
    with pytest.raises(msgspec.ValidationError):
        serve(Router(RouterLimits()), Peer(), RouterCall.REPORT, msgspec.msgpack.encode("no report"))
