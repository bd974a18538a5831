"""`rayconteur status`: whether all is well on a cluster."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ..command_run import CommandRun
from ..exit_codes import ExitCode
from ..formatting import printable
from ..sessions import NamespaceOptions, cluster_address, namespace_of

if TYPE_CHECKING:
    from ...runtime.api.operations.cluster_status import ClusterStatus, NodeStatus

_MIB = 1 << 20


async def show_status(options: NamespaceOptions, json: bool, run: CommandRun) -> ExitCode:
    """Print the status of a cluster. The exit code says whether an operator has to look at it."""
    address, namespace = cluster_address(options), namespace_of(options)
    from ...runtime.driver.operations.cluster_status import cluster_status  # here: it imports Ray

    status = await cluster_status(namespace, address)
    run.install_signal_handlers()
    for line in [msgspec.json.encode(status).decode()] if json else status_lines(status):
        run.output.line(printable(line))
    if status.problems:
        return ExitCode.FAILED
    return ExitCode.COMPLETED if status.exists else ExitCode.NOTHING_RUNS


def status_lines(status: "ClusterStatus") -> Iterator[str]:
    """What is printed of *status*."""
    alive = [node for node in status.nodes if node.is_alive]
    dead = len(status.nodes) - len(alive)
    yield f"nodes      {len(alive)} alive{f', {dead} gone' if dead else ''}"
    for node in alive:
        yield _node_line(node)
    if not status.exists:
        yield f"namespace  {status.namespace}: nothing runs"
        return
    yield f"namespace  {status.namespace}, used by {_counted(status.programs, 'program')}"
    yield f"actors     {_listed(status.actors)}"
    yield f"sessions   {status.sessions:,}{f': {_listed(status.states)}' if status.states else ''}"
    yield f"routers    {_routers(status.routers)}"
    yield f"journal    {status.journal}"
    yield f"answering  {status.asked - len(status.unreachable)} of {_counted(status.asked, 'session actor')} asked"
    for problem in status.problems:
        yield f"problem    {problem}"
    if not status.problems:
        yield "all is well"


def _node_line(node: "NodeStatus") -> str:
    free, memory = node.free_memory_bytes // _MIB, node.memory_bytes // _MIB
    name = "head" if node.is_head else "worker"
    return f"  {name:<9}{node.address:<17}{node.actors:>6} actors  {free:,} of {memory:,} MiB free  {node.id[:12]}"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _routers(sessions: dict[int, int]) -> str:
    listed = (f"{number}: events of {_counted(count, 'session')}" for number, count in sessions.items())
    return ", ".join(listed) or "none"
