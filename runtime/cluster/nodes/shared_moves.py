"""The actors that all drivers share leave a node that is drained: Ray restarts them on another one."""

import logging
from typing import Any, cast

import ray

from ...api.errors import Unreachable
from ...api.journal import PostgresJournalConfig, RedisJournalConfig
from ..directory.actor_names import JOURNAL, is_quotas, is_tools, router_name
from ..directory.namespace import Namespace
from ..ray_calls import UNTIL_LOST_S, find_actor, gcs_result, list_actors, node_id, restart_elsewhere, result_within
from ..ray_errors import ActorGone
from .cluster_nodes import node_of_actor

log = logging.getLogger(__name__)

_CALL_S = 5.0


class SharedMoves:
    """Moves the routers of *namespace*, its journal, its quota brokers, what runs tools, and at last this process.

    A journal in the memory of its actor, or in a file of the node, stays.
    """

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace.name
        self._routers = [router_name(number) for number in range(namespace.routers)]
        journal = namespace.journal
        self._journal_moves = journal is not None and isinstance(
            journal.config, PostgresJournalConfig | RedisJournalConfig
        )
        self._known: set[str] = set()  # nodes that the journal can't leave, which is logged once

    async def move_from(self, drained: str) -> None:
        """Have restarted, on other nodes, what is on the node *drained*. Nothing else is there any more, or hardly."""
        alive = await gcs_result(UNTIL_LOST_S, list_actors, self._namespace)
        names = [*self._routers, *filter(_restarts_anywhere, alive), JOURNAL]
        found = [name for name in names if await gcs_result(UNTIL_LOST_S, self._is_on, name, drained)]
        for name in found:
            if _restarts_anywhere(name):
                log.warning("the actor %s leaves node %s, which is drained", name, drained)
                restart_elsewhere(cast(Any, await gcs_result(UNTIL_LOST_S, find_actor, name, self._namespace)))
            elif name != JOURNAL:
                await self._move_router(name)
            elif self._journal_moves:
                log.warning("the journal's actor leaves node %s, which is drained", drained)
                restart_elsewhere(cast(Any, await gcs_result(UNTIL_LOST_S, find_actor, JOURNAL, self._namespace)))
            elif drained not in self._known:
                self._known.add(drained)
                log.warning("the journal is on node %s, which is drained, and can't leave it: it ends with it", drained)
        if drained == node_id() and not set(found) - {JOURNAL}:
            log.warning("the directory leaves node %s, which is drained", drained)
            restart_elsewhere(cast(Any, ray.get_runtime_context().current_actor))

    async def _move_router(self, name: str) -> None:
        router = cast(Any, await gcs_result(UNTIL_LOST_S, find_actor, name, self._namespace))
        try:
            await result_within(_CALL_S, router.move.remote, name)
        except (ActorGone, Unreachable) as error:
            log.warning("%s is moved before it has delivered what it holds: %s", name, error)
            restart_elsewhere(router)

    def _is_on(self, name: str, drained: str) -> bool:
        actor = find_actor(name, self._namespace)
        return actor is not None and node_of_actor(actor) == drained


def _restarts_anywhere(name: str) -> bool:
    """True if it is that of an actor that hands nothing over: a quota broker, or what runs tools."""
    return is_quotas(name) or is_tools(name)
