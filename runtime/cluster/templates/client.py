"""A driver's access to the templates of its namespace."""

from collections.abc import Callable

from ...api.fleet.templates import TemplateBook
from ...journal.journal import Journal
from ...journal.templates import store_book, stored_book
from ..directory.lease import Lease
from ..nodes.move_orders import DirectoryCall
from .directory_templates import decode_book, encode_book


class TemplatesClient:
    """Reads and changes the templates, which the directory has, and the *journal*, if there is one."""

    def __init__(self, lease: Lease, journal: Journal | None) -> None:
        self._lease = lease
        self._journal = journal
        self._known = TemplateBook()
        self._is_loaded = journal is None

    async def load(self) -> None:
        """Tell the directory what the journal has: it may be that of a new cluster."""
        if self._journal and (stored := await stored_book(self._journal)):
            self._known = await self._offer(stored)
        self._is_loaded = True

    async def book(self) -> TemplateBook:
        """The templates of now.

        Raises:
            DirectoryUnreachable: the directory does not answer.
            JournalError: what is stored can't be read.
        """
        if not self._is_loaded:
            await self.load()
        self._known = decode_book(await self._lease.call(DirectoryCall.TEMPLATES))
        return self._known

    async def known_at(self, revision: int) -> TemplateBook:
        """The templates of that *revision*, or a later one."""
        if not self._is_loaded or self._known.revision < revision:
            await self.book()
        return self._known

    async def change(self, change: Callable[[TemplateBook], TemplateBook]) -> TemplateBook:
        """Replace the templates by what *change* makes of them; again, if another program was faster.

        Raises:
            DirectoryUnreachable, JournalUnavailable: the change may have been made or not.
        """
        while True:
            changed = change(await self.book())
            if self._journal and not await store_book(self._journal, changed):
                await self.load()
                continue
            book = await self._offer(changed)
            if encode_book(book) == encode_book(changed):
                return book

    async def _offer(self, book: TemplateBook) -> TemplateBook:
        return decode_book(await self._lease.call(DirectoryCall.OFFER_TEMPLATES, encode_book(book)))
