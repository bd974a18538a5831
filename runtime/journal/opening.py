"""Opening the journal that a config describes."""

from importlib.util import find_spec
from typing import assert_never

from ...providers.schema.errors import InvalidConfig
from ..api.journal import (
    JournalConfig,
    MemoryJournalConfig,
    PostgresJournalConfig,
    RedisJournalConfig,
    SQLiteJournalConfig,
)
from .journal import Journal


async def open_journal(config: JournalConfig) -> Journal:
    """The journal that *config* describes. Only what that one needs is imported.

    Raises:
        JournalInUse: another process has it open.
        InvalidJournal: it is no journal, damaged, or of a newer version.
        JournalUnavailable: it can't be opened, or created.
    """
    match config:
        case SQLiteJournalConfig():
            from .sqlite.journal import SQLiteJournal

            return await SQLiteJournal.open(config.path)
        case PostgresJournalConfig():
            _require_extra("postgres", "psycopg")
            from .postgres.journal import PostgresJournal

            return await PostgresJournal.open(config.url, config.schema)
        case RedisJournalConfig():
            _require_extra("redis", "redis")
            from .redis.journal import RedisJournal

            return await RedisJournal.open(config.url, config.prefix, loss=config.loss)
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
