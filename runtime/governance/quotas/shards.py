"""The quota brokers of a namespace, as a host sees them: the requests to an account are all admitted by one of them."""

from collections.abc import Sequence
from zlib import crc32

from .client import Admission, OnWait, QuotaClient
from .messages import Lane


class QuotaClients:
    """Asks the broker of each account, among *clients*, by a hash of the account: the same one from every host."""

    def __init__(self, clients: Sequence[QuotaClient]) -> None:
        self._clients = clients

    async def admit(
        self, lane: Lane, session: str, tokens: tuple[int, int | None], on_wait: OnWait | None = None
    ) -> Admission:
        """As ``QuotaClient.admit``."""
        client = self._clients[crc32(lane.account.encode()) % len(self._clients)]
        return await client.admit(lane, session, tokens, on_wait)
