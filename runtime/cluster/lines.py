"""The lines: one driver's way to all routers."""

import asyncio
import logging
import uuid
from collections.abc import Sequence

from ..errors import RuntimeClosed
from ..plane.hub import Hub
from ..plane.reader import Reader
from ..session.host import shard_of
from .calls import answered
from .router import RouterHandle

log = logging.getLogger(__name__)


class _Line:
    """A hub's calls on its router."""

    def __init__(self, router: RouterHandle, driver_id: str) -> None:
        self._router = router
        self._driver_id = driver_id

    async def watch(self, wishes: bytes) -> None:
        await answered(self._router.watch.remote(self._driver_id, wishes))

    async def poll(self) -> bytes | None:
        return await answered(self._router.poll.remote(self._driver_id))


class Lines:
    """The readers' source: each session's events come from its router, those of all sessions from every router."""

    def __init__(self, routers: Sequence[RouterHandle]) -> None:
        driver_id = uuid.uuid4().hex
        self._hubs = [Hub(_Line(router, driver_id)) for router in routers]
        self._tasks = [asyncio.get_running_loop().create_task(hub.run()) for hub in self._hubs]
        for task in self._tasks:
            task.add_done_callback(_must_not_end)

    def begin(self, reader: Reader) -> None:
        """Send *reader* what comes after what it has."""
        for hub in self._of(reader):
            hub.begin(reader)

    def end(self, reader: Reader) -> None:
        """Send *reader* nothing more."""
        for hub in self._of(reader):
            hub.end(reader)

    async def cut(self) -> None:
        """Send nobody anything more; readers end with ``RuntimeClosed``."""
        for hub in self._hubs:
            hub.fail(RuntimeClosed("the runtime was left"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _of(self, reader: Reader) -> list[Hub]:
        if reader.session_id is None:
            return self._hubs
        return [self._hubs[shard_of(reader.session_id, len(self._hubs))]]


def _must_not_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.critical("events can no longer be read", exc_info=error)
