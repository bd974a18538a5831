"""What readers must receive: the events that routers accepted, each once and in order, or as ``Missed``."""

import asyncio
from contextlib import suppress

import msgspec
from builders.segments import OVERHEAD_BYTES, died
from checkers.delivery.tracked_reader import LiveSession, SessionKey, TrackedReader
from fixtures.event_network import Network

import rayconteur as rc
from rayconteur.runtime import Died
from rayconteur.runtime.events.segments import decode_events


class DeliveryLedger:
    """*published* are the events of each session as routers accepted them; *sessions* are those that are alive.

    *taken_over* says which incarnation of a session goes on, and *was_restarted* whether a router was.
    """

    def __init__(self, network: Network, sessions: dict[str, LiveSession]) -> None:
        self.network = network
        self.sessions = sessions
        self.published: dict[SessionKey, dict[int, rc.FromLLM]] = {}
        self.taken_over: dict[SessionKey, int] = {}
        self.was_restarted = False
        self._recorded_segments = 0

    def largest_bytes(self) -> int:
        death_bytes = OVERHEAD_BYTES + len(died({}).last_event())
        return max(death_bytes, *(segment.size_bytes for segment in self.network.published), 0)

    def session_keys(self) -> set[SessionKey]:
        return {*self.published, *((name, session.epoch) for name, session in self.sessions.items())}

    def record(self) -> None:
        for segment in self.network.published[self._recorded_segments :]:
            if segment.incarnation < self.taken_over.get((segment.session_id, segment.epoch), 1):
                continue  # of a zombie: the router has ignored it
            events = self.published.setdefault((segment.session_id, segment.epoch), {})
            for event in decode_events(segment):
                assert events.setdefault(event.seq, event) == event
        self._recorded_segments = len(self.network.published)

    def last_published(self, key: SessionKey) -> int:
        return max(self.published.get(key, {}), default=0)

    def held_seqs(self, key: SessionKey) -> set[int]:
        """The numbers of the session's events that the routers still hold."""
        session_id, epoch = key
        logs = (router.subscriptions.log for router in self.network.routers)
        segments = [segment for log in logs for segment in log.segments_after(session_id, (epoch, 0))]
        spans = (range(segment.first, segment.last + 1) for segment in segments if segment.epoch == epoch)
        return {seq for span in spans for seq in span}

    async def read_batches(self, tracked: TrackedReader, batches: int) -> None:
        with suppress(TimeoutError, StopAsyncIteration):
            for _ in range(batches):
                async with asyncio.timeout(40.0):
                    events = await tracked.reader.batch()
                self.record()
                for event in events:
                    self.check_event(tracked, event)

    def check_event(self, tracked: TrackedReader, event: rc.FromLLM) -> None:
        if isinstance(event, rc.Missed):
            before = tracked.missed.get(event.session_id)
            assert event.seq == event.last
            if before is not None and event.first == before.last + 1:
                assert self.was_restarted, "one gap was reported in two parts"
                event = msgspec.structs.replace(event, first=before.first)
            tracked.missed[event.session_id] = event
            return
        if isinstance(event, Died):
            self.check_death(tracked, event)
            return
        key = (event.session_id, event.turn)
        assert event == self.published[key][event.seq]
        assert tracked.covers(key)
        if missed := tracked.missed.pop(event.session_id, None):
            if event.seq == missed.last + 1:
                self.check_missed(tracked, key, missed)
            else:  # the routers dropped an earlier session of this id, whose Missed nothing follows
                assert any(name == key[0] and epoch < key[1] for name, epoch in self.session_keys())
        if key in tracked.unknown and key not in tracked.last and key in self.taken_over:
            tracked.last[key] = event.seq - 1  # as of one that was in no process when the reader started
        assert event.seq == tracked.position(key) + 1, "a gap, or a repeated event"
        tracked.last[key] = event.seq

    def check_death(self, tracked: TrackedReader, event: Died) -> None:
        """Once for each session that died, after all of its events."""
        missed = tracked.missed.pop(event.session_id, None)
        unread = sorted(key for key in self.network.dead - tracked.died if key[0] == event.session_id)
        next_seqs = {key: missed.last + 1 if missed else tracked.position(key) + 1 for key in unread}
        dead = [
            key for key, seq in next_seqs.items() if seq == event.seq and (tracked.covers(key) or key in tracked.late)
        ]
        assert dead, "a gap, or a death that was read before"
        assert not missed or not [seq for seq in self.held_seqs(dead[0]) if missed.first <= seq <= missed.last]
        tracked.died |= {dead[0]}
        tracked.last[dead[0]] = event.seq

    def check_missed(self, tracked: TrackedReader, key: SessionKey, missed: rc.Missed) -> None:
        if missed.first != tracked.position(key) + 1:
            # A router that restarted after the session's first events can't tell that this reader started after them.
            assert missed.first == 1
            assert key in tracked.start
            assert key not in tracked.last
        held = [seq for seq in self.held_seqs(key) if missed.first <= seq <= missed.last]
        assert not held, "a held event was reported missed"
        tracked.last[key] = max(missed.last, tracked.position(key))

    def may_be_overtaken(self, tracked: TrackedReader, key: SessionKey) -> bool:
        """True if a reader of all sessions may have read a later one before anybody knew that there was an earlier.

        The earlier one had said nothing, or the router that had heard it was restarted.
        """
        is_known = key in self.published and not self.was_restarted
        return tracked.reader.session_id is None and not is_known and not self.is_latest(key)

    def is_latest(self, key: SessionKey) -> bool:
        """True if no later session has had the id."""
        return key[1] == max(epoch for name, epoch in {*self.session_keys(), *self.network.dead} if name == key[0])
