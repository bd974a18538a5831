"""A node with another version of the package joins a cluster: it is named, and no session is placed there."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest
from servers.clusters import versions_driver
from servers.clusters.versions_driver import LABELS, SESSIONS, Found
from servers.two_nodes import ENVIRON, HEAD, THIRD, WORKER, json_line, third_node, two_nodes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

OTHER = "9.9.9"


def installed_elsewhere(folder: Path) -> str:
    """A folder for ``PYTHONPATH`` by which processes have another version of the package installed."""
    metadata = folder / f"rayconteur-{OTHER}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: rayconteur\nVersion: {OTHER}\n")
    return str(folder)


def test_no_session_is_placed_on_a_node_with_another_version_which_is_named(tmp_path: Path) -> None:
    with (
        two_nodes({}) as address,
        subprocess.Popen(
            [sys.executable, versions_driver.__file__, address],
            env={**os.environ, **ENVIRON},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as program,
    ):
        assert program.stdin
        assert program.stdout
        while program.stdout.readline() != "entered\n":
            assert program.poll() is None
        with third_node(address, f"--labels=zone={LABELS['zone']}", PYTHONPATH=installed_elsewhere(tmp_path)):
            found = msgspec.json.decode(json_line(program.communicate("joined\n")[0]), type=Found)

    problem = f"node {THIRD} has version {OTHER} of rayconteur, and this program version {version('rayconteur')}"
    assert found.answers == ["hi"] * 2 * SESSIONS
    assert found.sessions[THIRD] == 0
    assert sum(found.sessions.values()) == 2 * SESSIONS
    assert found.versions == {HEAD: version("rayconteur"), WORKER: version("rayconteur"), THIRD: OTHER}
    assert found.problems == (f"{problem}: no session is placed there",)
    assert problem in found.only_place
