"""Properties of event delivery from outboxes through routers to readers: no event is lost silently, or arrives twice.

Random sessions publish, end, die and reuse ids; random readers subscribe, pause, read and close; connections break, and
what travels is lost, or take nothing for a while; routers restart. The expected events are those that the routers
accepted.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from builders.segments import OVERHEAD_BYTES
from checkers.reader_ledger import LiveSession, SessionKey, TrackedReader
from fixtures import virtual_time
from fixtures.event_network import Fault, Host, Network, reader_of, reader_of_all, wait_idle
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import rayconteur as rc
from rayconteur.errors import SessionDied
from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events.router_connections import RouterConnections
from rayconteur.runtime.events.segments import decode_events

NAMES = ("a", "b", "c", "d")
FRAMES = ("publish", "update_subscriptions", "push", "positions", "end_lost_sessions")
WIDE = RouterLimits()
NARROW = RouterLimits(session_bytes=2_000, total_bytes=4_000, ended_sessions=2, push_bytes=900)


class DeliveryMachine(RuleBasedStateMachine):
    """*published* are the events of each session as routers accepted them; *sessions* are those that are alive."""

    network: Network
    drivers: list[RouterConnections]
    shared_host: Host

    def __init__(self) -> None:
        super().__init__()
        self.runner = virtual_time.runner()
        self.sessions: dict[str, LiveSession] = {}
        self.texts: dict[SessionKey, list[str]] = {}
        self.published: dict[SessionKey, dict[int, rc.FromLLM]] = {}
        self.readers: list[TrackedReader] = []
        self.text_count = 0
        self._recorded_segments = 0

    def teardown(self) -> None:
        if hasattr(self, "network"):
            self.run(self.check_everything_was_delivered)
            self.run(self.network.close)
        self.runner.close()

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.runner.run(work())

    # Rules

    @initialize(limits=st.sampled_from([WIDE, NARROW]), routers=st.integers(1, 2))
    def start(self, limits: RouterLimits, routers: int) -> None:
        async def start() -> None:
            self.network = Network(limits, routers)
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

    @rule(
        driver=st.integers(0, 1),
        name=st.sampled_from(NAMES),
        after=st.integers(0, 3),
        limit_bytes=st.sampled_from([1, 600, 100_000]),
    )
    def read_one_session(self, driver: int, name: str, after: int, limit_bytes: int) -> None:
        epoch = max((epoch for of, epoch in self.session_keys() if of == name), default=None)

        async def read() -> None:
            assert epoch is not None
            start = min(after, len(self.published.get((name, epoch), {})))
            reader = reader_of(self.drivers[driver], name, epoch, start, limit_bytes)
            self.readers.append(TrackedReader(reader, {(name, epoch): start}))

        if epoch is not None:
            self.run(read)

    @rule(driver=st.integers(0, 1), from_now=st.booleans(), limit_bytes=st.sampled_from([1, 600, 100_000]))
    def read_all_sessions(self, driver: int, from_now: bool, limit_bytes: int) -> None:
        async def read() -> None:
            await wait_idle()
            self.record_published()
            start = {key: len(self.published.get(key, {})) for key in self.session_keys()} if from_now else {}
            self.readers.append(TrackedReader(reader_of_all(self.drivers[driver], from_now, limit_bytes), start))
            await wait_idle()

        self.run(read)

    @precondition(lambda self: self.readers)
    @rule(number=st.integers(0, 10), batches=st.integers(1, 5))
    def read(self, number: int, batches: int) -> None:
        async def read() -> None:
            await self.read_batches(self.readers[number % len(self.readers)], batches)

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
            self.record_published()
            seq = len(self.published.get((name, epoch), {}))
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
                assert router.subscriptions.log.size_bytes <= max(self.network.limits.total_bytes, self.largest_bytes())

    @invariant()
    def readers_buffer_no_more_than_their_limit(self) -> None:
        if hasattr(self, "network"):
            for tracked in self.readers:
                beyond = self.largest_bytes() * len(self.network.routers)
                assert tracked.reader.size_bytes <= tracked.reader.limit_bytes + beyond

    @invariant()
    def published_events_have_no_gaps_and_contain_the_text_in_order(self) -> None:
        self.record_published()
        for key, events in self.published.items():
            assert sorted(events) == list(range(1, len(events) + 1))
            text = "".join(event.text for event in events.values() if isinstance(event, rc.TextChunk))
            assert "".join(self.texts.get(key, [])).startswith(text)

    async def check_everything_was_delivered(self) -> None:
        """Once there are no more faults, a reader that reads on has received every event that it could."""
        self.network.faults.clear()
        for link in self.network.links:
            link.set_writable(True)
        await wait_idle()
        self.record_published()
        for tracked in self.readers:
            await self.read_batches(tracked, 10_000)
            for key in self.session_keys():
                if tracked.covers(key):
                    assert tracked.position(key) >= max(self.held_seqs(key), default=0), key
            if tracked.reader.session_id is not None:
                ended = self.network.live.get(tracked.reader.session_id) != tracked.reader.epoch
                assert tracked.reader.ended == ended

    # Expected events

    def largest_bytes(self) -> int:
        return max(OVERHEAD_BYTES, *(segment.size_bytes for segment in self.network.published), 0)

    def session_keys(self) -> set[SessionKey]:
        return {*self.published, *((name, session.epoch) for name, session in self.sessions.items())}

    def record_published(self) -> None:
        if hasattr(self, "network"):
            for segment in self.network.published[self._recorded_segments :]:
                events = self.published.setdefault((segment.session_id, segment.epoch), {})
                for event in decode_events(segment):
                    assert events.setdefault(event.seq, event) == event
            self._recorded_segments = len(self.network.published)

    def held_seqs(self, key: SessionKey) -> set[int]:
        """The numbers of the session's events that the routers still hold."""
        session_id, epoch = key
        logs = (router.subscriptions.log for router in self.network.routers)
        segments = [segment for log in logs for segment in log.segments_after(session_id, (epoch, 0))]
        spans = (range(segment.first, segment.last + 1) for segment in segments if segment.epoch == epoch)
        return {seq for span in spans for seq in span}

    async def read_batches(self, tracked: TrackedReader, batches: int) -> None:
        with suppress(TimeoutError, StopAsyncIteration, SessionDied):
            for _ in range(batches):
                async with asyncio.timeout(40.0):
                    events = await tracked.reader.batch()
                self.record_published()
                for event in events:
                    self.check_event(tracked, event)

    def check_event(self, tracked: TrackedReader, event: rc.FromLLM) -> None:
        if isinstance(event, rc.Missed):
            before = tracked.missed.get(event.session_id)
            assert event.seq == event.last
            assert before is None or event.first != before.last + 1, "one gap was reported in two parts"
            tracked.missed[event.session_id] = event
            return
        key = (event.session_id, event.turn)
        assert event == self.published[key][event.seq]
        assert tracked.covers(key)
        if missed := tracked.missed.pop(event.session_id, None):
            if event.seq == missed.last + 1:
                self.check_missed(tracked, key, missed)
            else:  # the routers dropped an earlier session of this id, whose Missed nothing follows
                assert any(name == key[0] and epoch < key[1] for name, epoch in self.session_keys())
        assert event.seq == tracked.position(key) + 1, "a gap, or a repeated event"
        tracked.last[key] = event.seq

    def check_missed(self, tracked: TrackedReader, key: SessionKey, missed: rc.Missed) -> None:
        if missed.first != tracked.position(key) + 1:
            # A router that restarted after the session's first events can't tell that this reader started after them.
            assert missed.first == 1
            assert key in tracked.start
            assert key not in tracked.last
        assert not self.held_seqs(key) & set(range(missed.first, missed.last + 1)), "a held event was reported missed"
        tracked.last[key] = max(missed.last, tracked.position(key))


DeliveryMachine.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
TestDelivery = DeliveryMachine.TestCase
