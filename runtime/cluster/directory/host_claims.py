"""A session actor's side of claims: which it may use, and what it tells a directory that has been restarted."""

from collections.abc import Iterable, Mapping

from .places import Claim, HostOwner, HostReport, StaleClaim


class HostClaims:
    """The claims that a session actor is using, and the directory whose claims count. Pure."""

    def __init__(self, owner: HostOwner) -> None:
        self.owner = owner
        self._directory_id = ""
        self.opening: dict[str, int] = {}
        """The sessions that are about to be opened: ids with their epochs."""

    def __len__(self) -> int:
        """The number of sessions that are about to be opened."""
        return len(self.opening)

    @property
    def has_met(self) -> bool:
        """False until the actor has heard of a directory. One that is restarted then does not wait for its report."""
        return bool(self._directory_id)

    def meet(self, directory_id: str) -> None:
        """The directory has said who it is. That counts until another one asks for a report."""
        self._directory_id = self._directory_id or directory_id

    def use(self, session_ids: Iterable[str], claim: Claim) -> None:
        """Sessions are about to be opened. From here on, reports contain them.

        Raises:
            StaleClaim: it is not of the directory that counts, which may have granted the ids to others.
        """
        if self._directory_id != claim.directory_id:
            raise StaleClaim
        self.opening.update(dict.fromkeys(session_ids, claim.epoch))

    def finish(self, session_ids: Iterable[str]) -> None:
        """Sessions were opened, or could not be opened."""
        for session_id in session_ids:
            self.opening.pop(session_id, None)

    def report(self, directory_id: str, sessions: Mapping[str, int]) -> HostReport:
        """What the actor has: its *sessions*, ids with their epochs, and those that it is about to open."""
        self._directory_id = directory_id
        return HostReport(self.owner, {**sessions, **self.opening})
