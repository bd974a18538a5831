"""Which sessions go to which packed actors: evenly, and on the nodes of their routers as far as that allows."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from ...events.segments import shard_of

_GROUP_SESSIONS = 500
"""Sessions that one call opens at most: between calls there is progress to report."""

_FEW_SESSIONS = 8
"""So many sessions more an actor may have than others, and a tenth, for being on the node of a session's router."""


class PackedActor(Protocol):
    """An actor that has so many *sessions*."""

    sessions: int

    @property
    def node_id(self) -> str:
        """The id of its node; empty if that is not known."""
        ...


P = TypeVar("P", bound=PackedActor)


class WaitingSessions:
    """Ids of sessions that wait for an actor. *router_nodes* are the ids of the nodes of the routers, if they matter.

    An empty one is not known.
    """

    def __init__(self, session_ids: Sequence[str], router_nodes: Sequence[str]) -> None:
        self._by_node: dict[str, list[str]] = {}
        if not router_nodes:
            self._by_node[""] = list(session_ids)
            return
        for session_id in session_ids:
            node_id = router_nodes[shard_of(session_id, len(router_nodes))]
            self._by_node.setdefault(node_id, []).append(session_id)

    def __len__(self) -> int:
        return sum(map(len, self._by_node.values()))

    def has_near(self, node_id: str) -> bool:
        """True if one waits whose router is on the node."""
        return bool(node_id and self._by_node.get(node_id))

    def take(self, node_id: str, most: int) -> list[str]:
        """Up to *most* of them, those first whose routers are on the node."""
        taken: list[str] = []
        while len(taken) < most and len(self):
            if not self._by_node.get(node_id):
                node_id = max(self._by_node, key=lambda each: len(self._by_node[each]))
            of_node = self._by_node[node_id]
            number = min(most - len(taken), len(of_node))
            taken += of_node[:number]
            del of_node[:number]
        return taken


def pack(
    waiting: WaitingSessions, actors: list[P], sessions_per_actor: int, start: Callable[[], P]
) -> list[tuple[P, list[str]]]:
    """Assign all that are *waiting* to *actors*, in groups that are opened together; adds those that it has to *start*.

    Each goes to one of the actors with the fewest sessions.
    """
    groups: list[tuple[P, list[str]]] = []
    share = min(_GROUP_SESSIONS, -(-len(waiting) // len(actors)))
    while len(waiting):
        fewest = min(actor.sessions for actor in actors)
        if fewest >= sessions_per_actor:
            actors.append(start())
            continue
        most = min(fewest + fewest // 10 + _FEW_SESSIONS, sessions_per_actor - 1)
        candidates = [actor for actor in actors if actor.sessions <= most]
        actor = min(candidates, key=lambda each: (not waiting.has_near(each.node_id), each.sessions))
        group = waiting.take(actor.node_id, min(sessions_per_actor - actor.sessions, share))
        actor.sessions += len(group)
        groups.append((actor, group))
    return groups
