"""Opening the journal that a config describes."""

from importlib.util import find_spec
from typing import assert_never

from ...providers.schema.errors import InvalidConfig
from ..api.journal import (
    JournalStore,
    MemoryJournalConfig,
    PostgresJournalConfig,
    RedisJournalConfig,
    SQLiteJournalConfig,
)
from .journal import Journal


async def open_journal(config: JournalStore, read_only: bool = False) -> Journal:
    """The journal that *config* describes. Only what that one needs is imported.

    If *read_only*, nothing is created or changed, not even brought to the current version: only reading is allowed.

    Raises:
        InvalidConfig: the path of the file, or an extra, is missing.
        JournalNotFound: there is none, and it is *read_only*.
        JournalInUse: another process has it open.
        InvalidJournal: it is no journal, damaged, or of a newer version.
        JournalUnavailable: it can't be opened, or created.
    """
    match config:
        case SQLiteJournalConfig():
            if config.path is None:
                raise InvalidConfig("journal.path", "name the file: only a runtime knows that of the Ray session")
            from .sqlite.journal import SQLiteJournal

            return await SQLiteJournal.open(config.path, read_only=read_only)
        case PostgresJournalConfig():
            _require_extra("postgres", "psycopg")
            from .postgres.journal import PostgresJournal

            return await PostgresJournal.open(config.url, config.schema, read_only=read_only)
        case RedisJournalConfig():
            _require_extra("redis", "redis")
            from .redis.journal import RedisJournal

            return await RedisJournal.open(config.url, config.prefix, loss=config.loss, read_only=read_only)
        case MemoryJournalConfig():
            from .memory import MemoryJournal

            return MemoryJournal()
        case _:
            assert_never(config)


def _require_extra(extra: str, module: str) -> None:
    """Raises:
    InvalidConfig: the package's *extra*, which has *module*, is not installed where the journal is opened.
    """
    if not find_spec(module):
        raise InvalidConfig("options.journal", f"install rayconteur[{extra}] where the journal's actor runs")
