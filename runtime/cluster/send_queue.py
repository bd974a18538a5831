"""A send queue: one driver's messages to one session actor."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..api.messages import Receipt

AddressedMessage = tuple[str, bytes]
"""A session id and an encoded ``ToLLM``."""

Tell = Callable[[list[AddressedMessage]], Awaitable[list[Receipt | Exception]]]
"""Delivers messages in order; returns for each the receipt, or why the session did not accept it."""

_BATCH_MESSAGES = 64
"""Messages in one call at most: enough to make the call's share of each cheap, few enough to delay none."""

_BATCH_BYTES = 1 << 20
"""A batch that has reached about this size takes no further message."""


@dataclass(slots=True, eq=False)
class _PendingMessage:
    message: AddressedMessage
    receipt: asyncio.Future[Receipt] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class SendQueue:
    """Messages arrive in the order sent, though Ray's async actors run calls in any order.

    One call is in flight at a time, and messages sent meanwhile share the next: a Ray call costs about 3 ms of CPU on
    both sides together, ten times what the actor needs for a message.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._pending: deque[_PendingMessage] = deque()
        self._sender: asyncio.Task[None] | None = None

    async def send(self, session_id: str, data: bytes) -> Receipt:
        """Put a message into its session's mailbox. If cancelled before the call is made, it is not sent.

        Raises:
            RayconteurError: the session did not accept it.
            Exception: the call failed; the session may have accepted it or not.
        """
        pending = _PendingMessage((session_id, data))
        self._pending.append(pending)
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send_pending())
        return await pending.receipt

    async def _send_pending(self) -> None:
        try:
            while batch := self._take_batch():
                await self._send_batch(batch)
        finally:
            self._sender = None

    def _take_batch(self) -> list[_PendingMessage]:
        batch: list[_PendingMessage] = []
        room_bytes = _BATCH_BYTES
        while self._pending and room_bytes > 0 and len(batch) < _BATCH_MESSAGES:
            pending = self._pending.popleft()
            if not pending.receipt.done():  # else its sender was cancelled
                batch.append(pending)
                room_bytes -= len(pending.message[1])
        return batch

    async def _send_batch(self, batch: list[_PendingMessage]) -> None:
        outcomes: list[Receipt | Exception]
        try:
            outcomes = await self._tell([pending.message for pending in batch])
        except Exception as error:  # any error of the call: it is raised where the messages were sent
            outcomes = [error] * len(batch)
        for pending, outcome in zip(batch, outcomes, strict=True):
            if pending.receipt.done():
                continue
            if isinstance(outcome, Exception):
                pending.receipt.set_exception(outcome)
            else:
                pending.receipt.set_result(outcome)
