"""The directory's core: no id belongs to two sessions, whatever is lost, arrives twice or late, and who restarts."""

import time

import hypothesis.strategies as st
from builders.segments import died
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rayconteur.runtime.api.errors import DeathReason
from rayconteur.runtime.cluster.directory.actor_names import HostKind, new_host_name
from rayconteur.runtime.cluster.directory.host_claims import HostClaims
from rayconteur.runtime.cluster.directory.places import Claim, ClaimRequest, HostOwner, HostReport, Places, StaleClaim
from rayconteur.runtime.events.segments import EndedSessions, FoundEnds, SessionEnd, shard_of

IDS = ("huginn", "muninn")
RESTART_MS = 1_000
"""A restart takes longer than the clock lags behind epochs, which are at least one more for each claim."""
RECENT = 4
"""Older messages than these no longer arrive."""
HOSTS = ("host-1", "host-2")
id_lists = st.lists(st.sampled_from(IDS), min_size=1, unique=True)
hosts = st.sampled_from(HOSTS)


def owner(host_id: str) -> HostOwner:
    return HostOwner(host_id, "driver", detached=False)


class Host:
    """A session actor: the sessions that it has, and those that it is opening."""

    def __init__(self, host_id: str) -> None:
        self.claims = HostClaims(owner(host_id))
        self.sessions: dict[str, int] = {}
        self.opening: dict[str, int] = {}
        self.has_started = False

    def report_to(self, places: Places) -> None:
        places.restore(self.claims.report(places.directory_id, self.sessions))

    def start_opening(self, session_ids: list[str], claim: Claim, directory_id: str) -> bool:
        """Its process runs by now, if it was not placed before."""
        self.has_started = True
        self.claims.meet(directory_id)
        try:
            self.claims.use(session_ids, claim)
        except StaleClaim:
            return False
        self.opening |= dict.fromkeys(session_ids, claim.epoch)
        return True

    def finish_opening(self) -> None:
        assert not set(self.opening) & set(self.sessions), "the directory granted an id that is in use here"
        self.sessions |= self.opening
        self.claims.finish(self.opening)
        self.opening = {}


def test_a_router_is_told_of_the_hosts_that_may_have_its_sessions() -> None:
    places = Places("directory")
    for number, session_id in enumerate(IDS):
        places.claim(ClaimRequest(f"claim {number}", [session_id], owner(f"host of {session_id}")), number)
    places.unreported.add("unreported")

    for router in range(2):
        of_router = [session_id for session_id in IDS if shard_of(session_id, 2) == router]
        assert places.hosts_of(router, 2) == [*(f"host of {each}" for each in of_router), "unreported"]


def test_a_restarted_directory_says_why_hosts_died_as_far_as_ray_does() -> None:
    dedicated = new_host_name(HostKind.DEDICATED, "driver", "huginn")
    places = Places("directory")
    earlier = new_host_name(HostKind.DEDICATED, "driver", "huginn")  # of another session with that id
    reasons = {dedicated: DeathReason.OUT_OF_MEMORY, earlier: DeathReason.CRASHED, "packed": DeathReason.NODE_DIED}
    places.learn_deaths(reasons)
    places.end_rebuild(10)

    assert places.death_reason("huginn", 1) is DeathReason.OUT_OF_MEMORY
    assert places.death_reason("muninn", 1, "packed") is DeathReason.NODE_DIED
    assert places.death_reason("muninn", 1) is DeathReason.CRASHED
    [ended] = places.ended({"huginn": 1}).ended
    assert ended.reason is DeathReason.OUT_OF_MEMORY
    assert places.living().reasons["packed"] is DeathReason.NODE_DIED


def test_a_restarted_directory_takes_durable_sessions_for_lost_only_if_their_host_has_died() -> None:
    places = Places("directory", durable=True)
    places.learn_deaths({"host 1": DeathReason.OUT_OF_MEMORY})
    places.learn_deaths({"host 2": DeathReason.CRASHED})  # before it could report
    places.end_rebuild(10)

    living = places.living()
    assert living.are_durable
    assert living.reasons == {"host 1": DeathReason.OUT_OF_MEMORY, "host 2": DeathReason.CRASHED}


