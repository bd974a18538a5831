"""The process that has a journal open, as others see it."""

from collections.abc import Awaitable

import msgspec

from ...metrics import catalog
from ...metrics.counts import Values
from ...streams.peer import Peer
from ..errors import JournalError
from ..group_commit import GroupCommit
from ..journal import Journal
from . import calls
from .calls import decode_call, encode, pickled

WAIT_S = 2.0
"""How long an append waits for a store that is unavailable. Less than a client waits, which so learns the reason
in time to tell it to those that wait there."""


class JournalServer:
    """Serves *journal* to the ``RemoteJournal`` of other processes. Their appends share commits."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._commits = GroupCommit(journal, timeout_s=WAIT_S)

    def serve(self, peer: Peer, method: int, data: bytes) -> Awaitable[bytes]:
        """Serve a call of *peer*, as a listener's requests are served."""
        del peer
        if method != calls.METHOD:
            raise ValueError(f"a journal has no call {method}")
        return self._serve(data)

    def gauges(self) -> Values:
        """What waits here."""
        return [
            ((catalog.JOURNAL_BYTES.name,), self._commits.size_bytes),
            ((catalog.JOURNAL_WAIT.name,), self._commits.waits_s),
        ]

    async def aclose(self) -> None:
        """Finish what waits, and close the journal."""
        await self._commits.flush()
        await self.journal.aclose()

    async def _serve(self, data: bytes) -> bytes:
        try:
            result = await self._make(decode_call(data))
        except JournalError as error:
            return encode(calls.Outcome(error=pickled(error)))
        return encode(calls.Outcome(msgspec.Raw(encode(result))))

    async def _make(self, call: calls.JournalCall) -> object:
        journal = self.journal
        match call:
            case calls.Append():
                return [pickled(rejection) for rejection in await self._commits.append(call.entries)]
            case calls.TakeOver():
                return await journal.take_over(call.session, call.incarnation)
            case calls.Read():
                return await journal.read(call.session, call.after, call.limit)
            case calls.PutSnapshot():
                await journal.put_snapshot(call.snapshot)
                return None
            case calls.FindSnapshot():
                return await journal.snapshot(call.session, call.before)
            case calls.FindPosition():
                return await journal.position(call.session_id, call.epoch)
            case calls.ListSessions():
                return await journal.sessions(call.after, call.limit)
            case calls.Delete():
                return await journal.delete(call.session, call.expected)
            case calls.PutCatalog():
                await journal.put_catalog(call.changes)
                return None
            case calls.ListCatalog():
                return await journal.catalog(call.selected, call.before, call.limit)
            case calls.FindCatalogRows():
                return await journal.catalog_rows(call.sessions)
            case calls.CountCatalog():
                return await journal.count(call.selected)
            case calls.ListOwners():
                return await journal.owners(call.after, call.limit)
