"""The rows of a catalog, as journals store them, and which of them a call is about."""

from typing import NamedTuple

import msgspec

from ..entry import SessionKey


class CatalogPlace(NamedTuple):
    """Where a row is in the order of the catalog: by *last_at*, then by id and epoch. The greatest comes first."""

    last_at: float
    session: SessionKey = SessionKey("", 0)


class CatalogRow(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What the catalog says of *session*, as of its record *number*.

    *last_at* is the time of its last activity, in Unix seconds. *messages* is the length of its history. *details* is
    the rest, in a form that the journal does not know.
    """

    session: SessionKey
    number: int
    last_at: float
    is_closed: bool = False
    owner: str = ""
    project: str = ""
    tags: tuple[str, ...] = ()
    messages: int = 0
    details: bytes = b""

    @property
    def place(self) -> CatalogPlace:
        """Its place in the order of the catalog."""
        return CatalogPlace(self.last_at, self.session)


class CatalogChange(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A new *row* of a session, and the *words* of some of its turns, for the search; those of turn 0 are its title's.

    The words of a turn are different ones, separated by spaces; they replace those that the turn had. If it *replaces*
    all, the words of other turns are removed.
    """

    row: CatalogRow
    words: dict[int, str] = {}
    replaces: bool = False


class CatalogFilter(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The sessions that have all of these. *words* are those of one turn, or of the title."""

    owner: str | None = None
    project: str | None = None
    tag: str | None = None
    is_closed: bool | None = None
    words: tuple[str, ...] = ()

    def has(self, row: CatalogRow) -> bool:
        """True if *row* is one of these, whatever the words."""
        return (
            self.owner in (None, row.owner)
            and self.project in (None, row.project)
            and (self.tag is None or self.tag in row.tags)
            and self.is_closed in (None, row.is_closed)
        )


EVERYTHING = CatalogFilter()
"""All sessions."""
