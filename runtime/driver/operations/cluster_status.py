"""Reading the status of a cluster: from Ray, from the shared actors of a namespace, and from its session actors."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from ...api.operations.cluster_status import ClusterStatus, NodeStatus
from ...api.options import RuntimeOptions
from ...cluster.directory.actor_names import DIRECTORY, JOURNAL, is_host, kind_of
from ...cluster.directory.package_version import package_version
from ...cluster.nodes.node_versions import version_problem
from ...cluster.ray_calls import gcs_result
from ...cluster.start.ray_start import connect_to_running_ray
from ...metrics import catalog
from ...metrics.counts import Report
from ...metrics.snapshot import Snapshot
from .nodes import ActorPlaces, actor_places, node_statuses
from .shared_actors import CALL_S, call, read_metrics

_MOST_ASKED = 1_000
"""Session actors that are asked whether they answer: a call to each takes 2 ms of CPU."""

_LONG_WAIT_S = 5.0
"""Whoever waits longer for a router or the journal has a problem: they take milliseconds."""


async def cluster_status(namespace: str = RuntimeOptions().namespace, address: str | None = None) -> ClusterStatus:
    """The status of the cluster at *address*, at ``RAY_ADDRESS``, or on this machine, and of *namespace* on it.

    It uses nothing of the namespace, starts nothing in it, and takes at most about 10 s, whatever does not answer.

    Raises:
        RayUnreachable: there is no cluster.
        ClusterLost: its control service does not answer.
    """
    await asyncio.to_thread(connect_to_running_ray, address)
    places = await gcs_result(CALL_S, actor_places, namespace)
    nodes = await gcs_result(CALL_S, node_statuses, places)
    hosts = sorted(name for name in places.running if is_host(name))[:_MOST_ASKED]
    reports, answers = await asyncio.gather(
        read_metrics(namespace, list(places.running)),
        asyncio.gather(*(call(namespace, name, "passivated") for name in hosts)),
    )
    unreachable = [name for name, answer in zip(hosts, answers, strict=True) if answer is None]
    silent = await _still_running(namespace, [*unreachable, *(name for name in reports if reports[name] is None)])
    return _status(namespace, nodes, places, reports, silent, len(hosts))


async def _still_running(namespace: str, silent: list[str]) -> list[str]:
    """Those of the *silent* actors that have not just ended."""
    running = (await gcs_result(CALL_S, actor_places, namespace)).running if silent else {}
    return [name for name in silent if name in running]


def _status(
    namespace: str,
    nodes: tuple[NodeStatus, ...],
    places: ActorPlaces,
    reports: Mapping[str, Report | None],
    silent: Sequence[str],
    asked: int,
) -> ClusterStatus:
    snapshot = Snapshot.of(filter(None, reports.values()), time.time())
    states = {
        state: int(snapshot.total(catalog.SESSIONS, state=state))
        for state in sorted(snapshot.values(catalog.SESSIONS, "state"))
    }
    return ClusterStatus(
        namespace=namespace,
        nodes=nodes,
        actors=dict(sorted(Counter(map(kind_of, places.running)).items())),
        starting=places.starting,
        sessions=int(snapshot.total(catalog.DIRECTORY_SESSIONS)),
        states={state: count for state, count in states.items() if count},
        programs=int(snapshot.total(catalog.DIRECTORY_DRIVERS)),
        routers=_routers(snapshot),
        journal=_journal(places, silent, snapshot),
        unreachable=tuple(name for name in silent if is_host(name)),
        asked=asked,
        problems=(*_version_problems(nodes), *_problems(places, silent, snapshot)),
    )


def _routers(snapshot: Snapshot) -> dict[int, int]:
    numbers = sorted(map(int, snapshot.values(catalog.ROUTER_SESSIONS, "router")))
    return {number: int(snapshot.total(catalog.ROUTER_SESSIONS, router=str(number))) for number in numbers}


def _journal(places: ActorPlaces, silent: Sequence[str], snapshot: Snapshot) -> str:
    if JOURNAL in places.starting:
        return "its actor has no process"
    if JOURNAL not in places.running:
        return "none"
    if JOURNAL in silent:
        return f"its actor has not answered within {CALL_S:g} s"
    if (waits_s := snapshot.total(catalog.JOURNAL_WAIT)) >= _LONG_WAIT_S:
        return f"it has taken no record for {waits_s:.0f} s"
    return "reachable"


def _version_problems(nodes: Sequence[NodeStatus]) -> list[str]:
    others = [node for node in nodes if node.is_alive and node.version not in ("", package_version())]
    return [version_problem(node.address, node.version) for node in others]


def _problems(places: ActorPlaces, silent: Sequence[str], snapshot: Snapshot) -> list[str]:
    problems = [f"{name} ({kind_of(name)}) has not answered within {CALL_S:g} s" for name in silent]
    problems += [f"{name} ({kind_of(name)}) has no process: is there memory on a node?" for name in places.starting]
    if places.running and DIRECTORY not in (*places.running, *places.starting):
        problems.append("the directory is gone: enter a runtime, which starts another one")
    if (waits_s := snapshot.total(catalog.PUBLISH_WAIT)) >= _LONG_WAIT_S:
        problems.append(f"a router has taken no events of a session actor for {waits_s:.0f} s")
    if (waits_s := snapshot.total(catalog.JOURNAL_WAIT)) >= _LONG_WAIT_S:
        problems.append(f"the journal has taken no record for {waits_s:.0f} s: is its store reachable?")
    return problems
