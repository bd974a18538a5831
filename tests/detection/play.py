"""Plays a scenario: ``python -m detection.play NAME ROUNDS`` prints the seconds of each round, as JSON."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec
import ray
from detection import scenarios
from detection.stage import OPTIONS, Stage

import rayconteur as rc

LIMIT_S = 5.0
"""How long it may take until everybody knows."""


class Scenario(NamedTuple):
    """A row of the table: what *fails*, and who is *told* what, or goes on how."""

    fails: str
    told: str
    play: Callable[[Stage], Awaitable[list[float]]]


_ALL_READERS = "readers of the session and of all, in both runtimes, and `ask()`: the death"

SCENARIOS = {
    "session": Scenario("the actor of a dedicated session (SIGKILL)", _ALL_READERS, scenarios.session_actor),
    "packed": Scenario(
        "a packed actor with 100 sessions (SIGKILL)",
        "all 100 readers of another runtime: `Died`",
        scenarios.packed_actor,
    ),
    "router": Scenario(
        "a router (SIGKILL), with 50 sessions that stream",
        "all 50 readers of another runtime: events that are newer",
        scenarios.router,
    ),
    "unread-tail": Scenario(
        "a router (SIGKILL) with a turn that nobody had read",
        "a reader that begins then: the end of the turn",
        scenarios.unread_tail,
    ),
    "from-now-on": Scenario(
        "a router (SIGKILL)", "a reader of all from now on, that begins then: what is newer only", scenarios.from_now_on
    ),
    "host-and-router": Scenario(
        "the actor of a dedicated session and its router (SIGKILL)", _ALL_READERS, scenarios.host_and_router
    ),
    "directory": Scenario(
        "the directory (SIGKILL)", "another runtime lists all sessions again, and spawns one", scenarios.directory
    ),
    "directory-and-host": Scenario(
        "the directory and the actor of a dedicated session (SIGKILL)", _ALL_READERS, scenarios.directory_and_host
    ),
}


async def measured(scenario: Scenario, rounds: int) -> list[float]:
    """The seconds of so many *rounds*."""
    seconds: list[float] = []
    async with rc.Runtime(options=OPTIONS) as runtime, rc.Runtime(options=OPTIONS) as other:
        while len(seconds) < rounds:
            seconds += await scenario.play(Stage(runtime, other))
    return seconds[:rounds]


def main(name: str, rounds: int) -> list[float]:
    """The seconds of each round, in a Ray of its own."""
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    return asyncio.run(measured(SCENARIOS[name], rounds))


if __name__ == "__main__":
    print(msgspec.json.encode(main(sys.argv[1], int(sys.argv[2]))).decode())
