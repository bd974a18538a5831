"""What nodes have for the tasks that tools are: what no node has would be waited for in silence."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

import ray

from ...api.tools.places import RayTask
from ..ray_calls import gcs_result

_VALID_S = 5.0
"""So long, what is known of the nodes counts."""

_ANSWER_S = 5.0
"""How long Ray may take to say what nodes there are."""

_UNITS = {"memory": "bytes of memory", "CPU": "CPUs", "GPU": "GPUs"}
_FIELDS = {"memory": "memory_bytes", "CPU": "num_cpus", "GPU": "num_gpus"}

Nodes = Sequence[Mapping[str, float]]
"""What each node has in total, by the names of the resources."""


def missing(task: RayTask, nodes: Nodes) -> str | None:
    """What *task* requests that none of *nodes* has, in words; or that no single node has together with the rest."""
    requested = task.requested()
    for name, amount in requested.items():
        if (most := max((node.get(name, 0.0) for node in nodes), default=0.0)) < amount:
            unit, field = _UNITS.get(name, f"of {name!r}"), _FIELDS.get(name, f"resources[{name!r}]")
            most_of_one = f"the most that one has is {_number(most)}"
            return f"{field}: no node of the cluster has {_number(amount)} {unit}; {most_of_one}"
    if not any(all(node.get(name, 0.0) >= amount for name, amount in requested.items()) for node in nodes):
        return f"no node of the cluster has all of {', '.join(requested)} that it requests"
    return None


def _number(amount: float) -> str:
    return f"{amount:,.0f}" if amount == int(amount) else f"{amount:,g}"


def read_nodes() -> Nodes:
    """The nodes that are alive, as Ray's control service knows them. It blocks.

    Raises:
        RayError: it does not answer.
    """
    nodes = cast(list[dict[str, Any]], ray.nodes())  # type: ignore[no-untyped-call]
    return [node["Resources"] for node in nodes if node["Alive"]]


class KnownNodes:
    """The nodes, asked for at most every few seconds, however many tools are run."""

    def __init__(self) -> None:
        self._nodes: Nodes = ()
        self._read_at = float("-inf")
        self._reading: asyncio.Task[Nodes] | None = None

    async def missing(self, task: RayTask) -> str | None:
        """As ``missing``; ``None`` while Ray's control service is away."""
        if time.monotonic() - self._read_at >= _VALID_S or missing(task, self._nodes):
            if self._reading is None:
                self._reading = asyncio.create_task(gcs_result(_ANSWER_S, read_nodes))
            reading = self._reading
            await asyncio.wait({reading})
            if reading is self._reading:
                self._reading = None
                if reading.exception() is None:
                    self._nodes, self._read_at = reading.result(), time.monotonic()
        return missing(task, self._nodes) if self._nodes else None
