"""A node is drained under sessions that are being answered: they go on elsewhere, and readers notice a pause."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from servers.clusters import drained_nodes_driver
from servers.clusters.drained_nodes_driver import SESSIONS, TEXT, Found
from servers.two_nodes import DRAIN_S, ENVIRON, HEAD, json_line, three_nodes, two_nodes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


def drained(address: str, journal: Path, placement: str, how: str) -> Found:
    """What a program finds that runs while a node is drained."""
    done = subprocess.run(
        [sys.executable, drained_nodes_driver.__file__, address, str(journal), placement, how],
        env={**os.environ, **ENVIRON},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(json_line(done.stdout), type=Found)
    assert found.were_there > 0
    assert found.staying == 0
    assert found.progress == sorted(found.progress, reverse=True)
    assert found.progress[-1] == (0, found.were_there)
    assert found.seqs == [list(range(1, len(seqs) + 1)) for seqs in found.seqs]
    assert found.ends == [["Completed", "Completed"]] * SESSIONS[placement]
    assert found.texts == [TEXT] * SESSIONS[placement]
    return found


@pytest.mark.parametrize("placement", ["packed", "dedicated"])
def test_sessions_leave_a_node_that_is_drained_between_two_turns(tmp_path: Path, placement: str) -> None:
    with three_nodes(()) as address:
        found = drained(address, tmp_path / "journal.db", placement, "call")

    assert found.retried == 0
    assert len(found.left) == 2


def test_sessions_leave_a_node_that_gets_sigterm(tmp_path: Path) -> None:
    with two_nodes({DRAIN_S: "25"}) as address:
        found = drained(address, tmp_path / "journal.db", "packed", "signal")

    assert found.retried == 0
    assert found.left == [HEAD]


def test_turns_that_do_not_end_in_time_are_asked_again_on_another_node(tmp_path: Path) -> None:
    with two_nodes({}) as address:
        found = drained(address, tmp_path / "journal.db", "packed", "soon")

    assert found.retried == found.were_there
