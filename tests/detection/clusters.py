"""The Rays on which failures are measured, each of its own."""

import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import psutil
import pytest
import ray
from ray import cluster_utils
from servers.databases.redis import PASSWORD, redis_server

_start_cluster = cast("Callable[..., Any]", cluster_utils.Cluster)  # which has no types
_STORE_BYTES = 80 << 20
_NODE: dict[str, Any] = {"num_cpus": 2, "object_store_memory": _STORE_BYTES}
_HEALTH_CHECKS = {
    "RAY_health_check_initial_delay_ms": "1000",  # or a node that is new is not checked for 5 s
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "3000",
    "RAY_health_check_failure_threshold": "4",
}
"""The others are as ``docs/failure.md`` advises."""
_ROOM_BYTES = 2 << 30


@contextmanager
def one_node() -> Generator[None]:
    """A Ray of one node."""
    ray.init("local", **_NODE, include_dashboard=False, log_to_driver=False)
    yield None
    ray.shutdown()


@contextmanager
def little_memory() -> Generator[None]:
    """A Ray whose memory monitor kills when a bit more is in use than now."""
    memory = psutil.virtual_memory()
    if memory.available < 3 * _ROOM_BYTES:
        pytest.skip("too little memory is free here")
    threshold = (memory.total - memory.available + _ROOM_BYTES) / memory.total
    config = {"memory_usage_threshold": threshold}
    ray.init("local", **_NODE, include_dashboard=False, log_to_driver=False, _system_config=config)
    yield None
    ray.shutdown()


@contextmanager
def three_nodes() -> Generator[Any]:
    """A Ray of three nodes. Gives its cluster."""
    os.environ |= _HEALTH_CHECKS
    with _cluster() as cluster:
        add_node(cluster)
        add_node(cluster)
        cluster.wait_for_nodes()
        ray.init(cluster.address, log_to_driver=False)
        yield cluster


def add_node(cluster: Any) -> None:
    """Add one to a Ray of several nodes."""
    cluster.add_node(num_cpus=1, object_store_memory=_STORE_BYTES)


@contextmanager
def own_gcs() -> Generator[Any]:
    """A Ray whose GCS can be killed. Gives its cluster."""
    with _cluster() as cluster:
        ray.init(cluster.address, log_to_driver=False)
        yield cluster


@contextmanager
def gcs_in_redis() -> Generator[Any]:
    """The same, with the state of the GCS in a Redis server. Skips the test if that is not installed."""
    with redis_server() as server:
        os.environ["RAY_REDIS_ADDRESS"] = f"127.0.0.1:{server.port}"
        with _cluster(redis_password=PASSWORD) as cluster:
            ray.init(cluster.address, log_to_driver=False)
            yield cluster


@contextmanager
def _cluster(**head: object) -> Generator[Any]:
    """A cluster whose files are in a folder of its own: others would join it by those in /tmp/ray."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True))
        os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": folder}
        cluster = _start_cluster(initialize_head=True, head_node_args={**_NODE, "include_dashboard": False, **head})
        try:
            yield cluster
        finally:
            for node in cluster.list_all_nodes():
                node.kill_all_processes(check_alive=False, allow_graceful=False)
