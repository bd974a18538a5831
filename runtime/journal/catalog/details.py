"""What the catalog says of a session besides what it is listed by."""

import msgspec

from ....providers.schema.usage import NONE_YET, Usage
from ..errors import InvalidJournal
from .rows import CatalogRow


class CatalogDetails(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The *details* of a ``CatalogRow``. Fields may be added: those that a version does not know are ignored.

    *indexed_turn* is the last turn whose words are in the index of the search, or will be with this row.
    """

    title: str = ""
    metadata: dict[str, str] = {}
    created_at: float = 0.0
    provider: str = ""
    model: str = ""
    turns: int = 0
    requests: int = 0
    usage: Usage = NONE_YET
    indexed_turn: int = 0


encode_details = msgspec.msgpack.encode
_decoder = msgspec.msgpack.Decoder(CatalogDetails)


def decode_details(row: CatalogRow) -> CatalogDetails:
    """The details of *row*.

    Raises:
        InvalidJournal: they are damaged.
    """
    try:
        return _decoder.decode(row.details)
    except msgspec.MsgspecError as error:
        raise InvalidJournal(f"what the catalog says of session {row.session} can't be read: {error}") from error
