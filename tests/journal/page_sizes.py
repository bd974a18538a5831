"""How much of a session a page takes from its server."""

from collections.abc import Callable, Coroutine

from servers.databases.lossy_proxy import LossyProxy

from rayconteur.runtime.journal.conformance.samples import A, entry
from rayconteur.runtime.journal.journal import PAGE_BYTES, Journal

OpenAt = Callable[[int], Coroutine[None, None, Journal]]
"""Opens the journal at a port."""


async def require_short_pages(port: int, open_at: OpenAt) -> None:
    """A page of large records is not much larger than ``PAGE_BYTES``, also on its way from the server at *port*."""
    async with LossyProxy(port) as proxy:
        journal = await open_at(proxy.own_port)
        for number in range(1, 13):
            await journal.append([entry(A, number, data=bytes(PAGE_BYTES // 4))])
        before = proxy.received_bytes

        assert len(await journal.read(A)) == 4
        assert proxy.received_bytes - before < 1.5 * PAGE_BYTES
        await journal.aclose()
