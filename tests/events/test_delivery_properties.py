"""From outboxes over routers to readers, whatever happens in between: nothing is lost silently, nothing comes twice.

Random sessions speak, end, die and take old ids again; random readers come, rest, read and go; calls and their answers
get lost, and routers start anew. The books are kept from what the routers were sent.
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
CALLS = ("publish", "update_subscriptions", "poll", "positions", "end_lost_sessions")
WIDE = RouterLimits()
NARROW = RouterLimits(session_bytes=2_000, total_bytes=4_000, ended_sessions=2, poll_bytes=900, idle_driver_s=50)


class Plane(RuleBasedStateMachine):
    """The books: *told* is each life's events as the routers were sent them, *voices* the lives that go on."""

    network: Network
    drivers: list[RouterConnections]
    shared_host: Host

    def __init__(self) -> None:
        super().__init__()
        self.runner = virtual_time.runner()
        self.voices: dict[str, LiveSession] = {}
        self.texts: dict[SessionKey, list[str]] = {}
        self.told: dict[SessionKey, dict[int, rc.FromLLM]] = {}
        self.ears: list[TrackedReader] = []
        self.counter = 0
        self._booked = 0

    def teardown(self) -> None:
        if hasattr(self, "network"):
            self.run(self.check_all_is_heard)
            self.run(self.network.close)
        self.runner.close()

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.runner.run(work())

    # What happens

    @initialize(limits=st.sampled_from([WIDE, NARROW]), routers=st.integers(1, 2))
    def begin(self, limits: RouterLimits, routers: int) -> None:
        async def begin() -> None:
            self.network = Network(limits, routers)
            self.drivers = [self.network.connect_driver(), self.network.connect_driver()]
            self.shared_host = self.network.start_host()

        self.run(begin)

    @rule(name=st.sampled_from(NAMES), alone=st.booleans())
    def spawn(self, name: str, alone: bool) -> None:
        async def spawn() -> None:
            if name not in self.network.live:
                host = self.network.start_host() if alone else self.shared_host
                box = host.spawn(name)
                self.voices[name] = LiveSession(host, box, self.network.live[name])

        self.run(spawn)

    @rule(name=st.sampled_from(NAMES), pieces=st.integers(1, 4), block=st.integers(0, 1))
    def say(self, name: str, pieces: int, block: int) -> None:
        if voice := self.voices.get(name):
            for _ in range(pieces):
                self.counter += 1
                text = f"{self.counter}."
                self.texts.setdefault((name, voice.epoch), []).append(text)
                voice.box.put_text(rc.TextChunk, voice.epoch, block, text)

    @rule(name=st.sampled_from(NAMES), count=st.integers(1, 5))
    def emit(self, name: str, count: int) -> None:
        if voice := self.voices.get(name):
            for _ in range(count):
                voice.box.put_event(rc.TurnStarted(turn=voice.epoch))

    @rule(name=st.sampled_from(NAMES))
    def close(self, name: str) -> None:
        if voice := self.voices.pop(name, None):

            async def close() -> None:
                self.network.start_task(voice.host.close(name, voice.box))
                await asyncio.sleep(0)

            self.run(close)

    @rule(name=st.sampled_from(NAMES))
    def die(self, name: str) -> None:
        voice = self.voices.get(name)
        if voice and voice.host is not self.shared_host:
            del self.voices[name]

            async def die() -> None:
                voice.host.die()

            self.run(die)

    @rule(
        driver=st.integers(0, 1),
        name=st.sampled_from(NAMES),
        after=st.integers(0, 3),
        limit_bytes=st.sampled_from([1, 600, 100_000]),
    )
    def read_one(self, driver: int, name: str, after: int, limit_bytes: int) -> None:
        epoch = max((epoch for of, epoch in self.lives() if of == name), default=None)

        async def read() -> None:
            assert epoch is not None
            start = min(after, len(self.told.get((name, epoch), {})))
            reader = reader_of(self.drivers[driver], name, epoch, start, limit_bytes)
            self.ears.append(TrackedReader(reader, {(name, epoch): start}))

        if epoch is not None:
            self.run(read)

    @rule(driver=st.integers(0, 1), from_now=st.booleans(), limit_bytes=st.sampled_from([1, 600, 100_000]))
    def read_all(self, driver: int, from_now: bool, limit_bytes: int) -> None:
        async def read() -> None:
            await wait_idle()
            self.keep_books()
            start = {life: len(self.told.get(life, {})) for life in self.lives()} if from_now else {}
            self.ears.append(TrackedReader(reader_of_all(self.drivers[driver], from_now, limit_bytes), start))
            await wait_idle()

        self.run(read)

    @precondition(lambda self: self.ears)
    @rule(number=st.integers(0, 10), batches=st.integers(1, 5))
    def listen(self, number: int, batches: int) -> None:
        async def listen() -> None:
            await self.hear_some(self.ears[number % len(self.ears)], batches)

        self.run(listen)

    @precondition(lambda self: self.ears)
    @rule(number=st.integers(0, 10))
    def leave(self, number: int) -> None:
        self.ears.pop(number % len(self.ears)).reader.close()

    @rule(call=st.sampled_from(CALLS), fault=st.sampled_from(Fault))
    def fail(self, call: str, fault: Fault) -> None:
        self.network.faults[call] = fault

    @rule(shard=st.integers(0, 1))
    def restart(self, shard: int) -> None:
        async def restart() -> None:
            self.network.restart_router(shard % len(self.network.routers))

        self.run(restart)

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 200.0]))
    def wait(self, seconds: float) -> None:
        self.run(lambda: asyncio.sleep(seconds))

    # What must hold

    @invariant()
    def the_routers_keep_to_their_limits(self) -> None:
        if hasattr(self, "network"):
            for router in self.network.routers:
                assert router.subscriptions.log.size_bytes <= max(self.network.limits.total_bytes, self.largest_bytes())

    @invariant()
    def readers_hold_no_more_than_they_have_room_for(self) -> None:
        if hasattr(self, "network"):
            for ear in self.ears:
                beyond = self.largest_bytes() * len(self.network.routers)
                assert ear.reader.size_bytes <= ear.reader.limit_bytes + beyond

    @invariant()
    def what_the_routers_were_sent_is_numbered_without_gaps_and_says_what_was_said(self) -> None:
        self.keep_books()
        for life, events in self.told.items():
            assert sorted(events) == list(range(1, len(events) + 1))
            told = "".join(event.text for event in events.values() if isinstance(event, rc.TextChunk))
            assert "".join(self.texts.get(life, [])).startswith(told)

    async def check_all_is_heard(self) -> None:
        """When all faults are over and everybody has read, each reader has all that it could have."""
        self.network.faults.clear()
        await wait_idle()
        self.keep_books()
        for ear in self.ears:
            await self.hear_some(ear, 10_000)
            for life in self.lives():
                if ear.covers(life):
                    assert ear.position(life) >= max(self.held(life), default=0), life
            if ear.reader.session_id is not None:
                ended = self.network.live.get(ear.reader.session_id) != ear.reader.epoch
                assert ear.reader.ended == ended

    # The books

    def largest_bytes(self) -> int:
        return max(OVERHEAD_BYTES, *(segment.size_bytes for segment in self.network.published), 0)

    def lives(self) -> set[SessionKey]:
        return {*self.told, *((name, voice.epoch) for name, voice in self.voices.items())}

    def keep_books(self) -> None:
        if hasattr(self, "network"):
            for segment in self.network.published[self._booked :]:
                events = self.told.setdefault((segment.session_id, segment.epoch), {})
                for event in decode_events(segment):
                    assert events.setdefault(event.seq, event) == event
            self._booked = len(self.network.published)

    def held(self, life: SessionKey) -> set[int]:
        """The numbers that the routers still hold."""
        shelves = (router.subscriptions.log for router in self.network.routers)
        segments = [segment for shelf in shelves for segment in shelf.segments_after(life[0], (life[1], 0))]
        spans = (range(segment.first, segment.last + 1) for segment in segments if segment.epoch == life[1])
        return {seq for span in spans for seq in span}

    async def hear_some(self, ear: TrackedReader, batches: int) -> None:
        with suppress(TimeoutError, StopAsyncIteration, SessionDied):
            for _ in range(batches):
                async with asyncio.timeout(40.0):
                    events = await ear.reader.batch()
                self.keep_books()
                for event in events:
                    self.hear(ear, event)

    def hear(self, ear: TrackedReader, event: rc.FromLLM) -> None:
        if isinstance(event, rc.Missed):
            assert event.seq == event.last
            assert event.session_id not in ear.missed
            ear.missed[event.session_id] = event
            return
        life = (event.session_id, event.turn)
        assert event == self.told[life][event.seq]
        assert ear.covers(life)
        if missed := ear.missed.pop(event.session_id, None):
            self.hear_of_missed(ear, life, missed)
        assert event.seq == ear.position(life) + 1, "a gap, or something twice"
        ear.last[life] = event.seq

    def hear_of_missed(self, ear: TrackedReader, life: SessionKey, missed: rc.Missed) -> None:
        if missed.first != ear.position(life) + 1:
            # A router that came after the session's first events can't tell that this reader did so, too.
            assert missed.first == 1
            assert life in ear.start
            assert life not in ear.last
        assert not self.held(life) & set(range(missed.first, missed.last + 1)), "what is held was not missed"
        ear.last[life] = max(missed.last, ear.position(life))


Plane.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
TestPlane = Plane.TestCase
