"""A session actor's side of claims: which it may use, and what it tells a directory that has been restarted."""

from collections.abc import Iterable, Mapping

from .places import Claim, HostOwner, HostReport, StaleClaim


class HostClaims:
    """The claims that a session actor is using, and the directory whose claims count. Pure."""

    def __init__(self, owner: HostOwner) -> None:
        self.owner = owner
        self._directory_id = ""
        self._opening: dict[str, int] = {}

    def __len__(self) -> int:
        """The number of sessions that are about to be opened."""
        return len(self._opening)

    def use(self, session_ids: Iterable[str], claim: Claim) -> None:
        """Sessions are about to be opened. From here on, reports contain them.

        Raises:
            StaleClaim: another directory has asked for a report since, and may have granted the ids to others.
        """
        if self._directory_id not in ("", claim.directory_id):
            raise StaleClaim
        self._opening.update(dict.fromkeys(session_ids, claim.epoch))

    def finish(self, session_ids: Iterable[str]) -> None:
        """Sessions were opened, or could not be opened."""
        for session_id in session_ids:
            self._opening.pop(session_id, None)

    def report(self, directory_id: str, sessions: Mapping[str, int]) -> HostReport:
        """What the actor has: its *sessions*, ids with their epochs, and those that it is about to open."""
        self._directory_id = directory_id
        return HostReport(self.owner, {**sessions, **self._opening})