class DirectoryMachine(RuleBasedStateMachine):
    """Drivers that claim ids and open sessions, and a directory that dies and is rebuilt from the hosts' reports.

    Claims may arrive again and late, at whichever directory is there; their answers may be lost, or come late.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.directories = 0
        self.hosts = {host_id: Host(host_id) for host_id in HOSTS}
        self.requests: list[ClaimRequest] = []
        self.answers: list[tuple[ClaimRequest, Claim]] = []
        self.opened: set[str] = set()  # claims that were used: a driver opens with each once
        self.releases: list[tuple[str, int, str]] = []
        self.epochs: dict[str, list[int]] = {session_id: [] for session_id in IDS}
        self.places = self.new_directory()

    def new_directory(self) -> Places:
        self.directories += 1
        places = Places(f"directory-{self.directories}")
        for host in self.hosts.values():
            if host.has_started:
                host.report_to(places)
        places.end_rebuild(self.now_ms)
        return places

    @rule(ms=st.integers(0, 2))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms

    @rule(session_ids=id_lists, host_id=hosts, arrives=st.booleans())
    def request_a_claim(self, session_ids: list[str], host_id: str, arrives: bool) -> None:
        request = ClaimRequest(f"claim-{len(self.requests)}", session_ids, owner(host_id))
        self.requests.append(request)
        if arrives:
            self.answers.append((request, self.places.claim(request, self.now_ms)))

    @rule(data=st.data())
    def a_claim_arrives(self, data: st.DataObject) -> None:
        """Whether it was answered already or not: it may be repeated."""
        if self.requests:
            request = data.draw(st.sampled_from(self.requests[-RECENT:]))
            if request.claim_id not in self.opened:
                self.answers.append((request, self.places.claim(request, self.now_ms)))

    @rule(data=st.data())
    def an_answer_arrives_and_the_sessions_are_being_opened(self, data: st.DataObject) -> None:
        if not self.answers:
            return
        request, claim = data.draw(st.sampled_from(self.answers[-RECENT:]))
        if claim.taken or request.claim_id in self.opened:
            return
        self.opened.add(request.claim_id)
        host = self.hosts[request.owner.host_id]
        if host.start_opening(request.session_ids, claim, self.places.directory_id):
            for session_id in request.session_ids:
                self.epochs[session_id].append(claim.epoch)

    @rule(host_id=hosts)
    def sessions_are_open(self, host_id: str) -> None:
        self.hosts[host_id].finish_opening()

    @rule(data=st.data())
    def a_claim_is_abandoned(self, data: st.DataObject) -> None:
        """Its driver got no answer in time."""
        if self.requests:
            request = data.draw(st.sampled_from(self.requests[-RECENT:]))
            if request.claim_id not in self.opened:
                self.opened.add(request.claim_id)
                self.places.abandon(request)

    @rule(host_id=hosts, session_id=st.sampled_from(IDS))
    def a_session_ends(self, host_id: str, session_id: str) -> None:
        if epoch := self.hosts[host_id].sessions.pop(session_id, None):
            self.releases.append((session_id, epoch, host_id))

    @rule(data=st.data())
    def a_release_arrives(self, data: st.DataObject) -> None:
        """Late, or once more: it is repeated until it is answered."""
        if self.releases:
            session_id, epoch, host_id = data.draw(st.sampled_from(self.releases))
            self.places.release({session_id: epoch}, host_id)

    @rule(host_id=hosts)
    def a_host_dies_and_another_starts(self, host_id: str) -> None:
        dead = self.hosts[host_id].sessions
        self.hosts[host_id] = Host(host_id)
        self.opened |= {each.claim_id for each in self.requests if each.owner.host_id == host_id}

        told = self.places.mark_dead(host_id, DeathReason.CRASHED)

        assert dead.items() <= told.items()
        assert self.places.mark_dead(host_id, DeathReason.CRASHED) == {}
        assert all(self.places.death_reason(*each) is DeathReason.CRASHED for each in dead.items())

    @rule()
    def the_directory_dies_and_is_rebuilt(self) -> None:
        self.now_ms += RESTART_MS
        self.places = self.new_directory()

    @invariant()
    def every_session_is_known_at_its_place_and_its_id_is_taken(self) -> None:
        for host_id, host in self.hosts.items():
            for session_id, epoch in {**host.sessions, **host.opening}.items():
                place = self.places.find(session_id)
                assert place is not None
                assert (place.host_id, place.epoch) == (host_id, epoch)
                assert self.places.death_reason(session_id, epoch) is None

    @invariant()
    def no_id_belongs_to_two_sessions(self) -> None:
        for session_id in IDS:
            assert sum(session_id in {**host.sessions, **host.opening} for host in self.hosts.values()) <= 1

    @invariant()
    def epochs_grow_with_each_session_of_an_id(self) -> None:
        assert all(epochs == sorted(set(epochs)) for epochs in self.epochs.values())


TestPlaces = DirectoryMachine.TestCase
TestPlaces.settings = settings(max_examples=100, stateful_step_count=50)


def test_a_session_that_no_host_reported_after_a_restart_is_taken_to_have_died() -> None:
    places = Places("second")
    places.restore(HostReport(owner("host-1"), {"huginn": 10}))
    places.end_rebuild(now_ms=20)

    assert places.ended({"huginn": 10, "muninn": 11}) == FoundEnds([died({"muninn": 11})], [])


def test_while_a_host_has_not_reported_only_what_may_be_on_it_is_unknown() -> None:
    places = Places("second")
    places.unreported.update(["stopped", "host-1"])
    places.restore(HostReport(owner("host-1"), {"huginn": 10}))
    places.end_rebuild(now_ms=20)

    assert places.ended({"huginn": 9, "muninn": 11}) == FoundEnds([], ["huginn", "muninn"])
    assert places.may_be_unreported("muninn", 11, "stopped")
    assert not places.may_be_unreported("muninn", 11, "dead"), "that was on another host"
    assert places.death_reason("muninn", 11) is DeathReason.CRASHED
    assert places.living().unreported == {"stopped"}

    places.mark_dead("stopped", DeathReason.CRASHED)

    assert places.ended({"muninn": 11}) == FoundEnds([died({"muninn": 11})], [])


def test_a_death_is_recorded_without_looking_at_all_sessions() -> None:
    places = Places("first")
    for number in range(20_000):
        places.claim(ClaimRequest(str(number), [f"raven-{number}"], owner(str(number))), now_ms=number)
    began_at = time.perf_counter()
    for _ in range(20):
        places.living()
    scans_s = time.perf_counter() - began_at

    began_at = time.perf_counter()
    for number in range(20):
        assert set(places.mark_dead(str(number), DeathReason.CRASHED)) == {f"raven-{number}"}

    assert time.perf_counter() - began_at < scans_s / 5


def test_a_closed_session_is_not_taken_to_have_died() -> None:
    places = Places("first")
    claim = places.claim(ClaimRequest("claim", ["huginn"], owner("host-1")), now_ms=10)
    places.release({"huginn": claim.epoch}, "host-1")

    closed = EndedSessions({"huginn": claim.epoch}, SessionEnd.CLOSED)
    assert places.ended({"huginn": claim.epoch}) == FoundEnds([closed], [])


def test_a_claim_takes_all_ids_or_none() -> None:
    places = Places("first")
    places.claim(ClaimRequest("one", ["huginn"], owner("host-1")), now_ms=10)

    claim = places.claim(ClaimRequest("two", ["muninn", "huginn"], owner("host-1")), now_ms=10)

    assert claim.taken == ["huginn"]
    assert places.find("muninn") is None


def test_an_id_that_a_claim_names_twice_has_one_place_and_is_free_again() -> None:
    places = Places("first")
    request = ClaimRequest("one", ["huginn", "huginn"], owner("host-1"))
    places.claim(request, now_ms=10)
    assert places.page("", 10).ids == {"host-1": ["huginn"]}

    places.abandon(request)

    assert places.page("", 10).ids == {}


def test_a_claim_that_arrives_after_it_was_abandoned_is_not_granted() -> None:
    places = Places("first")
    request = ClaimRequest("one", ["huginn"], owner("host-1"))
    places.abandon(request)

    assert places.claim(request, now_ms=10).taken == ["huginn"]
    assert places.find("huginn") is None


def test_a_release_that_arrives_late_frees_no_later_session_with_that_id() -> None:
    places = Places("first")
    earlier = places.claim(ClaimRequest("one", ["huginn"], owner("host-1")), now_ms=10)
    places.release({"huginn": earlier.epoch}, "host-1")
    later = places.claim(ClaimRequest("two", ["huginn"], owner("host-1")), now_ms=10)

    places.release({"huginn": earlier.epoch}, "host-1")
    places.abandon(ClaimRequest("one", ["huginn"], owner("host-1")))

    place = places.find("huginn")
    assert place is not None
    assert place.epoch == later.epoch > earlier.epoch


def test_epochs_after_a_restart_are_above_those_that_hosts_report_whatever_the_clock_says() -> None:
    places = Places("second")
    places.restore(HostReport(owner("host-1"), {"huginn": 1_000}))
    places.end_rebuild(now_ms=10)

    assert places.claim(ClaimRequest("one", ["muninn"], owner("host-1")), now_ms=10).epoch > 1_000


def test_sessions_that_are_claimed_are_told_with_their_epochs() -> None:
    """From the claim on: whoever goes on with a stored session claims it before it takes it over."""
    places = Places("directory")
    claim = places.claim(ClaimRequest("claim", ["huginn"], owner("host-1")), RESTART_MS)

    assert places.running(["huginn", "muninn"]) == {"huginn": claim.epoch}
    places.release({"huginn": claim.epoch}, "host-1")
    assert places.running(["huginn"]) == {}
