"""Has another process run the tools of this one's sessions, so that they outlive it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from hashlib import blake2b

from .....providers.schema.errors import RayconteurError
from ....api.errors import Unreachable
from ....streams.calls import CallFailed
from ....streams.channel import Channel
from ....streams.connection import ConnectionLost
from ....tools.runs import OnProgress
from ..run_orders import RunEnd, RunId, RunOrder
from .messages import DROP, FIND, RUN, UNKNOWN, DropCall, RunCall, decode_end, decode_progress, encode
from .server import with_function

_INLINE_BYTES = 10_000
"""A larger function is sent once, and then by its digest."""

_PAUSE_S = 0.1
_FIND_S = 2.0

FindOthers = Callable[[], Awaitable[Iterable[Channel]]]
"""The other processes of the namespace that run tools: one of them may have what a lost process has begun."""


class OutlivingRuns:
    """A ``ToolRunner`` over *channel*, which it has to itself, to the ``RunsServer`` of another process.

    If that is restarted, what it ran is run again. What was begun by a session's process that is lost is waited for
    where it runs, there or at those that *find_others* finds, which have *find_s* each to say that they have it.
    """

    def __init__(self, channel: Channel, find_others: FindOthers, find_s: float = _FIND_S) -> None:
        channel.on_push = self._on_push
        self._channel = channel
        self._find_others = find_others
        self._find_s = find_s
        self._on_progress: dict[RunId, OnProgress] = {}
        self._dropping: set[asyncio.Task[None]] = set()

    async def run(self, order: RunOrder, on_progress: OnProgress) -> RunEnd:
        self._on_progress[order.id] = on_progress
        try:
            joined = await self._joined(order) if order.resumed else UNKNOWN
            return decode_end.decode(joined or await self._end(order))
        finally:
            self._on_progress.pop(order.id, None)

    def drop(self, order: RunOrder) -> None:
        dropping = asyncio.get_running_loop().create_task(self._drop(order))
        self._dropping.add(dropping)
        dropping.add_done_callback(self._dropping.discard)

    async def _end(self, order: RunOrder) -> bytes:
        function = order.tool.function
        if len(function) <= _INLINE_BYTES:
            return await self._reply(RunCall(order))
        digest = blake2b(function).digest()
        end = await self._reply(RunCall(with_function(order, b""), digest))
        return end or await self._reply(RunCall(order, digest))

    async def _reply(self, call: RunCall) -> bytes:
        encoded = encode(call)
        while True:
            try:
                return await self._channel.call(RUN, encoded) or UNKNOWN
            except (ConnectionLost, Unreachable):
                await asyncio.sleep(_PAUSE_S)

    async def _joined(self, order: RunOrder) -> bytes:
        """What comes of the run that was begun for *order*, if one of the other processes has it."""
        call = encode(RunCall(with_function(order, b"")))
        for channel in await self._find_others():
            channel.on_push = self._on_push
            try:
                with suppress(ConnectionLost, CallFailed, RayconteurError, TimeoutError):  # it has ended, or hangs
                    async with asyncio.timeout(self._find_s):
                        is_known = await channel.call(FIND, call)
                    if is_known and (end := await channel.call(RUN, call)):
                        return end
            finally:
                channel.close()
        return UNKNOWN

    async def _drop(self, order: RunOrder) -> None:
        with suppress(ConnectionLost, CallFailed, RayconteurError):  # then nobody has it, or it expires
            await self._channel.call(DROP, encode(DropCall(order.id, order.incarnation)))

    def _on_push(self, data: bytes) -> None:
        progress = decode_progress(data)
        if on_progress := self._on_progress.get(progress.id):
            on_progress(progress.text)
