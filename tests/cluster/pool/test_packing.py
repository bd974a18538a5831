"""Sessions are packed evenly, and on the nodes of their routers as far as that allows."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from rayconteur.runtime.cluster.pool.packing import WaitingSessions, pack
from rayconteur.runtime.events.segments import shard_of


@dataclass
class Actor:
    node_id: str
    sessions: int = 0


def start() -> Actor:
    return Actor("")


def ids(number: int) -> list[str]:
    return [f"s{each}" for each in range(number)]


def near_share(groups: list[tuple[Actor, list[str]]], router_nodes: list[str]) -> float:
    """The share of sessions whose actors are on the nodes of their routers."""
    placed = [(actor, session_id) for actor, group in groups for session_id in group]
    near = [router_nodes[shard_of(each, len(router_nodes))] == actor.node_id for actor, each in placed]
    return sum(near) / len(near)


def test_sessions_are_on_the_nodes_of_their_routers_and_the_actors_equally_full() -> None:
    nodes = ["a", "b", "c"]
    actors = [Actor(node) for node in (*reversed(nodes), *nodes)]

    groups = pack(WaitingSessions(ids(300), nodes), actors, 1_000, start)

    assert [actor.sessions for actor in actors] == [50] * 6
    assert near_share(groups, nodes) > 0.9


def test_sessions_that_come_one_by_one_are_there_too() -> None:
    nodes = ["a", "b", "c"]
    actors = [Actor(node) for node in nodes]

    groups = [group for each in ids(300) for group in pack(WaitingSessions([each], nodes), actors, 1_000, start)]

    assert max(actor.sessions for actor in actors) <= 120
    assert near_share(groups, nodes) > 0.9


def test_nodes_without_a_router_get_as_many_sessions_as_others() -> None:
    actors = [Actor(node) for node in "abcd"]

    pack(WaitingSessions(ids(400), ["a", "b"]), actors, 1_000, start)

    assert [actor.sessions for actor in actors] == [100] * 4


def test_sessions_whose_routers_nobody_has_found_go_to_the_actor_with_the_fewest() -> None:
    actors = [Actor("a", 5), Actor("b", 3)]

    groups = pack(WaitingSessions(ids(1), ["", ""]), actors, 1_000, start)

    assert groups == [(actors[1], ["s0"])]


@given(
    st.integers(1, 200),
    st.lists(st.sampled_from(["", "a", "b"]), max_size=4),
    st.lists(st.builds(Actor, st.sampled_from(["", "a", "b"]), st.integers(0, 30)), min_size=1, max_size=5),
    st.integers(30, 60),
)
def test_each_session_has_one_actor_and_none_has_too_many(
    number: int, router_nodes: list[str], actors: list[Actor], sessions_per_actor: int
) -> None:
    before = sum(actor.sessions for actor in actors)

    groups = pack(WaitingSessions(ids(number), router_nodes), actors, sessions_per_actor, start)

    assert sorted(each for _, group in groups for each in group) == sorted(ids(number))
    assert sum(actor.sessions for actor in actors) == before + number
    assert max(actor.sessions for actor in actors) <= sessions_per_actor
    assert all(group for _, group in groups)
