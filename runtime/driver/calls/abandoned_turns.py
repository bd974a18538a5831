"""Turns whose reply was abandoned: they are interrupted, in the background."""

import asyncio
import logging
from typing import Literal, Protocol

from ....providers.schema.errors import InvalidConfig, RayconteurError
from ...api.messages import Interrupt, Receipt, ToLLM
from ...api.options import OnAbandon

log = logging.getLogger(__name__)

_CONFIRM_S = 1.0
"""Who abandons a turn waits this long until its session confirms the interrupt, which takes a millisecond as a rule."""

OnAbandonName = OnAbandon | Literal["interrupt", "leave"]
"""An ``OnAbandon``, or its value."""

Abandon = OnAbandonName | None
"""What a call says about its turn, or ``None`` for what the runtime's options say."""


class InterruptedSession(Protocol):
    """What interrupting needs of a session."""

    id: str

    async def send(self, message: ToLLM) -> Receipt:
        """Put *message* into the mailbox."""
        ...


class AbandonedTurns:
    """Interrupts turns for whose end nobody waits any more."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def interrupt(self, session: InterruptedSession, turn: int) -> "asyncio.Task[None]":
        """Interrupt *turn*. The interrupt is sent before whatever the caller sends next."""
        task = asyncio.get_running_loop().create_task(_interrupt(session, turn))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def interrupt_and_wait(self, session: InterruptedSession, turn: int) -> None:
        """Interrupt *turn*, and wait a moment until that is confirmed. The interrupt is sent in any case."""
        await asyncio.wait({self.interrupt(session, turn)}, timeout=_CONFIRM_S)

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


async def _interrupt(session: InterruptedSession, turn: int) -> None:
    try:
        await session.send(Interrupt(turn=turn))
    except RayconteurError as error:
        log.info("turn %d of session %s was abandoned, and could not be interrupted: %s", turn, session.id, error.code)
    else:
        log.debug("turn %d of session %s was abandoned", turn, session.id)
