"""SIGTERM in a program without asyncio: it leaves its runtime, as Ctrl-C does."""

import signal
import threading
from types import FrameType

from ..termination import EXIT_CODE, Handler, is_free


class ExitOnSigterm:
    """Raises ``SystemExit`` in the main thread when SIGTERM arrives, from its creation to ``stop``.

    Only if it is created there, and unless the program handles SIGTERM itself. Without it, Ray prints a stack of its
    own, and the runtime is not left.
    """

    def __init__(self) -> None:
        self._before: Handler = signal.getsignal(signal.SIGTERM)
        self._is_installed = threading.current_thread() is threading.main_thread() and is_free(self._before)
        if self._is_installed:
            signal.signal(signal.SIGTERM, self._on_signal)

    def stop(self) -> None:
        """Have SIGTERM do what it did before."""
        if self._is_installed and signal.getsignal(signal.SIGTERM) == self._on_signal:
            signal.signal(signal.SIGTERM, self._before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        raise SystemExit(EXIT_CODE)
