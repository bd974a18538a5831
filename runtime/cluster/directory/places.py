"""The pure core of the directory: the place of each session, and how it is learned again after a restart."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ...api.errors import DeathReason
from ...events.segments import EndedSessions, FoundEnds, LivingSessions, SessionEnd, shard_of
from ...session.sorted_ids import SortedIds
from .actor_names import session_of

_MAX_TOMBSTONES = 10_000
"""For how many sessions the directory remembers that they died with their host."""

_MAX_CLAIMS = 10_000
"""How many claims it remembers, should one of them arrive again."""


class StaleClaim(Exception):
    """A claim that another directory granted, which has died since: the ids have to be claimed again."""


class SessionPlace(msgspec.Struct, frozen=True):
    """A session's host, and the epoch that distinguishes it from earlier and later sessions with its id."""

    host_id: str
    epoch: int


class SessionPage(msgspec.Struct, frozen=True):
    """Ids of sessions in order, by their hosts, and the *last* one; ``None`` if no further ones follow.

    *unreported* are the hosts whose sessions are not known yet, after a restart of the directory.
    """

    ids: dict[str, list[str]]
    last: str | None
    unreported: tuple[str, ...] = ()


class HostOwner(msgspec.Struct, frozen=True):
    """A host, and the driver that started it. If *detached*, it outlives that driver as long as it has sessions."""

    host_id: str
    driver_id: str
    detached: bool


class ClaimRequest(msgspec.Struct, frozen=True):
    """Ids of sessions that *owner*'s host is to open. *claim_id* is a new one; a repeated request has the same.

    With an *epoch*, it is to go on with the one that has this epoch. *are_new*: they were generated for these sessions.
    """

    claim_id: str
    session_ids: list[str]
    owner: HostOwner
    epoch: int | None = None
    are_new: bool = False


class Claim(msgspec.Struct, frozen=True):
    """The epoch of the sessions whose ids were claimed; if any of the ids are *taken*, none was claimed.

    *templates* is the revision of the namespace's templates then: what changes later reaches the host.
    It is worth nothing once a directory other than *directory_id* has asked the host for its report.
    """

    epoch: int
    directory_id: str
    taken: list[str] = []
    templates: int = 0


class ClaimOutcome(msgspec.Struct, frozen=True, array_like=True):
    """A claim that was granted or refused, or why the directory can't do either before it knows more."""

    claim: Claim | None
    unreachable: str = ""


class HostReport(msgspec.Struct, frozen=True):
    """The sessions of a host, ids with their epochs: those that it has, and those that it is about to open."""

    owner: HostOwner
    sessions: dict[str, int]


class RouterBriefing(msgspec.Struct, frozen=True):
    """What a router has to know that was restarted: the latest *deaths*, and the *hosts* that may have its sessions."""

    deaths: list[EndedSessions]
    hosts: list[str]


