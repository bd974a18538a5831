"""The status of a cluster, for its operators."""

import msgspec

from ....providers.schema.checks.shown import short_repr


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the cluster, with how many *actors* of the namespace run on it.

    *memory_bytes* is what it has for actors that request memory, and *free_memory_bytes* what none has requested.
    *version* is that of this package there, if a program has looked; ``"none"`` is not installed.
    """

    __repr__ = short_repr

    id: str
    address: str
    is_alive: bool
    is_head: bool
    memory_bytes: int
    free_memory_bytes: int
    actors: int
    version: str = ""


class ClusterStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status of a namespace, and of the cluster that it is on.

    *actors* are those that run, by what they are: ``session`` (of a dedicated session), ``host`` (of packed sessions),
    ``warm``, ``router``, ``directory``, ``journal``, ``quotas``; *starting* are those for which Ray has no process yet.
    *sessions* is how many the directory knows, *states* how many are in each state, as session actors last reported.
    *routers* are those that answer, by number, with the sessions whose events they hold. *journal* is what it says:
    ``"none"``, ``"reachable"``, or why it is not. *unreachable* are session actors that do not answer; not more than
    *asked* have been asked. *problems* are what an operator has to look at, in words.
    """

    __repr__ = short_repr

    namespace: str
    nodes: tuple[NodeStatus, ...] = ()
    actors: dict[str, int] = {}
    starting: tuple[str, ...] = ()
    sessions: int = 0
    states: dict[str, int] = {}
    programs: int = 0
    routers: dict[int, int] = {}
    journal: str = "none"
    unreachable: tuple[str, ...] = ()
    asked: int = 0
    problems: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        """True if anything of the namespace runs, or is about to."""
        return bool(self.actors or self.starting)
