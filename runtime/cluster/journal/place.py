"""Where the journal of a namespace is: what all its drivers have to agree on."""

import os
from hashlib import sha256
from typing import assert_never
from urllib.parse import quote

import msgspec

from ....providers.schema.checks.shown import shown
from ....providers.schema.errors import InvalidConfig
from ...api.journal import (
    JournalConfig,
    JournalStore,
    MemoryJournalConfig,
    NoJournal,
    PostgresJournalConfig,
    RedisJournalConfig,
    SQLiteJournalConfig,
)
from ..ray_calls import node_id, session_folder

_FOLDER = "rayconteur"
"""What is ours in the folder of the Ray session."""

_NAME_BYTES = 200
"""A file system takes names of 255 bytes."""


class JournalPlace(msgspec.Struct, frozen=True):
    """The journal that *config* describes, which only the node *node_id* can open, if one is given."""

    config: JournalStore
    node_id: str | None = None

    def __str__(self) -> str:
        """Without secrets."""
        match self.config:
            case SQLiteJournalConfig(path=None):
                return f"the SQLite file of the Ray session on node {self.node_id}"
            case SQLiteJournalConfig():
                return f"the SQLite file {self.config.path} on node {self.node_id}"
            case PostgresJournalConfig() | RedisJournalConfig():
                return str(self.config)
            case MemoryJournalConfig():
                return "memory"
            case _:
                assert_never(self.config)

    @property
    def is_of_ray_session(self) -> bool:
        """True if nobody has named a file: it is in the folder of the Ray session."""
        return self.config == SQLiteJournalConfig()


def journal_place(config: JournalConfig, control_node: str) -> JournalPlace | NoJournal:
    """Where the journal is that this driver gives; on *control_node*, if it names no file."""
    match config:
        case SQLiteJournalConfig():
            if config.path is None:
                return JournalPlace(config, control_node)
            return JournalPlace(SQLiteJournalConfig(os.path.realpath(config.path)), node_id())
        case NoJournal():
            return config
        case PostgresJournalConfig() | RedisJournalConfig() | MemoryJournalConfig():
            return JournalPlace(config)
        case _:
            assert_never(config)


def require_folder(place: JournalPlace) -> None:
    """Check that a file can be in *place*, before processes are started for it.

    Raises:
        InvalidConfig: its folder does not exist, or it is one itself.
    """
    if isinstance(place.config, SQLiteJournalConfig) and (path := place.config.path):
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            raise InvalidConfig("options.journal.path", f"there is no folder {shown(folder)}: create it")
        if os.path.isdir(path):
            raise InvalidConfig("options.journal.path", f"{shown(path)} is a folder: name a file in it")


def located(config: JournalStore, namespace: str) -> JournalStore:
    """*config*, with the path of its file if that is in the folder of the Ray session on this node: then it exists."""
    if config != SQLiteJournalConfig():
        return config
    folder = own_folder(session_folder())
    os.makedirs(folder, mode=0o700, exist_ok=True)
    name = quote(namespace, safe="")
    name = name if len(name) <= _NAME_BYTES else sha256(name.encode()).hexdigest()
    path = os.path.join(folder, f"{name}.db")
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its log the same mode
    return SQLiteJournalConfig(path)


def own_folder(session_folder: str) -> str:
    """The folder for the journals of namespaces in that of a Ray session."""
    return os.path.join(session_folder, _FOLDER)
