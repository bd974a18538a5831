"""`rayconteur status` and `rayconteur top`, on a real Ray, and what they print of a status."""

import json
import re

import pytest
from fixtures.terminal import Terminal, in_pipe

import rayconteur as rc
from rayconteur import blocking
from rayconteur.cli.cluster.status import status_lines
from rayconteur.cli.exit_codes import ExitCode
from rayconteur.runtime import ClusterStatus, NodeStatus

HEAD = NodeStatus(
    id="a" * 56,
    address="10.0.0.1",
    is_alive=True,
    is_head=True,
    memory_bytes=8 << 30,
    free_memory_bytes=7 << 30,
    actors=3,
)


def test_status_and_top_of_a_running_program(ray_address: str, options: rc.RuntimeOptions) -> None:
    place = ("--address", ray_address, "--namespace", options.namespace)
    with blocking.Runtime(placement=rc.Packed(), options=options) as runtime:
        runtime.spawn(rc.SessionConfig(provider=rc.Scripted()), "poe").ask("nevermore").answer()

        status = in_pipe("status", "--json", *place)
        top = in_pipe("top", "--once", *place)  # by now, the actor has reported

    assert status.returncode == ExitCode.COMPLETED, status.stdout + status.stderr
    shown = json.loads(status.stdout)
    assert (shown["sessions"], shown["actors"], shown["problems"]) == (1, {"directory": 1, "host": 1, "router": 1}, [])
    assert top.returncode == ExitCode.COMPLETED, top.stderr
    assert re.search(r"scripted:scripted +1 +0 +1 +0 +\d+ +\d+ ", top.stdout), top.stdout
    assert "poe" not in top.stdout


@pytest.mark.chaos  # it takes seconds to watch
def test_top_at_a_terminal_is_redrawn_with_rates_until_ctrl_c(ray_address: str, options: rc.RuntimeOptions) -> None:
    place = ("--address", ray_address, "--namespace", options.namespace)
    with blocking.Runtime(placement=rc.Packed(), options=options) as runtime:
        session = runtime.spawn(rc.SessionConfig(provider=rc.Scripted()))
        with Terminal("top", "--interval", "0.5", *place) as terminal:
            terminal.until("since the processes started")
            session.ask("nevermore").answer()
            terminal.until("per second")
            terminal.until("scripted:scripted")
            terminal.type_keys("\x03")

            assert terminal.exit_code() == ExitCode.INTERRUPTED


def test_status_of_a_namespace_in_which_nothing_runs_has_an_exit_code_of_its_own(ray_address: str) -> None:
    done = in_pipe("status", "--address", ray_address, "--namespace", "nobodys")

    assert done.returncode == ExitCode.NOTHING_RUNS
    assert "namespace  nobodys: nothing runs" in done.stdout


def test_a_status_names_nodes_actors_states_and_problems() -> None:
    status = ClusterStatus(
        namespace="ravens",
        nodes=(HEAD,),
        actors={"directory": 1, "host": 2, "router": 1},
        sessions=1_200,
        states={"idle": 1_199, "streaming": 1},
        programs=1,
        routers={0: 1_200},
        journal="reachable",
        unreachable=("_host-d-1",),
        asked=2,
        problems=("_host-d-1 (host) has not answered within 5 s",),
    )

    assert list(status_lines(status)) == [
        "nodes      1 alive",
        "  head     10.0.0.1              3 actors  7,168 of 8,192 MiB free  aaaaaaaaaaaa",
        "namespace  ravens, used by 1 program",
        "actors     1 directory, 2 host, 1 router",
        "sessions   1,200: 1,199 idle, 1 streaming",
        "routers    0: events of 1,200 sessions",
        "journal    reachable",
        "answering  1 of 2 session actors asked",
        "problem    _host-d-1 (host) has not answered within 5 s",
    ]
