"""Reading the metrics of a namespace from its shared actors."""

import asyncio
from collections.abc import Callable

from ...cluster.directory.actor_names import is_host, is_ours
from ...cluster.ray_calls import gcs_result, list_actors
from ...cluster.start.ray_start import connect_to_running_ray
from ...metrics.snapshot import Snapshot
from .shared_actors import CALL_S, read_metrics


async def cluster_metrics(namespace: str, address: str | None, clock: Callable[[], float]) -> Snapshot | None:
    """The metrics of *namespace* on the cluster at *address*, by *clock*; ``None`` if nothing runs there.

    It uses nothing of the namespace, and starts nothing in it. Actors that do not answer are left out.

    Raises:
        RayUnreachable: there is no cluster.
    """
    await asyncio.to_thread(connect_to_running_ray, address)
    names = [name for name in await gcs_result(CALL_S, list_actors, namespace) if is_ours(name)]
    if not names:
        return None
    reports = await read_metrics(namespace, [name for name in names if not is_host(name)])
    return Snapshot.of(filter(None, reports.values()), clock())
