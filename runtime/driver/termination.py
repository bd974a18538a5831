"""SIGTERM: the runtimes of this process are drained before it ends."""

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType

log = logging.getLogger(__name__)

EXIT_CODE = 128 + signal.SIGTERM
"""That of a process that SIGTERM has ended, as shells define it."""

_RAY = "ray."

Handler = Callable[[int, FrameType | None], object] | int | None


class Termination:
    """Has *drain* awaited in the running loop when SIGTERM arrives, and then raises ``SystemExit`` there.

    A second SIGTERM does not wait for that. It is in force from its creation to ``stop``: in the main thread, and
    unless the program handles SIGTERM itself.
    """

    def __init__(self, drain: Callable[[], Awaitable[object]]) -> None:
        self._drain = drain
        self._loop = asyncio.get_running_loop()
        self._draining: asyncio.Task[None] | None = None
        self._before: Handler = None
        self._is_installed = False
        self._is_left = False
        if threading.current_thread() is threading.main_thread() and is_free(
            before := signal.getsignal(signal.SIGTERM)
        ):
            self._before, self._is_installed = before, True
            signal.signal(signal.SIGTERM, self._on_signal)

    async def stop(self) -> None:
        """The runtime is left: have SIGTERM do what it did before. If it is just draining, that is waited for."""
        if self._is_installed and signal.getsignal(signal.SIGTERM) == self._on_signal:
            signal.signal(signal.SIGTERM, self._before)
        self._is_installed = False
        if self._draining and not self._draining.done():
            self._is_left = True
            await self._draining

    def exit_if_due(self) -> None:
        """When the runtime has been left.

        Raises:
            SystemExit: SIGTERM had come, and the program was leaving it by itself.
        """
        if self._is_left:
            raise SystemExit(EXIT_CODE)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._draining or not self._loop.is_running():
            raise SystemExit(EXIT_CODE)
        log.info("got SIGTERM: the runtime is drained")
        self._draining = self._loop.create_task(self._run())
        self._loop.call_soon_threadsafe(lambda: None)  # it may be waiting for something to happen

    async def _run(self) -> None:
        try:
            await self._drain()
        except Exception as error:
            log.error("the runtime could not be drained", exc_info=error)
        if not self._is_left:
            self._loop.call_soon(_exit)


def is_free(handler: Handler) -> bool:
    """True if the program does not handle the signal itself: *handler* is the default, or Ray's."""
    return handler == signal.SIG_DFL or str(getattr(handler, "__module__", "")).startswith(_RAY)


def _exit() -> None:
    raise SystemExit(EXIT_CODE)
