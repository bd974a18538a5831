"""The version of this package on each node: no session is placed where it is another one than the program's.

Ray itself refuses a node with another Python or Ray. What was found is kept in Ray's control service (GCS), for all
programs that have the same runtime environment of Ray.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Any, cast

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ....providers.schema.errors import RayconteurError
from ..directory.package_version import package_version
from ..ray_calls import UNTIL_LOST_S, gcs_result, result_of
from ..ray_errors import ActorGone
from .cluster_nodes import Node
from .kept_values import keep_value, kept_value

log = logging.getLogger(__name__)

NOT_INSTALLED = "none"
_FIND_S = 15.0
"""How long a node may take to say its version: it starts a process for that, which may become a session actor."""


async def other_versions(nodes: Sequence[Node], timeout_s: float) -> dict[str, str]:
    """The versions that are not this program's, by the ids of those of *nodes* that have them.

    Nodes that nobody has looked at are asked now; those that do not answer are left out. One that is alone is not
    asked: the directory is there, and compares the versions.

    Raises:
        ClusterLost: Ray does not answer within *timeout_s* seconds.
    """
    if len(nodes) == 1:
        return {}
    known = await gcs_result(timeout_s, known_versions, [node.id for node in nodes])
    unknown = [node.id for node in nodes if node.id not in known]
    found = dict(zip(unknown, await asyncio.gather(*map(_find_version, unknown)), strict=True))
    versions = known | {node_id: version for node_id, version in found.items() if version}
    return {node_id: version for node_id, version in versions.items() if version != package_version()}


def known_versions(node_ids: Collection[str]) -> dict[str, str]:
    """The versions that were found so far, by the ids of nodes. This blocks.

    Raises:
        ClusterLost: Ray does not answer.
    """
    values = {node_id: kept_value(_name(node_id)) for node_id in node_ids}
    return {node_id: value.decode() for node_id, value in values.items() if value}


def version_problem(address: str, version: str) -> str:
    """What is said of the node at *address*, which has another *version*."""
    has = f"version {version} of rayconteur" if version != NOT_INSTALLED else "no rayconteur"
    return f"node {address} has {has}, and this program version {package_version()}: no session is placed there"


def _name(node_id: str) -> str:
    runtime_env = cast(Any, ray.get_runtime_context()).get_runtime_env_string()
    return f"version/{node_id}/{runtime_env}"


async def _find_version(node_id: str) -> str | None:
    """The version on that node; ``None`` if it does not say."""

    def installed() -> str:  # it is shipped as it is: the node may not have this module
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("rayconteur")
        except PackageNotFoundError:
            return "none"

    there = NodeAffinitySchedulingStrategy(node_id, soft=False)
    task: Any = ray.remote(installed)
    try:
        async with asyncio.timeout(_FIND_S):
            call = task.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote()
            found: str = await result_of(call)
    except (ActorGone, RayconteurError, TimeoutError) as error:
        log.warning("node %s does not say which version of rayconteur it has: %s", node_id, error)
        return None
    await gcs_result(UNTIL_LOST_S, keep_value, _name(node_id), found.encode())
    return found
