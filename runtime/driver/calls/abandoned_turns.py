"""Turns and compactions that were abandoned: they are interrupted, in the background."""

import asyncio
import logging
from collections.abc import Callable
from typing import Literal, Protocol

from ....providers.schema.errors import InvalidConfig, RayconteurError
from ...api.messages import Interrupt, Receipt, ToLLM
from ...api.options import OnAbandon
from ...logs.ids import ids

log = logging.getLogger(__name__)

_CONFIRM_S = 1.0
"""Who abandons a call waits this long until its session confirms the interrupt, which takes a millisecond as a rule."""

OnLate = Callable[[Receipt], None]
"""Gets the receipt of a message that got there although its sender was cancelled."""

OnAbandonName = OnAbandon | Literal["interrupt", "leave"]
"""An ``OnAbandon``, or its value."""

Abandon = OnAbandonName | None
"""What a call says about its turn or compaction, or ``None`` for what the runtime's options say."""


class InterruptedSession(Protocol):
    """What interrupting needs of a session."""

    id: str

    async def send(self, message: ToLLM) -> Receipt:
        """Put *message* into the mailbox."""
        ...


class AbandonedTurns:
    """Interrupts turns and compactions for whose end nobody waits any more."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def interrupt(self, session: InterruptedSession, interrupt: Interrupt) -> "asyncio.Task[None]":
        """Send *interrupt*, before whatever the caller sends next."""
        task = asyncio.get_running_loop().create_task(_send(session, interrupt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def interrupt_and_wait(self, session: InterruptedSession, interrupt: Interrupt) -> None:
        """Send *interrupt*, and wait a moment until that is confirmed. It is sent in any case."""
        await asyncio.wait({self.interrupt(session, interrupt)}, timeout=_CONFIRM_S)

    async def finish(self) -> None:
        """Wait a moment for the interrupts that are on their way."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CONFIRM_S)


def checked_on_abandon(on_abandon: OnAbandonName) -> OnAbandon:
    """*on_abandon* as an ``OnAbandon``.

    Raises:
        InvalidConfig: it is none.
    """
    try:
        return OnAbandon(on_abandon)
    except ValueError:
        raise InvalidConfig("on_abandon", f"give one of {', '.join(OnAbandon)}") from None


async def _send(session: InterruptedSession, interrupt: Interrupt) -> None:
    what = "compaction" if interrupt.turn is None else "turn"
    number = interrupt.compaction if interrupt.turn is None else interrupt.turn
    named = ids(session.id, interrupt.turn or 0)
    try:
        await session.send(interrupt)
    except RayconteurError as error:
        log.info(
            "%s %d of session %s was abandoned, and could not be interrupted: %s",
            what,
            number,
            session.id,
            error.code,
            extra=named,
        )
    else:
        log.debug("%s %d of session %s was abandoned", what, number, session.id, extra=named)
