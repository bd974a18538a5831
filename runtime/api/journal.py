"""Which journal a namespace stores its sessions in."""

import msgspec

from ...providers.schema.checks.field_checks import check_fields
from ...providers.schema.checks.shown import short_repr, shown
from ...providers.schema.errors import InvalidConfig

_IN_MEMORY = ":memory:"


class SQLiteJournalConfig(msgspec.Struct, frozen=True, tag_field="kind", tag="sqlite"):
    """A journal in the SQLite file at *path*, which is created if there is none; its folder must exist.

    What it has stored survives the loss of power. The file is on the node of the program that starts the namespace:
    the journal's actor runs there and nowhere else. A relative *path* starts at that program's current folder.
    """

    __repr__ = short_repr

    path: str

    def __post_init__(self) -> None:
        check_fields(self, "journal")
        if not self.path or "\0" in self.path:
            raise InvalidConfig("journal.path", f"{shown(self.path)} is no path of a file: name one")
        if self.path == _IN_MEMORY:
            raise InvalidConfig("journal.path", f"give MemoryJournalConfig() instead of {_IN_MEMORY!r}")


class MemoryJournalConfig(msgspec.Struct, frozen=True, tag_field="kind", tag="memory"):
    """A journal in the memory of its actor: it survives session actors, but not its own process."""

    __repr__ = short_repr


JournalConfig = SQLiteJournalConfig | MemoryJournalConfig
