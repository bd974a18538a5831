"""The keys of a journal in Redis. All begin with ``{prefix}:``; the braces keep them on one node of a cluster."""

from ..catalog.rows import CatalogFilter, CatalogRow
from ..entry import SessionKey

_EPOCH_BYTES = 8


class Keys:
    """*format* has the version of all this, *index* is a sorted set of the members of all sessions, in their order, and
    *positions* a hash of what is stored of each.

    *catalog* is a hash of the rows of the catalog, *owners* a sorted set of the owners in it.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{{{prefix}}}:".encode()
        self.format = self._prefix + b"format"
        self.index = self._prefix + b"index"
        self.positions = self._prefix + b"positions"
        self.catalog = self._prefix + b"catalog"
        self.owners = self._prefix + b"owners"

    def records(self, session: SessionKey) -> bytes:
        """The stream of the records of *session*, whose ids are their numbers."""
        return self._prefix + b"records:" + member(session)

    def snapshots(self, session: SessionKey) -> bytes:
        """The sorted set of the snapshots of *session*, whose scores are their numbers."""
        return self._prefix + b"snapshots:" + member(session)

    def listed(self, field: str, value: str = "") -> bytes:
        """The sorted set of the sessions whose rows have *value* in *field*; their scores are the last times."""
        return self._prefix + f"listed:{field}:{value}".encode()

    def lists_of(self, row: CatalogRow) -> list[bytes]:
        """All such sets that have the session of *row*."""
        tags = (self.listed("tag", tag) for tag in row.tags)
        state = self.listed("closed" if row.is_closed else "open")
        return [self.listed("all"), state, self.listed("owner", row.owner), self.listed("project", row.project), *tags]

    def lists_with(self, selected: CatalogFilter) -> list[bytes]:
        """The sets whose members in common are *selected*."""
        fields = (("owner", selected.owner), ("project", selected.project), ("tag", selected.tag))
        lists = [self.listed(field, value) for field, value in fields if value is not None]
        if selected.is_closed is not None:
            lists.append(self.listed("closed" if selected.is_closed else "open"))
        return lists or [self.listed("all")]


def member(session: SessionKey) -> bytes:
    """The bytes for *session*: they are ordered as sessions are."""
    return members_before(session.id) + session.epoch.to_bytes(_EPOCH_BYTES, "big")


def members_before(session_id: str) -> bytes:
    """What precedes the members of all epochs of *session_id*, and follows those of the ids before it."""
    return session_id.encode().replace(b"\0", b"\0\xff") + b"\0"
