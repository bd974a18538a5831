"""Opening the journal that a config describes."""

from typing import assert_never

from ..api.journal import JournalConfig, MemoryJournalConfig, SQLiteJournalConfig
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
        case MemoryJournalConfig():
            from .memory import MemoryJournal

            return MemoryJournal()
        case _:
            assert_never(config)
