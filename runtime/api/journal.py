"""Which journal a namespace stores its sessions in."""

from typing import Literal
from urllib.parse import urlsplit

import msgspec

from ...providers.schema.checks.field_checks import check_fields
from ...providers.schema.checks.shown import short_repr, shown
from ...providers.schema.config import WithSecrets
from ...providers.schema.errors import InvalidConfig

_IN_MEMORY = ":memory:"


class SQLiteJournalConfig(msgspec.Struct, frozen=True, tag_field="kind", tag="sqlite"):
    """A journal in the SQLite file at *path*, which is created if there is none; its folder must exist.

    What it has stored survives the loss of power. The file is on the node of the program that starts the namespace:
    the journal's actor runs there and nowhere else. A relative *path* starts at that program's current folder.

    Without a *path*, the file is in the folder of the Ray session, on the head or a node with ``control_node_labels``:
    one for each namespace, which only this user can read. It ends with the cluster.
    """

    __repr__ = short_repr

    path: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "journal")
        if self.path is None:
            return
        if not self.path or "\0" in self.path:
            raise InvalidConfig("journal.path", f"{shown(self.path)} is no path of a file: name one")
        if self.path == _IN_MEMORY:
            raise InvalidConfig("journal.path", f"give MemoryJournalConfig() instead of {_IN_MEMORY!r}")


class MemoryJournalConfig(msgspec.Struct, frozen=True, tag_field="kind", tag="memory"):
    """A journal in the memory of its actor: it survives session actors, but not its own process."""

    __repr__ = short_repr


class PostgresJournalConfig(WithSecrets, frozen=True, tag_field="kind", tag="postgres"):
    """A journal in *schema* of the PostgreSQL database at *url*: ``postgresql://user:password@host:port/database``.

    Several namespaces may share it, one after the other. The journal's actor reads the variables ``PG...`` and password
    files for what *url* does not say. It needs ``rayconteur[postgres]``.
    """

    url: str
    schema: str = "rayconteur"

    def __post_init__(self) -> None:
        _check_url(self, self.url, ("postgresql", "postgres"))

    def __str__(self) -> str:
        """Where it is, without secrets."""
        return f"{_location(self.url)}, schema {self.schema}"


class RedisJournalConfig(WithSecrets, frozen=True, tag_field="kind", tag="redis"):
    """A journal in the keys ``{prefix}:*`` of the Redis server at *url*: ``redis://user:password@host:port/database``.

    *loss* is what may be lost of acknowledged records when the server's machine fails: ``"none"`` requires
    ``appendfsync always``, ``"seconds"`` at least ``everysec``, and ``"any"`` nothing. It needs ``rayconteur[redis]``.
    """

    url: str
    prefix: str = "rayconteur"
    loss: Literal["none", "seconds", "any"] = "none"

    def __post_init__(self) -> None:
        _check_url(self, self.url, ("redis", "rediss"))

    def __str__(self) -> str:
        """Where it is, without secrets."""
        return f"{_location(self.url)}, prefix {self.prefix}"


class NoJournal(msgspec.Struct, frozen=True, tag_field="kind", tag="none"):
    """No journal: a session ends with its actor, and its turns wait for no disk."""

    __repr__ = short_repr


JournalStore = SQLiteJournalConfig | PostgresJournalConfig | RedisJournalConfig | MemoryJournalConfig
JournalConfig = JournalStore | NoJournal


def _check_url(config: msgspec.Struct, url: str, schemes: tuple[str, ...]) -> None:
    """Raises:
    InvalidConfig: *url* has none of *schemes*, or a password that is not percent-encoded, which nobody could hide.
    """
    check_fields(config, "journal")
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in schemes and "@" not in parts.path + parts.query + parts.fragment
    except ValueError:
        is_valid = False
    if not is_valid:
        raise InvalidConfig(
            "journal.url", f"give an address such as {schemes[0]}://user:password@host/database, percent-encoded"
        )


def _location(url: str) -> str:
    """*url* without user, password and parameters."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
