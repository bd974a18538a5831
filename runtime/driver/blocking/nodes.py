"""The nodes of the blocking API."""

from collections.abc import Callable, Iterable, Iterator

from ...api.status import ClusterNode, NodeDrain
from ..nodes import nodes
from .background_loop import BackgroundLoop


class Nodes:
    """``rayconteur.runtime.Nodes``, whose calls wait."""

    def __init__(self, loop: BackgroundLoop, wrapped: nodes.Nodes) -> None:
        self._loop = loop
        self._nodes = wrapped

    def __repr__(self) -> str:
        return repr(self._nodes)

    def statuses(self) -> list[ClusterNode]:
        """The nodes that are alive, in the order of their addresses."""
        return self._loop.run(self._nodes.statuses())

    def drains(self) -> list[NodeDrain]:
        """How far the nodes are that are drained just now."""
        return self._loop.run(self._nodes.drains())

    def watch(self) -> Iterator[NodeDrain]:
        """As ``drains``, whenever something has changed."""
        events = self._nodes.watch()

        async def next_event() -> NodeDrain:
            return await anext(events)

        while True:
            yield self._loop.run(next_event())

    def drain(
        self,
        node: str,
        timeout_s: float = 300.0,
        passivate: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Have everything leave a *node*; then Ray ends it. Returns how many sessions have not left it in time."""
        return self._loop.run(self._nodes.drain(node, timeout_s, passivate, on_progress))

    def move(self, session_ids: Iterable[str], timeout_s: float = 60.0) -> list[str]:
        """Have sessions go on in other actors. Returns the ids of those that do not in time."""
        return self._loop.run(self._nodes.move(session_ids, timeout_s))
