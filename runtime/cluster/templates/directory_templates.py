"""The templates of a namespace, as its directory has them: the process after it finds them in Ray's GCS."""

import asyncio
import logging

import msgspec

from ....providers.schema.errors import RayconteurError
from ...api.fleet.templates import TemplateBook
from ..directory.places import Places
from ..nodes.kept_values import keep_value, kept_value
from ..ray_calls import UNTIL_LOST_S, gcs_result, was_restarted

log = logging.getLogger(__name__)

encode_book = msgspec.msgpack.encode
decode_book = msgspec.msgpack.Decoder(TemplateBook).decode


class DirectoryTemplates:
    """The templates of *namespace*. Claims of *places* say of which revision they are."""

    def __init__(self, namespace: str, places: Places) -> None:
        self._kept_as = f"{namespace}/templates"
        self._places = places
        self._keeping: asyncio.Task[None] | None = None
        kept = kept_value(self._kept_as) if was_restarted() else None  # else it is of another namespace of this name
        self._use(decode_book(kept) if kept else TemplateBook())

    @property
    def book(self) -> bytes:
        """The templates, encoded."""
        return encode_book(self._book)

    def offer(self, data: bytes) -> bytes:
        """Use the templates that a program offers, if they are of a later revision. Returns those in use."""
        offered = decode_book(data)
        if offered.revision > self._book.revision:
            self._use(offered)
            if self._keeping is None or self._keeping.done():
                self._keeping = asyncio.get_running_loop().create_task(self._keep())
        return self.book

    def _use(self, book: TemplateBook) -> None:
        self._book = book
        self._places.templates = book.revision

    async def _keep(self) -> None:
        kept = -1
        while kept != self._book.revision:
            kept, book = self._book.revision, self.book
            try:
                await gcs_result(UNTIL_LOST_S, keep_value, self._kept_as, book)
            except RayconteurError as error:
                log.warning("if the directory is restarted, it does not know the last change of templates: %s", error)
