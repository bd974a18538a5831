"""Where the journal of a namespace is: what all its drivers have to agree on."""

import os
from typing import assert_never

import msgspec

from ....providers.schema.checks.shown import shown
from ....providers.schema.errors import InvalidConfig
from ...api.journal import (
    JournalConfig,
    MemoryJournalConfig,
    PostgresJournalConfig,
    RedisJournalConfig,
    SQLiteJournalConfig,
)
from ..ray_calls import node_id


class JournalPlace(msgspec.Struct, frozen=True):
    """The journal that *config* describes, which only the node *node_id* can open, if one is given."""

    config: JournalConfig
    node_id: str | None = None

    def __str__(self) -> str:
        """Without secrets."""
        match self.config:
            case SQLiteJournalConfig():
                return f"the SQLite file {self.config.path} on node {self.node_id}"
            case PostgresJournalConfig() | RedisJournalConfig():
                return str(self.config)
            case MemoryJournalConfig():
                return "memory"
            case _:
                assert_never(self.config)


def journal_place(config: JournalConfig) -> JournalPlace:
    """Where the journal is that this driver gives."""
    match config:
        case SQLiteJournalConfig():
            return JournalPlace(SQLiteJournalConfig(os.path.realpath(config.path)), node_id())
        case PostgresJournalConfig() | RedisJournalConfig() | MemoryJournalConfig():
            return JournalPlace(config)
        case _:
            assert_never(config)


def require_folder(place: JournalPlace) -> None:
    """Check that a file can be in *place*, before processes are started for it.

    Raises:
        InvalidConfig: its folder does not exist, or it is one itself.
    """
    if isinstance(place.config, SQLiteJournalConfig):
        folder = os.path.dirname(path := place.config.path)
        if not os.path.isdir(folder):
            raise InvalidConfig("options.journal.path", f"there is no folder {shown(folder)}: create it")
        if os.path.isdir(path):
            raise InvalidConfig("options.journal.path", f"{shown(path)} is a folder: name a file in it")
