"""Properties of event delivery from outboxes through routers to readers: no event is lost silently, or arrives twice.

Random sessions publish, end, die, reuse ids, and go on in other hosts while those before still send. Random readers
subscribe, pause, read and close. Connections break, what travels is lost or taken by nobody for a while, and routers
restart. The expected events are those that the routers accepted.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from checkers.delivery.ledger import DeliveryLedger
from checkers.delivery.tracked_reader import LiveSession, SessionKey, TrackedReader
from fixtures import virtual_time
from fixtures.event_network import Host, Network, reader_of, reader_of_all, wait_idle
from fixtures.events.link import Fault
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import rayconteur as rc
from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events.router_connections import RouterConnections
from rayconteur.runtime.events.segments import shard_of
from rayconteur.runtime.events.tail import is_durable

NAMES = ("a", "b", "c", "d")
FRAMES = ("publish", "find_gaps", "update_subscriptions", "push", "positions", "end_lost_sessions")
WIDE = RouterLimits()
NARROW = RouterLimits(session_bytes=2_000, total_bytes=4_000, ended_sessions=2, push_bytes=900)


class DeliveryMachine(RuleBasedStateMachine):
    """*sessions* are those that are alive; *zombies* still run, but another incarnation has taken over."""

    network: Network
    ledger: DeliveryLedger
    drivers: list[RouterConnections]
    shared_host: Host

    def __init__(self) -> None:
        super().__init__()
        self.runner = virtual_time.runner()
        self.sessions: dict[str, LiveSession] = {}
        self.texts: dict[SessionKey, list[str]] = {}
        self.readers: list[TrackedReader] = []
        self.text_count = 0
        self.zombies: list[LiveSession] = []

    def teardown(self) -> None:
        try:
            if hasattr(self, "network"):
                self.run(self.check_everything_was_delivered)
                self.run(self.network.close)
        finally:
            self.runner.close()

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.runner.run(work())

    def is_whole(self, name: str, epoch: int) -> bool:
        """True if the session's router has had all of its events."""
        return epoch >= self.network.routers[shard_of(name, len(self.network.routers))].subscriptions.log.whole_since

    # Rules

    @initialize(limits=st.sampled_from([WIDE, NARROW]), routers=st.integers(1, 2))
    def start(self, limits: RouterLimits, routers: int) -> None:
        async def start() -> None:
            self.network = Network(limits, routers)
            self.ledger = DeliveryLedger(self.network, self.sessions)
            self.drivers = [self.network.connect_driver(), self.network.connect_driver()]
            self.shared_host = self.network.start_host()

        self.run(start)

    @rule(name=st.sampled_from(NAMES), dedicated=st.booleans())
    def spawn(self, name: str, dedicated: bool) -> None:
        async def spawn() -> None:
            if name not in self.network.live:
                host = self.network.start_host() if dedicated else self.shared_host
                box = host.spawn(name)
                self.sessions[name] = LiveSession(host, box, self.network.live[name])

        self.run(spawn)

    @rule(name=st.sampled_from(NAMES), chunks=st.integers(1, 4), block=st.integers(0, 1))
    def put_text(self, name: str, chunks: int, block: int) -> None:
        if session := self.sessions.get(name):
            for _ in range(chunks):
                self.text_count += 1
                text = f"{self.text_count}."
                self.texts.setdefault((name, session.epoch), []).append(text)
                session.box.put_text(rc.TextChunk, session.epoch, block, text)

    @rule(name=st.sampled_from(NAMES), count=st.integers(1, 5))
    def put_events(self, name: str, count: int) -> None:
        if session := self.sessions.get(name):
            for _ in range(count):
                session.box.put_event(rc.TurnStarted(turn=session.epoch))

    @rule(name=st.sampled_from(NAMES))
    def close_session(self, name: str) -> None:
        if session := self.sessions.pop(name, None):

            async def close() -> None:
                self.network.start_task(session.host.close(name, session.box))
                await asyncio.sleep(0)

            self.run(close)

    @rule(name=st.sampled_from(NAMES))
    def die(self, name: str) -> None:
        session = self.sessions.get(name)
        if session and session.host is not self.shared_host:
            del self.sessions[name]

            async def die() -> None:
                session.host.die()

            self.run(die)

    @rule()
    def tell_deaths(self) -> None:
        """Later than their ids are free."""

        async def tell() -> None:
            self.network.tell_deaths()

        self.run(tell)

    @rule(name=st.sampled_from(NAMES))
    def take_over(self, name: str) -> None:
        """The session goes on in another host; what the one before still sends reaches nobody."""
        session = self.sessions.get(name)
        if session is None or session.host is self.shared_host:
            return

        async def take_over() -> None:
            host, number = self.network.start_host(), session.incarnation + 1
            self.ledger.record()
            box = host.take_over(name, number)
            session.host.forget(name)
            self.zombies.append(session)
            self.sessions[name] = LiveSession(host, box, session.epoch, number)
            box.put_event(rc.TurnStarted(turn=session.epoch))
            await wait_idle()

        self.run(take_over)
        key = (name, session.epoch)
        self.ledger.taken_over[key] = session.incarnation + 1
        self.ledger.record()
        events = self.ledger.published.get(key, {})
        self.texts[key] = ["".join(event.text for event in events.values() if isinstance(event, rc.TextChunk))]

    @rule(number=st.integers(0, 3), ends=st.booleans())
    def hear_from_zombie(self, number: int, ends: bool) -> None:
        for session in self.zombies[number : number + 1]:
            if not session.box.is_fenced:
                session.box.put_text(rc.TextChunk, session.epoch, 0, "I am still here")
                session.box.put_event(rc.TurnStarted(turn=session.epoch))
            if ends:
                self.run(wait_idle)
                assert session.box.is_fenced or self.network.faults

    @rule(
        driver=st.integers(0, 1),
        name=st.sampled_from(NAMES),
        after=st.integers(0, 3),
        limit_bytes=st.sampled_from([1, 600, 100_000]),
    )
    def read_one_session(self, driver: int, name: str, after: int, limit_bytes: int) -> None:
        epoch = max((epoch for of, epoch in self.ledger.session_keys() if of == name), default=None)

        async def read() -> None:
            assert epoch is not None
            start = min(after, len(self.ledger.published.get((name, epoch), {})))
            reader = reader_of(self.drivers[driver], name, epoch, start, limit_bytes)
            self.readers.append(TrackedReader(reader, {(name, epoch): start}))

        if epoch is not None:
            self.run(read)

    @rule(driver=st.integers(0, 1), from_now=st.booleans(), limit_bytes=st.sampled_from([1, 600, 100_000]))
    def read_all_sessions(self, driver: int, from_now: bool, limit_bytes: int) -> None:
        async def read() -> None:
            await wait_idle()
            self.ledger.record()
            start = {key: self.ledger.last_published(key) for key in self.ledger.session_keys()} if from_now else {}
            reader = reader_of_all(self.drivers[driver], from_now, limit_bytes)
            died = self.network.told_deaths if from_now else set[SessionKey]()
            late = frozenset(self.network.dead - died) if from_now else frozenset[SessionKey]()
            unknown = frozenset(key for key, seq in start.items() if not seq and not self.is_whole(*key))
            self.readers.append(TrackedReader(reader, start, died=died, late=late, unknown=unknown))
            await wait_idle()

        self.run(read)

    @precondition(lambda self: self.readers)
    @rule(number=st.integers(0, 10), batches=st.integers(1, 5))
    def read(self, number: int, batches: int) -> None:
        async def read() -> None:
            await self.ledger.read_batches(self.readers[number % len(self.readers)], batches)

        self.run(read)

    @precondition(lambda self: self.readers)
    @rule(
        number=st.integers(0, 10), rests_s=st.sampled_from([0.0, 0.1, 200.0]), starts_s=st.sampled_from([0.0, 0.1, 1.0])
    )
    def rest_reader(self, number: int, rests_s: float, starts_s: float) -> None:
        """As between two turns: it reads on after what is published when it resumes, and is told so a little later."""
        tracked = self.readers[number % len(self.readers)]
        name, epoch = tracked.reader.session_id, tracked.reader.epoch

        async def rest() -> None:
            assert name is not None
            tracked.reader.rest()
            await asyncio.sleep(rests_s)
            tracked.reader.resume()
            self.ledger.record()
            seq = self.ledger.last_published((name, epoch))
            await asyncio.sleep(starts_s)
            tracked.reader.skip_to(seq)
            tracked.last[name, epoch] = max(seq, tracked.position((name, epoch)))
            tracked.missed.pop(name, None)

        if name is not None:
            self.run(rest)

    @precondition(lambda self: self.readers)
    @rule(number=st.integers(0, 10))
    def close_reader(self, number: int) -> None:
        self.readers.pop(number % len(self.readers)).reader.close()

    @rule(frame=st.sampled_from(FRAMES), fault=st.sampled_from(Fault))
    def inject_fault(self, frame: str, fault: Fault) -> None:
        self.network.faults[frame] = fault

    @rule(number=st.integers(0, 4))
    def break_connection(self, number: int) -> None:
        async def break_connection() -> None:
            for link in self.network.links[number : number + 1]:
                link.lose()

        self.run(break_connection)

    @rule(number=st.integers(0, 4), is_writable=st.booleans())
    def stall_connection(self, number: int, is_writable: bool) -> None:
        async def set_writable() -> None:
            for link in self.network.links[number : number + 1]:
                link.set_writable(is_writable)

        self.run(set_writable)

    @rule(shard=st.integers(0, 1))
    def restart_router(self, shard: int) -> None:
        async def restart() -> None:
            for session in self.zombies:  # what fences off those that are cut off is more than a router knows
                session.host.stop()
            self.zombies.clear()
            self.ledger.was_restarted = True  # hosts may publish an earlier session again after a later one with its id
            self.network.restart_router(shard % len(self.network.routers))

        self.run(restart)

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 200.0]))
    def wait(self, seconds: float) -> None:
        self.run(lambda: asyncio.sleep(seconds))

    # Invariants

    @invariant()
    def routers_keep_to_their_limits(self) -> None:
        if hasattr(self, "network"):
            for router in self.network.routers:
                assert router.subscriptions.log.size_bytes <= max(
                    self.network.limits.total_bytes, self.ledger.largest_bytes()
                )

    @invariant()
    def readers_buffer_no_more_than_their_limit(self) -> None:
        if hasattr(self, "network"):
            for tracked in self.readers:
                beyond = self.ledger.largest_bytes() * len(self.network.routers)
                assert tracked.reader.size_bytes <= tracked.reader.limit_bytes + beyond

    @invariant()
    def published_events_have_no_gaps_and_contain_the_text_in_order(self) -> None:
        if not hasattr(self, "network"):
            return
        self.ledger.record()
        for key, events in self.ledger.published.items():
            if key not in self.ledger.taken_over:
                assert sorted(events) == list(range(1, len(events) + 1))
            text = "".join(event.text for event in events.values() if isinstance(event, rc.TextChunk))
            assert "".join(self.texts.get(key, [])).startswith(text)

    def check_routers_are_complete(self) -> None:
        """Whatever routers were restarted: the latest durable events of living and closed sessions are held."""
        for key, events in self.ledger.published.items():
            if self.network.limits is NARROW or not self.ledger.is_latest(key):
                continue
            if key in {*self.ledger.taken_over, *self.network.dead}:
                continue
            durable = sorted(seq for seq, event in events.items() if is_durable(event))
            assert {*durable[-10:]} <= self.ledger.held_seqs(key), key
        for name, session in self.sessions.items():
            log = self.network.routers[shard_of(name, len(self.network.routers))].subscriptions.log
            if session.box.seq and session.incarnation == 1:
                assert log.position(name) == (session.epoch, session.box.seq)

    async def check_everything_was_delivered(self) -> None:
        """Once there are no more faults, a reader that reads on has received every event that it could."""
        self.network.faults.clear()
        self.network.tell_deaths()
        for link in self.network.links:
            link.set_writable(True)
        await wait_idle()
        self.ledger.record()
        self.check_routers_are_complete()
        for tracked in self.readers:
            await self.ledger.read_batches(tracked, 10_000)
            for key in self.ledger.session_keys():
                if tracked.covers(key) and (self.ledger.is_latest(key) or not self.ledger.was_restarted):
                    held = {seq for seq in self.ledger.held_seqs(key) if seq in self.ledger.published.get(key, ())}
                    assert tracked.position(key) >= max(held, default=0), key
            for key in self.network.dead:
                if tracked.reader.session_id is not None or self.network.limits is WIDE:
                    is_told = key in tracked.died or key in tracked.late
                    assert not tracked.covers(key) or is_told or self.ledger.may_be_overtaken(tracked, key), key
            if tracked.reader.session_id is not None:
                ended = self.network.live.get(tracked.reader.session_id) != tracked.reader.epoch
                assert tracked.reader.ended == ended


DeliveryMachine.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
TestDelivery = DeliveryMachine.TestCase
