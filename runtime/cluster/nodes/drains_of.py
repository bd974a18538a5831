"""The drained nodes of a namespace, with the actors that they have moved."""

from ..directory.leases import Leases
from ..directory.namespace import Namespace
from ..directory.namespace_actors import NamespaceActors
from ..directory.places import Places
from .node_drains import NodeDrains
from .shared_moves import SharedMoves


def drains_of(namespace: Namespace, places: Places, leases: Leases, actors: NamespaceActors) -> NodeDrains:
    """Watches for drained nodes, for the directory of *namespace*."""
    return NodeDrains(places, leases, actors.drain_host, SharedMoves(namespace).move_from)
