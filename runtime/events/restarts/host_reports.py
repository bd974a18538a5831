"""What a router that was restarted has been told by the hosts of its sessions."""

import asyncio
from collections.abc import Collection

from ..event_log import EventLog
from ..segments import Position, Positions


class HostReports:
    """The hosts that have said how far their sessions are. Until all have, nobody knows which events are new.

    A router that begins with its namespace needs none: *are_complete*. *log* is the router's.
    """

    def __init__(self, log: EventLog, are_complete: bool = True) -> None:
        self._log = log
        self._reported: set[str] = set()
        self._asked: list[dict[str, Position]] = []
        self._complete = asyncio.Event()
        if are_complete:
            self._complete.set()

    @property
    def are_complete(self) -> bool:
        """True if no host of a session is missing, or they are not awaited any more."""
        return self._complete.is_set()

    def add(self, host_id: str) -> None:
        """The host has said how far all its sessions are. It has published nothing that is newer yet."""
        self._reported.add(host_id)
        for positions in self._asked:
            for session_id in self._log.sessions_of(host_id):
                positions.setdefault(session_id, self._log.position(session_id))

    def expect(self, host_ids: Collection[str]) -> None:
        """There are sessions of the router on these hosts, and on no others, as far as is known."""
        if self._reported.issuperset(host_ids):
            self.finish()

    def finish(self) -> None:
        """Await no more hosts."""
        self._complete.set()

    async def positions(self) -> Positions:
        """The position of each session now; where it is not known yet, when its host has said it."""
        whole_since = self._log.whole_since
        positions = {session_id: self._log.position(session_id) for session_id in self._log}
        if not self.are_complete:
            self._asked.append(positions)
            try:
                await self._complete.wait()
            finally:
                self._asked = [each for each in self._asked if each is not positions]
        return Positions(positions, whole_since)
