"""A driver's lease: its connection to the directory, which ends what the driver owns soon after the connection ends."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import msgspec

from ...api.errors import DirectoryUnreachable, PeerUnreachable, RuntimeClosed
from ...streams.calls import CallFailed
from ...streams.channel import Channel
from ...streams.connection import ConnectionLost
from ..nodes.move_orders import DirectoryCall, MoveOrder, decode_orders, encode
from ..ray_calls import node_id, tls
from .client import DirectoryClient
from .places import Claim, ClaimOutcome, ClaimRequest

log = logging.getLogger(__name__)

_PAUSE_S = 0.2

_decode_outcome = msgspec.msgpack.Decoder(ClaimOutcome).decode


class Lease:
    """Keeps a driver connected to the directory, until ``aclose``. Create it within a running loop.

    The connection costs nothing while it is open, and does not break when the driver is busy or stopped.
    """

    def __init__(self, directory: DirectoryClient, driver_id: str) -> None:
        self.directory = directory
        self._lost = asyncio.Event()
        self._acquired = asyncio.Event()
        self._channel = Channel(
            lambda: directory.call(lambda actor: actor.endpoint.remote()), driver_id, node_id(), tls()
        )
        self._channel.on_lost = self._lost.set
        self._channel.on_push = self._receive
        self.on_orders: Callable[[list[MoveOrder]], None] | None = None
        """Called with what the directory orders, again and again until it is done."""
        self._task = asyncio.get_running_loop().create_task(self._hold())

    async def acquired(self, timeout_s: float) -> None:
        """Wait until the directory has granted it, for *timeout_s* at most: it goes on trying.

        A program whose loop stops after that, such as one of a notebook, is still one that uses the namespace.
        """
        acquiring = asyncio.ensure_future(self._acquired.wait())
        await asyncio.wait((acquiring, self._task), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        acquiring.cancel()

    async def call(self, call: DirectoryCall, data: bytes = b"") -> bytes:
        """The result of a *call* over the connection, within the timeout of calls to the directory.

        It may be made twice: the directory may be restarted just then.

        Raises:
            DirectoryUnreachable: there was none.
        """
        try:
            async with asyncio.timeout(self.directory.timeout_s):
                while True:
                    with suppress(ConnectionLost, PeerUnreachable):
                        return await self._channel.call(call, data) or b""
                    await asyncio.sleep(_PAUSE_S)
        except TimeoutError:
            raise DirectoryUnreachable(
                f"the directory of the namespace did not answer within {self.directory.timeout_s:g} s; it is being "
                "restarted, or stopped: try again later"
            ) from None

    async def claim(self, request: ClaimRequest) -> Claim:
        """Claim ids: all of them, or none. It saves a Ray call.

        Raises:
            DirectoryUnreachable: the directory does not answer, or does not know yet which ids are taken.
            RuntimeClosed: the namespace was shut down.
        """
        try:
            outcome = _decode_outcome(await self.call(DirectoryCall.CLAIM, encode(request)))
        except CallFailed as error:
            raise DirectoryUnreachable(f"the directory has failed: {error}; try again later") from None
        if outcome.claim is None:
            raise DirectoryUnreachable(outcome.unreachable)
        return outcome.claim

    def _receive(self, push: bytes) -> None:
        if self.on_orders:
            self.on_orders(decode_orders(push))

    async def aclose(self) -> None:
        """Close the connection."""
        self._task.cancel()
        await asyncio.wait({self._task})
        await self._channel.aclose()

    async def _hold(self) -> None:
        while True:
            self._lost.clear()
            try:
                await self._channel.call(DirectoryCall.HOLD)
            except RuntimeClosed:
                return  # the namespace was shut down
            except Exception as error:  # whatever it is, the directory may be back soon
                log.debug("no lease yet: %s", error)
                await asyncio.sleep(_PAUSE_S)
            else:
                self._acquired.set()
                await self._lost.wait()
