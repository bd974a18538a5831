"""The event log: the segments that a router holds, within limits."""

from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from ..api.options import RouterLimits
from .segments import (
    DEATH_SEQ,
    END_SEQ,
    RESERVED_SEQS,
    START,
    HeldSession,
    LivingSessions,
    Position,
    Segment,
    SessionEnd,
)


@dataclass(slots=True, eq=False)
class SessionLog:
    """The segments of one session that are still held, each with its age. *last_seq* is that of its last event.

    *host_id* is its host, if that has published; it *is_lost* if that has died, and *loss_data* is the encoded
    ``ProcessLost``. *end_data* is its encoded ``Died``, if the session died.
    """

    session_id: str
    epoch: int
    host_id: str = ""
    last_seq: int = 0
    incarnation: int = 1
    is_lost: bool = False
    loss_data: bytes = b""
    session_end: SessionEnd = SessionEnd.NONE
    end_data: bytes = b""
    size_bytes: int = 0
    _segments: deque[tuple[int, Segment]] = field(default_factory=deque[tuple[int, Segment]])

    def __len__(self) -> int:
        return len(self._segments)

    @property
    def position(self) -> Position:
        """The position of a reader that has received everything."""
        return self.epoch, END_SEQ if self.session_end else self.last_seq

    def append(self, age: int, segment: Segment) -> None:
        """Add *segment* behind the others."""
        self._segments.append((age, segment))
        self.last_seq, self.session_end = segment.last, segment.session_end

    def pop_oldest(self) -> tuple[int, Segment]:
        """Remove the oldest segment; returns it with its age."""
        return self._segments.popleft()

    def segments_after(self, position: Position) -> Iterator[Segment]:
        """The segments that a reader at *position* lacks. A segment without events stands for those no longer held."""
        if position >= self.position:
            return
        seq = position[1] if position[0] == self.epoch else 0
        index = self._index_after(seq)
        count = len(self) - index
        held: Iterator[tuple[int, Segment]] = islice(self._segments, index, None)
        if count < index:  # from the nearer end: most readers need only the last few of many
            held = reversed(list(islice(reversed(self._segments), count)))
        for _, segment in held:
            yield segment
        if index == len(self) or (self.session_end and not self._segments[-1][1].session_end):
            yield self.end_marker()

    def end_marker(self) -> Segment:
        """A segment that follows the last event; if that is ``Died``, a segment of it, for it is never dropped."""
        count, data = (1, self.end_data) if self.end_data else (0, b"")
        first = self.last_seq + 1 - count
        return Segment(self.session_id, self.epoch, first, count, data, self.session_end, self.incarnation)

    def notice(self) -> Segment | None:
        """What readers are told while no process has the session.

        It has no number of its own: the one after the last event here may be that of an event which is recorded, and
        was not published.
        """
        if not self.is_lost:
            return None
        return Segment(self.session_id, self.epoch, self.last_seq + 1, 0, self.loss_data, incarnation=self.incarnation)

    def _index_after(self, seq: int) -> int:
        """The index of the first segment with an event after number *seq*."""
        if self._segments and self._segments[-1][1].first == seq + 1:
            return len(self) - 1  # most readers lack only the newest segment
        return bisect_right(self._segments, seq, key=lambda held: held[1].last)


