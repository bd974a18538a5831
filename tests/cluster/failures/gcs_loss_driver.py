"""A program whose cluster loses its control service (GCS), which does not come back: it prints what its calls raise."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
import ray
from ray import cluster_utils

import rayconteur as rc

NAMESPACE = "gcs-loss"
start_cluster = cast("Callable[..., Any]", cluster_utils.Cluster)  # which has no types
ECHO = rc.SessionConfig(provider=rc.Scripted())


async def outcome(call: Callable[[], Awaitable[object]]) -> tuple[str, float]:
    """``ok`` or the error's name, and the seconds that the call took."""
    begun = time.perf_counter()
    try:
        await call()
    except Exception as error:
        return type(error).__name__, time.perf_counter() - begun
    return "ok", time.perf_counter() - begun


async def main(cluster: Any) -> dict[str, tuple[str, float]]:
    """What each call comes to, by its name, after the loss."""
    options = rc.RuntimeOptions(namespace=NAMESPACE, call_timeout_s=3, journal=rc.runtime.NoJournal())
    found: dict[str, tuple[str, float]] = {}
    async with rc.Runtime(options=options) as runtime:
        packed = await runtime.spawn(ECHO, "packed", rc.Packed())
        dedicated = await runtime.spawn(ECHO, "dedicated")
        for session in (packed, dedicated):
            await session.ask("hi").answer()  # what is not connected by then can't be found later
        cluster.head_node.kill_gcs_server(check_alive=False)
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "ask": packed.ask("hi").answer,
            "ask dedicated": dedicated.ask("hi").answer,
            "status": packed.status,
            "sessions": runtime.sessions,
            "session": lambda: runtime.session("packed"),
            "spawn packed": lambda: runtime.spawn(ECHO, placement=rc.Packed()),
            "spawn dedicated": lambda: runtime.spawn(ECHO),
        }
        for name, call in calls.items():
            found[name] = await outcome(call)
        left_at = time.perf_counter()
    found["leave"] = "ok", time.perf_counter() - left_at
    return found


if __name__ == "__main__":
    head = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 100 << 20}
    cluster = start_cluster(initialize_head=True, head_node_args=head)
    try:
        ray.init(address=cluster.address, log_to_driver=False)
        print(msgspec.json.encode(asyncio.run(main(cluster))).decode(), flush=True)
    finally:
        cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
        sys.stdout.flush()
        os._exit(0)  # Ray would wait for its GCS
