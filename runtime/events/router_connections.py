"""The lines: one driver's ways to all routers."""

import asyncio
import logging
from collections.abc import Sequence

from .reader import Reader
from .router_connection import Hub
from .segments import Segment, shard_of

log = logging.getLogger(__name__)


class Lines:
    """The readers' source: each session's events come from its router, those of all sessions from every router.

    It is made within a running loop, and works until it is cut.
    """

    def __init__(self, hubs: Sequence[Hub]) -> None:
        self._hubs = hubs
        self._tasks = [asyncio.get_running_loop().create_task(hub.run()) for hub in hubs]
        for task in self._tasks:
            task.add_done_callback(_must_not_fail)

    def begin(self, reader: Reader) -> None:
        """Send *reader* what comes after what it has, and never more than it has room for."""
        hubs = self._of(reader)
        for hub in hubs:
            hub.begin(reader, max(1, reader.limit_bytes // len(hubs)))

    def make_room(self, reader: Reader, segment: Segment) -> None:
        """*reader* has read *segment*."""
        self._hub(segment.session_id).make_room(reader, segment)

    def end(self, reader: Reader) -> None:
        """Send *reader* nothing more."""
        for hub in self._of(reader):
            hub.end(reader)

    async def cut(self, error: Exception) -> None:
        """Send nobody anything more; readers end with *error*."""
        for hub in self._hubs:
            hub.fail(error)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _of(self, reader: Reader) -> Sequence[Hub]:
        return self._hubs if reader.session_id is None else (self._hub(reader.session_id),)

    def _hub(self, session_id: str) -> Hub:
        return self._hubs[shard_of(session_id, len(self._hubs))]


def _must_not_fail(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.critical("events can no longer be read", exc_info=error)
