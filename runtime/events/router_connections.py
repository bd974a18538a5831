"""Router connections: one driver's connections to all routers of its namespace, where the sessions are sharded."""

import asyncio
import logging
from collections.abc import Sequence

from .reader import Reader, SegmentSource
from .readers.unknown_sessions import FindRecorded
from .router_connection import RouterConnection
from .segments import Segment, shard_of
from .transport import Transport

log = logging.getLogger(__name__)


def connections_of(
    transports: Sequence[Transport], find_recorded: FindRecorded | None = None, timeout_s: float | None = None
) -> "RouterConnections":
    """The connections over *transports*: one per router. *find_recorded* and *timeout_s* are those of each."""

    def connect(shard: int, transport: Transport) -> RouterConnection:
        def serves(session_id: str) -> bool:
            return shard_of(session_id, len(transports)) == shard

        connection = RouterConnection(transport, serves, timeout_s)
        connection.unknown.find_recorded = find_recorded
        return connection

    return RouterConnections([connect(shard, transport) for shard, transport in enumerate(transports)])


class RouterConnections:
    """The connections of a driver, which work until ``close``. Create it within a running loop.

    A reader of one session has that session's router as its source; this is the source of readers of all sessions.
    """

    def __init__(self, connections: Sequence[RouterConnection]) -> None:
        self._connections = connections
        self._tasks = [asyncio.get_running_loop().create_task(connection.run()) for connection in connections]
        for task in self._tasks:
            task.add_done_callback(_log_failure)

    def source_of(self, session_id: str | None) -> SegmentSource:
        """The source for a reader of the session, or for one of all sessions if that is ``None``."""
        return self if session_id is None else self._connection_of(session_id)

    def subscribe(self, reader: Reader) -> None:
        """Send *reader* the segments after its cursors; the connections share its limit."""
        for connection in self._connections:
            connection.subscribe(reader, max(1, reader.limit_bytes // len(self._connections)))

    def acknowledge(self, reader: Reader, segment: Segment) -> None:
        """Record that *reader* has read *segment*."""
        self._connection_of(segment.session_id).acknowledge(reader, segment)

    def unsubscribe(self, reader: Reader) -> None:
        """Send *reader* nothing more."""
        for connection in self._connections:
            connection.unsubscribe(reader)

    async def check_responds(self, within_s: float) -> None:
        """Raises:
        CallTimedOut: a router did not respond within *within_s*.
        """
        await asyncio.gather(*(connection.check_responds(within_s) for connection in self._connections))

    async def close(self, error: Exception) -> None:
        """Disconnect from all routers; readers end with *error*."""
        for connection in self._connections:
            connection.fail(error)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connection_of(self, session_id: str) -> RouterConnection:
        return self._connections[shard_of(session_id, len(self._connections))]


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.critical("a router connection failed: its readers get no more events; this is a bug", exc_info=error)
