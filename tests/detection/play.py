"""Plays a scenario: ``python -m detection.play NAME ROUNDS`` prints the seconds of each round, as JSON."""

import asyncio
import os
import sys
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import msgspec
import pytest
from detection import actors, clusters, programs, whole_nodes
from detection.stage import NAMESPACE, OPTIONS, Stage
from fixtures.named_actors import actor_names, wait_until
from fixtures.processes import running

import rayconteur as rc

LIMIT_S = 5.0
"""How long it may take until everybody knows."""

SKIPPED = 4
"""The exit code if what a scenario needs is not there."""


class Scenario(NamedTuple):
    """A row of the table: what *fails*, and who is *told* what, or goes on how.

    It is played *at_once* so many times in one Ray, which *cluster* starts.
    """

    fails: str
    told: str
    play: Callable[[Stage], Awaitable[list[float]]]
    cluster: Callable[[], AbstractContextManager[Any]] = clusters.one_node
    at_once: int = 20


_ALL_READERS = "readers of the session and of all, in both runtimes, and `ask()`: the death"

SCENARIOS = {
    "session": Scenario("the actor of a dedicated session (SIGKILL)", _ALL_READERS, actors.session_actor),
    "packed": Scenario(
        "a packed actor with 100 sessions (SIGKILL)",
        "100 readers and one of all, of another runtime: `Died`",
        actors.packed_actor,
    ),
    "router": Scenario(
        "a router (SIGKILL), with 50 sessions that stream",
        "all 50 readers of another runtime: events that are newer",
        actors.router,
    ),
    "unread-tail": Scenario(
        "a router (SIGKILL) with a turn that nobody had read",
        "a reader that begins then: the end of the turn",
        actors.unread_tail,
    ),
    "from-now-on": Scenario(
        "a router (SIGKILL)", "a reader of all from now on, that begins then: what is newer only", actors.from_now_on
    ),
    "host-and-router": Scenario(
        "the actor of a dedicated session and its router (SIGKILL)", _ALL_READERS, actors.host_and_router
    ),
    "directory": Scenario(
        "the directory (SIGKILL)", "another runtime lists all sessions again, and spawns one", actors.directory
    ),
    "directory-and-host": Scenario(
        "the directory and the actor of a dedicated session (SIGKILL)", _ALL_READERS, actors.directory_and_host
    ),
    "program": Scenario(
        "a program (SIGKILL) with a session, beside others",
        "readers of the session and of all, in another program: `Died`",
        programs.owner,
    ),
    "detached-program": Scenario(
        "a program (SIGKILL) with a detached session", "another program: an answer of that", programs.owner_of_detached
    ),
    "raylet": Scenario(
        "one raylet of three (SIGKILL), with health checks as below",
        _ALL_READERS,
        whole_nodes.raylet,
        clusters.three_nodes,
    ),
    "out-of-memory": Scenario(
        "the actor of a dedicated session that has grown (Ray's memory monitor)",
        _ALL_READERS,
        whole_nodes.out_of_memory,
        clusters.little_memory,
        at_once=1,  # what else the machine runs may grow, too
    ),
    "gcs": Scenario(
        "the GCS (SIGKILL), without Redis",
        "a reader of a stream goes on without a gap: its longest pause",
        whole_nodes.gcs,
        clusters.own_gcs,
        at_once=1,
    ),
    "gcs-with-redis": Scenario(
        "the GCS (SIGKILL) with Redis, started again seconds later",
        "the same; then another one is spawned on a new actor",
        whole_nodes.gcs_with_redis,
        clusters.gcs_in_redis,
    ),
}


async def measured(scenario: Scenario, cluster: Any, rounds: int) -> list[float]:
    """The seconds of so many *rounds*. In the end, no actor is left, and no process of one."""
    seconds: list[float] = []
    async with rc.Runtime(options=OPTIONS) as runtime, rc.Runtime(options=OPTIONS) as other:
        while len(seconds) < rounds:
            seconds += await scenario.play(Stage(runtime, other, cluster))
    if scenario.cluster is not clusters.own_gcs:  # it alone knows
        await wait_until(lambda: not actor_names(NAMESPACE) and not running("ray::_"))
    return seconds[:rounds]


def main(name: str, rounds: int) -> int:
    """Play the scenario, and print. Returns the exit code."""
    scenario = SCENARIOS[name]
    os.environ |= {"RAY_worker_niceness": "0"}  # as every cluster of ours has it
    try:
        with scenario.cluster() as cluster:
            seconds = asyncio.run(measured(scenario, cluster, rounds))
    except pytest.skip.Exception as reason:
        print(reason, file=sys.stderr)
        return SKIPPED
    print(msgspec.json.encode(seconds).decode(), flush=True)
    return 0


if __name__ == "__main__":
    code = 1
    try:
        code = main(sys.argv[1], int(sys.argv[2]))
    except Exception:
        traceback.print_exc()
    os._exit(code)  # Ray would wait for a GCS that was killed
