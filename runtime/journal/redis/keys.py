"""The keys of a journal in Redis. All begin with ``{prefix}:``; the braces keep them on one node of a cluster."""

from ..entry import SessionKey

_EPOCH_BYTES = 8


class Keys:
    """*format* has the version of all this, *index* is a sorted set of the members of all sessions, in their order, and
    *positions* a hash of what is stored of each.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{{{prefix}}}:".encode()
        self.format = self._prefix + b"format"
        self.index = self._prefix + b"index"
        self.positions = self._prefix + b"positions"

    def records(self, session: SessionKey) -> bytes:
        """The stream of the records of *session*, whose ids are their numbers."""
        return self._prefix + b"records:" + member(session)

    def snapshots(self, session: SessionKey) -> bytes:
        """The sorted set of the snapshots of *session*, whose scores are their numbers."""
        return self._prefix + b"snapshots:" + member(session)


def member(session: SessionKey) -> bytes:
    """The bytes for *session*: they are ordered as sessions are."""
    return members_before(session.id) + session.epoch.to_bytes(_EPOCH_BYTES, "big")


def members_before(session_id: str) -> bytes:
    """What precedes the members of all epochs of *session_id*, and follows those of the ids before it."""
    return session_id.encode().replace(b"\0", b"\0\xff") + b"\0"
