"""A session that goes on in another host: readers continue, and the host before is fenced off."""

import asyncio

import msgspec
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.providers.registry import open_client
from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events.outbox import Incarnation
from rayconteur.runtime.events.router import Router
from rayconteur.runtime.events.segments import START, decode_events
from rayconteur.runtime.session.host import Host
from rayconteur.runtime.session.requests.client_pool import ClientPool

ECHO = rc.SessionConfig(provider=rc.Scripted())
KEY = ("raven", 1)


def test_a_session_goes_on_in_another_host_and_ends_in_the_one_before() -> None:
    router = Router(RouterLimits())
    ended: list[str] = []

    def new_host(name: str) -> Host:
        async def publish(data: bytes) -> bytes | None:
            return router.publish(data)

        async def on_end(sessions: dict[str, int]) -> None:
            assert sessions == {"raven": 1}
            ended.append(name)

        return Host([publish], on_end, ClientPool(open_client))

    async def main() -> None:
        first, second = new_host("first"), new_host("second")
        running = [asyncio.create_task(host.run()) for host in (first, second)]
        await first.open(["raven"], 1, ECHO)
        ask(first, "before")
        await asyncio.sleep(1)

        last_seq = router.subscriptions.log.take_over("raven", 1, 2)
        await second.open(["raven"], 1, ECHO, incarnation=Incarnation(2, last_seq))
        ask(first, "a ghost speaks")
        ask(second, "after")
        await asyncio.sleep(1)

        segments = router.subscriptions.log.segments_after("raven", START)
        events = [event for each in segments for event in decode_events(each)]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert [event.text for event in events if isinstance(event, rc.TextChunk)] == ["before", "after"]
        assert ended == ["first"]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    run(main())


def ask(host: Host, text: str) -> None:
    host.tell(KEY, msgspec.msgpack.encode(rc.UserMessage.of(text)))