class Places:
    """The place of each session. An id belongs to one session until it is released, or its host has died.

    Requests may arrive twice or late, and answers may be lost. *directory_id* is of this directory's process alone.
    If sessions are *durable*, they outlive their hosts: that one is on none does not say that it has ended.
    """

    def __init__(self, directory_id: str, durable: bool = False) -> None:
        self.directory_id = directory_id
        self.durable = durable
        self.owners: dict[str, HostOwner] = {}
        """The hosts that are known to be alive, by their ids."""
        self._epoch = 0
        self.templates = 0
        """The revision of the templates of the namespace."""
        self.unreported: set[str] = set()
        """Hosts that are alive and have not said yet which sessions they have: any id may belong to one of theirs."""
        self.rebuilt_before = 0
        """Sessions with an epoch below this are from before a restart."""
        self._places: dict[str, SessionPlace] = {}
        self._by_host: dict[str, dict[str, None]] = {}  # the ids of each host's sessions
        self._ids = SortedIds()  # of the places
        self._tombstones: OrderedDict[tuple[str, int], DeathReason] = OrderedDict()  # by id and epoch
        self._claims: OrderedDict[str, Claim | None] = OrderedDict()  # by claim id; None: abandoned
        self._dead_hosts: dict[str, DeathReason] = {}  # before a restart

    def __len__(self) -> int:
        return len(self._places)

    @property
    def end_with_host(self) -> SessionEnd:
        """What becomes of the sessions of a host that dies."""
        return SessionEnd.LOST if self.durable else SessionEnd.DIED

    def claim(self, request: ClaimRequest, now_ms: int) -> Claim:
        """Claim all ids of the request for its host, or none."""
        if request.claim_id in self._claims:
            return self._claims[request.claim_id] or Claim(0, self.directory_id, request.session_ids)
        taken = [session_id for session_id in request.session_ids if session_id in self._places]
        if taken:
            return Claim(0, self.directory_id, taken)
        epoch = request.epoch or self._new_epoch(now_ms)
        self.owners[request.owner.host_id] = request.owner
        self._place(request.session_ids, SessionPlace(request.owner.host_id, epoch))
        claim = Claim(epoch, self.directory_id, templates=self.templates)
        self._remember(request.claim_id, claim)
        return claim

    def _new_epoch(self, now_ms: int) -> int:
        # From the clock, so that epochs keep growing when another directory follows this one.
        self._epoch = max(self._epoch + 1, now_ms)
        return self._epoch

    def abandon(self, request: ClaimRequest) -> None:
        """Undo a claim of which nobody knows whether it arrived. It is not granted if it arrives later."""
        if claim := self._claims.get(request.claim_id):
            place = SessionPlace(request.owner.host_id, claim.epoch)
            for session_id in request.session_ids:
                if self._places.get(session_id) == place:
                    self._free(session_id)
        self._remember(request.claim_id, None)

    def restore(self, report: HostReport) -> None:
        """Learn the sessions of a host that is alive, from which another directory has granted claims."""
        self.owners[report.owner.host_id] = report.owner
        self.unreported.discard(report.owner.host_id)
        for session_id, epoch in report.sessions.items():
            self._epoch = max(self._epoch, epoch)
            place = self._places.get(session_id)
            if place is None or place.epoch < epoch:
                if place is not None:
                    self._free(session_id)
                self._place((session_id,), SessionPlace(report.owner.host_id, epoch))

    def learn_deaths(self, reasons: Mapping[str, DeathReason]) -> None:
        """Learn which hosts have died, and why: the directory before may have known them, and told nobody."""
        known = {session_of(host_id): why for host_id, why in reasons.items() if why is not DeathReason.CRASHED}
        self._dead_hosts |= {**reasons, **known}
        self._dead_hosts.pop("", None)

    def end_rebuild(self, now_ms: int) -> int:
        """All hosts that are alive have reported, except those that are *unreported*.

        Returns an epoch that all sessions of before are below.
        """
        self.rebuilt_before = self._epoch = max(self._epoch + 1, now_ms)
        return self.rebuilt_before

    def release(self, sessions: Mapping[str, int], host_id: str) -> None:
        """Free the ids of those of *sessions*, ids with their epochs, that are at the host."""
        for session_id, epoch in sessions.items():
            place = self._places.get(session_id)
            if place and place.epoch == epoch and place.host_id == host_id:
                self._free(session_id)

    def remove_host(self, host_id: str) -> None:
        """The host has exited: its sessions are over, and their ids free."""
        self.owners.pop(host_id, None)
        self.unreported.discard(host_id)
        for session_id in tuple(self._by_host.get(host_id, ())):
            self._free(session_id)

    def mark_dead(self, host_id: str, reason: DeathReason) -> dict[str, int]:
        """The host has died: free its ids. Returns them with their epochs; nothing the second time."""
        self.owners.pop(host_id, None)
        self.unreported.discard(host_id)
        dead = {session_id: self._places[session_id].epoch for session_id in self._by_host.get(host_id, ())}
        for session_id, epoch in dead.items():
            self._free(session_id)
            if not self.durable:
                self._tombstones[session_id, epoch] = reason
        while len(self._tombstones) > _MAX_TOMBSTONES:
            self._tombstones.popitem(last=False)
        return dead

    def death_reason(self, session_id: str, epoch: int, host_id: str = "") -> DeathReason | None:
        """Why the session's host died, if the session died with it. *host_id* is its host, if that is known.

        Of a session from before a restart, which no host has reported, it is taken that it did.
        """
        if self.durable:
            return None
        if reason := self._tombstones.get((session_id, epoch)):
            return reason
        if epoch >= self.rebuilt_before or self._is_here(session_id, epoch):
            return None
        return self._dead_hosts.get(host_id or session_id, DeathReason.CRASHED)

    def may_be_unreported(self, session_id: str, epoch: int, host_id: str = "") -> bool:
        """True if it is not known yet whether the session exists. *host_id* is its host, if that is known."""
        return bool(
            (host_id in self.unreported if host_id else self.unreported)
            and epoch < self.rebuilt_before
            and not self._is_here(session_id, epoch)
            and (session_id, epoch) not in self._tombstones
        )

    def find(self, session_id: str) -> SessionPlace | None:
        """The place of the session, if it exists."""
        return self._places.get(session_id)

    def running(self, session_ids: Sequence[str]) -> dict[str, int]:
        """Those of the sessions that have a place, with their epochs."""
        places = ((session_id, self._places.get(session_id)) for session_id in session_ids)
        return {session_id: place.epoch for session_id, place in places if place}

    def counts(self, host_ids: Iterable[str]) -> dict[str, int]:
        """How many sessions each of the hosts has."""
        return {host_id: len(self._by_host.get(host_id, ())) for host_id in host_ids}

    def hosts_of(self, router: int, routers: int) -> list[str]:
        """The hosts that may have sessions of that router, one of *routers*."""
        placed = [
            host_id
            for host_id, session_ids in self._by_host.items()
            if any(shard_of(session_id, routers) == router for session_id in session_ids)
        ]
        return [*placed, *self.unreported]

    def has_tombstone(self, session_id: str, epoch: int) -> bool:
        """True if it is known that the session died, not only likely."""
        return (session_id, epoch) in self._tombstones

    def ended(self, sessions: Mapping[str, int]) -> FoundEnds:
        """Those of *sessions*, ids with their epochs, that no longer exist, by how they ended."""
        closed: dict[str, int] = {}
        died: dict[DeathReason, dict[str, int]] = {}
        unknown: list[str] = []
        for session_id, epoch in sessions.items():
            if self.may_be_unreported(session_id, epoch):
                unknown.append(session_id)
            elif reason := self.death_reason(session_id, epoch):
                died.setdefault(reason, {})[session_id] = epoch
            elif not self.durable and ((place := self._places.get(session_id)) is None or place.epoch != epoch):
                closed[session_id] = epoch
        deaths = [EndedSessions(alike, SessionEnd.DIED, reason) for reason, alike in died.items()]
        return FoundEnds([*([EndedSessions(closed, SessionEnd.CLOSED)] if closed else ()), *deaths], unknown)

    def living(self) -> LivingSessions:
        """All sessions of before a restart. If they are durable, none is dead, but those of dead hosts are lost."""
        if self.durable:
            return LivingSessions({}, 0, reasons=self._dead_hosts, are_durable=True)
        sessions = {session_id: place.epoch for session_id, place in self._places.items()}
        return LivingSessions(sessions, self.rebuilt_before, frozenset(self.unreported), self._dead_hosts)

    def page(self, after: str, limit: int) -> SessionPage:
        """The first *limit* sessions by their ids, of those that come after *after*."""
        page = self._ids.page(after, limit)
        by_host: dict[str, list[str]] = {}
        for session_id in page:
            by_host.setdefault(self._places[session_id].host_id, []).append(session_id)
        return SessionPage(by_host, page[-1] if len(page) == limit else None)

    def _is_here(self, session_id: str, epoch: int) -> bool:
        place = self._places.get(session_id)
        return place is not None and place.epoch == epoch

    def _place(self, session_ids: Sequence[str], place: SessionPlace) -> None:
        of_host = self._by_host.setdefault(place.host_id, {})
        for session_id in dict.fromkeys(session_ids):  # the host rejects a call that names one twice
            self._places[session_id] = place
            of_host[session_id] = None
            self._ids.add(session_id)

    def _free(self, session_id: str) -> None:
        host_id = self._places.pop(session_id).host_id
        of_host = self._by_host[host_id]
        del of_host[session_id]
        if not of_host:
            del self._by_host[host_id]
        self._ids.remove(session_id)

    def _remember(self, claim_id: str, claim: Claim | None) -> None:
        self._claims[claim_id] = claim
        if len(self._claims) > _MAX_CLAIMS:
            self._claims.popitem(last=False)