class EventLog:
    """The logs of a router's sessions. Beyond a limit the oldest segments are dropped; the newest one always stays.

    *on_drop* is called for each session log that is dropped as a whole, with its end marker, for the readers that have
    not received everything. Sessions with an epoch below *whole_since* may have had events that the log never had, or
    has forgotten.
    """

    def __init__(self, limits: RouterLimits, on_drop: Callable[[Segment], None], whole_since: int = 0) -> None:
        self.size_bytes = 0
        self.fenced: list[tuple[str, int]] = []
        """Ids and epochs of segments that were ignored: of incarnations that another one has followed."""
        self.whole_since = whole_since
        self._limits = limits
        self._on_drop = on_drop
        self._logs: dict[str, list[SessionLog]] = {}  # of each id, the newest epoch last
        self._last_age = 0
        self._ages: OrderedDict[int, SessionLog] = OrderedDict()  # of every segment held, oldest first
        self._ended: OrderedDict[SessionLog, None] = OrderedDict()  # the one that ended first comes first

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._logs

    def __iter__(self) -> Iterator[str]:
        """The ids of the sessions that have a log."""
        return iter(self._logs)

    def __len__(self) -> int:
        return len(self._logs)

    def sessions_of(self, host_id: str) -> list[str]:
        """The ids of the sessions whose host that is."""
        return [session_id for session_id, logs in self._logs.items() if logs[-1].host_id == host_id]

    def position(self, session_id: str) -> Position:
        """The position of a reader that has received everything of the session."""
        logs = self._logs.get(session_id)
        return logs[-1].position if logs else START

    def end_of(self, session_id: str, epoch: int) -> SessionEnd:
        """How the session ended, as far as the log knows."""
        ends = (log.session_end for log in self._logs.get(session_id, ()) if log.epoch == epoch)
        return next(ends, SessionEnd.NONE)

    def segments_after(self, session_id: str, position: Position) -> Iterator[Segment]:
        """The segments that a reader at *position* lacks, of the session and of earlier ones that had its id.

        Nothing of a session comes before the end of an earlier one that the reader reads. The id is free once that has
        ended, but its end may be told here later: a directory does not wait for routers.
        """
        logs = self._logs.get(session_id, ())
        if not self._knows_reader_at(logs, position):
            return
        for log in logs:
            yield from log.segments_after(position)
            if not log.session_end and position[0] <= log.epoch:
                return

    def knows(self, session_id: str, epoch: int) -> bool:
        """True if it has a log of that session; for epoch 0, of any with the id."""
        logs = self._logs.get(session_id, ())
        return any(log.epoch == epoch for log in logs) if epoch else bool(logs)

    def missing(self, living: LivingSessions) -> Iterator[SessionLog]:
        """The logs of the sessions that are not among the *living*, and have not ended, as far as is known.

        Of hosts that have not reported, it is not known. Those that are durable are missing if their host has died.
        """
        for session_id, logs in self._logs.items():
            for log in logs:
                is_known = log.host_id not in living.unreported if log.host_id else not living.unreported
                is_living = log.epoch >= living.before or living.sessions.get(session_id) == log.epoch
                is_missing = log.host_id in living.reasons if living.are_durable else is_known and not is_living
                if is_missing and not log.session_end:
                    yield log

    def append(self, segment: Segment, host_id: str = "") -> bool:
        """Add *segment*, which *host_id* has published, to its session's log.

        Returns false, and changes nothing, if the log has it already.
        """
        logs = self._logs.get(segment.session_id)
        log = logs[-1] if logs and logs[-1].epoch == segment.epoch else self._open_log(segment)
        is_current = log is not None and segment.incarnation == log.incarnation and not log.is_lost
        if log is None or not (is_current or self._let_in(log, segment.epoch, segment.incarnation)):
            self.fenced.append((segment.session_id, segment.epoch))
            return False
        if log.session_end or segment.last <= log.last_seq:
            return False
        log.host_id = host_id or log.host_id
        self._last_age = age = self._last_age + 1
        self._ages[age] = log
        log.append(age, segment)
        self._resize(log, segment.size_bytes)
        while log.size_bytes > self._limits.session_bytes and len(log) > 1:
            self._drop_oldest(log)
        while self.size_bytes > self._limits.total_bytes and len(self._ages) > 1:
            self._drop_oldest(next(iter(self._ages.values())))
        if segment.session_end:
            self._mark_ended(log)
        return True

    def take_over(
        self, session_id: str, epoch: int, incarnation: int, host_id: str = "", last_seq: int | None = None
    ) -> int:
        """Let in a session's new incarnation only, which *host_id* has. Returns the number that its events follow.

        That is the last one of the incarnations before it; if it is not known, one that they have not exceeded.
        """
        log = self._log_of(session_id, epoch)
        knows_predecessor = log.epoch >= self.whole_since or (log.last_seq > 0 and log.incarnation >= incarnation - 1)
        if self._let_in(log, epoch, incarnation):
            log.host_id, log.is_lost = host_id or log.host_id, False
            if not knows_predecessor:  # a host that had the session earlier may have told what it knows
                unused = (incarnation - 1) * RESERVED_SEQS if last_seq is None else last_seq
                log.last_seq = max(log.last_seq, unused)
        return log.last_seq

    def forget(self, held: HeldSession) -> None:
        """Drop the log of a session that has left the memory of its host: the journal has its events.

        Nothing happens if another incarnation has taken it over meanwhile.
        """
        self.whole_since = max(self.whole_since, held.epoch + 1)
        log = next((log for log in self._logs.get(held.session_id, ()) if log.epoch == held.epoch), None)
        if log and log.incarnation <= held.incarnation and not log.session_end:
            log.last_seq = max(log.last_seq, held.last_seq)
            self._remove(log)

    def gaps(self, held: HeldSession) -> tuple[bool, bool]:
        """Whether the log lacks events that the host of a session has published, and whether the host is fenced off."""
        logs = self._logs.get(held.session_id)
        if logs is None or logs[-1].epoch < held.epoch:
            return held.last_seq > 0, False
        log = logs[-1]
        if log.epoch > held.epoch:  # a later session has its id; its own end may not have arrived
            log = next((each for each in logs if each.epoch == held.epoch), log)
        if log.epoch > held.epoch or log.session_end:
            return False, False
        is_fenced = not self._let_in(log, held.epoch, held.incarnation)
        return not is_fenced and log.last_seq < held.last_seq, is_fenced

    def end_session(self, session_id: str, epoch: int, session_end: SessionEnd, event: bytes = b"") -> bool:
        """Record that the session ended though none of its segments says so. Returns false if that was known.

        *event* is its last event, encoded, if the session itself has not sent it.
        """
        log = self._log_of(session_id, epoch)
        if log.session_end:
            return False
        if event:
            log.end_data = event
            first = log.last_seq + 1 if self._knows_last_seq(log) else DEATH_SEQ
            return self.append(Segment(session_id, epoch, first, 1, event, session_end, log.incarnation))
        log.last_seq = DEATH_SEQ - 1  # at least ``Closed`` is lacking, and nobody knows what else
        log.session_end = session_end
        self._mark_ended(log)
        return True

    def lose_session(self, session_id: str, epoch: int, host_id: str, event: bytes) -> bool:
        """Record that the session's host has died, with the encoded *event* that says so: it sends no more.

        Returns false, and changes nothing, if that was known, or another host has the session.
        """
        log = self._log_of(session_id, epoch)
        if log.session_end or log.is_lost or log.host_id not in ("", host_id):
            return False
        log.is_lost, log.loss_data = True, event
        return True

    def notice(self, session_id: str) -> Segment | None:
        """What the readers of the session are told, if no process has it at the moment."""
        logs = self._logs.get(session_id)
        return logs[-1].notice() if logs else None

    def _log_of(self, session_id: str, epoch: int) -> SessionLog:
        """The log of the session, created if need be."""
        logs = self._logs.setdefault(session_id, [])
        index = bisect_left(logs, epoch, key=lambda log: log.epoch)
        if index == len(logs) or logs[index].epoch != epoch:
            logs.insert(index, SessionLog(session_id, epoch))
        return logs[index]

    def _open_log(self, segment: Segment) -> SessionLog | None:
        """The log that *segment* belongs to, created if need be; ``None`` if a later session has its id.

        Unless the end of its own is awaited.
        """
        logs = self._logs.get(segment.session_id)
        if not logs or logs[-1].epoch < segment.epoch:
            return self._log_of(segment.session_id, segment.epoch)
        return next((log for log in logs if log.epoch == segment.epoch and not log.session_end), None)

    def _knows_reader_at(self, logs: Sequence[SessionLog], position: Position) -> bool:
        """False if a reader reads a session of which there is no log, and later ones have its id.

        It has ended: the directory will say how.
        """
        epoch, seq = position
        if not epoch or seq == END_SEQ or not logs or logs[-1].epoch <= epoch:
            return True
        return any(log.epoch == epoch for log in logs)

    def _let_in(self, log: SessionLog, epoch: int, incarnation: int) -> bool:
        """Ignore earlier incarnations from now on. Returns false if *incarnation* is one of them."""
        if epoch != log.epoch:
            return epoch > log.epoch
        is_later = incarnation > log.incarnation
        log.incarnation = max(log.incarnation, incarnation)
        log.is_lost = log.is_lost and not is_later
        return incarnation == log.incarnation and not log.is_lost

    def _knows_last_seq(self, log: SessionLog) -> bool:
        """True unless all that is known of the session was lost with the router before this one."""
        return log.last_seq > 0 or log.epoch >= self.whole_since

    def _mark_ended(self, log: SessionLog) -> None:
        self._ended[log] = None
        while len(self._ended) > self._limits.ended_sessions:
            self._drop_log(next(iter(self._ended)))

    def _drop_log(self, log: SessionLog) -> None:
        del self._ended[log]
        self._remove(log)

    def _remove(self, log: SessionLog) -> None:
        while log:
            self._drop_oldest(log)
        logs = self._logs[log.session_id]
        logs.remove(log)
        if not logs:
            del self._logs[log.session_id]
        self._on_drop(log.end_marker())

    def _drop_oldest(self, log: SessionLog) -> None:
        age, segment = log.pop_oldest()
        del self._ages[age]
        self._resize(log, -segment.size_bytes)

    def _resize(self, log: SessionLog, by_bytes: int) -> None:
        log.size_bytes += by_bytes
        self.size_bytes += by_bytes
