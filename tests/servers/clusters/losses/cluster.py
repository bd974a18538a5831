"""A Ray cluster that loses nodes, and its control service (GCS), on command: ``cluster.py REDIS``.

Each line of its input is a command, which it answers with a line of JSON. Its control service keeps its state at the
address *REDIS*. Each node has an address of its own.
"""

import os
import sys
from collections.abc import Callable
from typing import Any, cast

import msgspec
from ray import cluster_utils

start_cluster = cast("Callable[..., Any]", cluster_utils.Cluster)  # which has no types

HEAD = "127.0.0.2"
NODE = {"num_cpus": 1, "object_store_memory": 100 << 20, "memory": 4 << 30}


class Cluster:
    """A head and the nodes that were added, by their addresses."""

    def __init__(self) -> None:
        head = {**NODE, "include_dashboard": False, "node_ip_address": HEAD}
        self._cluster = start_cluster(initialize_head=True, head_node_args=head, shutdown_at_exit=False)
        self._nodes: dict[str, Any] = {}

    def do(self, command: str, *arguments: str) -> str:
        """Carry out a *command*."""
        match command:
            case "address":
                return str(self._cluster.address)
            case "add":
                self._nodes[arguments[0]] = self._cluster.add_node(**NODE, node_ip_address=arguments[0])
            case "kill":
                self._cluster.remove_node(self._nodes.pop(arguments[0]), allow_graceful=False)
            case "lose-gcs":
                self._cluster.head_node.kill_gcs_server()
            case "restart-gcs":
                self._cluster.head_node.start_gcs_server()
            case _:
                raise ValueError(command)
        return "done"

    def end(self) -> None:
        """Kill all processes of all nodes."""
        for node in (*self._nodes.values(), self._cluster.head_node):
            node.kill_all_processes(check_alive=False, allow_graceful=False)


def main(redis: str) -> None:
    """Carry out the commands of the input, until it ends."""
    os.environ["RAY_REDIS_ADDRESS"] = redis
    cluster = Cluster()
    try:
        for line in sys.stdin:
            print(msgspec.json.encode(cluster.do(*line.split())).decode(), flush=True)
    finally:
        cluster.end()


if __name__ == "__main__":
    main(sys.argv[1])
    os._exit(0)  # Ray would wait for its GCS
