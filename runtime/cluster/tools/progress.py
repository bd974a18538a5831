"""What a tool in a task says of its progress: its session's actor is told the latest, at most every 50 ms."""

import logging
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import msgspec
import ray

from ...tools.batches import REPORT_AFTER_S
from ...tools.results import text_of

log = logging.getLogger(__name__)


class ReportsTo(msgspec.Struct, frozen=True, array_like=True):
    """The actor that is told of the progress of its run number *run*."""

    actor_name: str
    namespace: str
    run: int

    def tell(self, progress: str) -> None:
        """Tell it, and wait for nothing.

        Raises:
            ValueError: it is gone.
        """
        _actor(self.actor_name, self.namespace).tool_progress.remote(self.run, progress)


@lru_cache(16)
def _actor(name: str, namespace: str) -> Any:
    return cast(Any, ray.get_actor(name, namespace=namespace))


class ProgressReports:
    """Calls *tell* with the latest of what a tool yields, from a thread of its own, which starts when it is needed."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._latest: object = None
        self._has_latest = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, progress: object) -> None:
        """Tell of it soon, unless there is something newer by then."""
        self._latest = progress
        self._has_latest.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._report, name="tool progress", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Tell of nothing more: the tool has ended."""
        self._ended.set()
        self._has_latest.set()

    def _report(self) -> None:
        try:
            while self._has_latest.wait() and not self._ended.wait(REPORT_AFTER_S):
                self._has_latest.clear()
                self._tell(text_of(self._latest))
        except Exception as error:  # the actor is gone, or Ray has ended: nobody is there to be told
            log.info("a tool's progress can't be reported: %s", error)
