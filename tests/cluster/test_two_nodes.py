"""Sessions on another node than their program: TCP carries messages and events, with Ray's TLS if it has one."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from servers import two_nodes_driver
from servers.certificates import self_signed
from servers.two_nodes import ENVIRON, HEAD, WORKER, two_nodes
from servers.two_nodes_driver import SESSIONS, TEXT, Found

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


def tls_variables(folder: Path) -> dict[str, str]:
    """Ray's variables for a new certificate of both nodes."""
    file = folder / "nodes.pem"
    file.write_bytes(self_signed(HEAD, WORKER, "127.0.0.1"))
    files = ("RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT")
    return {"RAY_USE_TLS": "1"} | dict.fromkeys(files, str(file))


@pytest.mark.parametrize("uses_tls", [False, True], ids=["plain", "tls"])
def test_a_program_talks_with_sessions_on_another_node(tmp_path: Path, uses_tls: bool) -> None:
    environ = tls_variables(tmp_path) if uses_tls else {}

    with two_nodes(environ) as address:
        done = subprocess.run(
            [sys.executable, two_nodes_driver.__file__, address],
            env={**os.environ, **ENVIRON, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout, type=Found)
    assert len(found.session_nodes) == SESSIONS
    assert found.driver_node not in found.session_nodes
    assert found.reached_by_tcp == [True] * SESSIONS
    assert found.answers == [TEXT] * SESSIONS
    assert found.interrupted == [True] * SESSIONS
    assert found.seqs == [list(range(1, len(seqs) + 1)) for seqs in found.seqs]


ENTER = """
import asyncio, sys
import rayconteur as rc
from rayconteur.errors import RayAuthenticationFailed

async def enter() -> None:
    try:
        async with rc.Runtime(sys.argv[1]):
            print("entered")
    except RayAuthenticationFailed as error:
        print(error)

asyncio.run(enter())
"""


def test_a_program_without_the_token_of_the_cluster_or_with_another_one_is_told_so_in_time(tmp_path: Path) -> None:
    excluded = {"RAY_ADDRESS", *ENVIRON}
    environ = {name: value for name, value in os.environ.items() if name not in excluded} | {"HOME": str(tmp_path)}
    another = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}

    with two_nodes({}) as address:
        for tokens in ({}, {"RAY_AUTH_MODE": "token"}, another):
            done = subprocess.run(
                [sys.executable, "-c", ENTER, address],
                env=environ | tokens,
                capture_output=True,
                text=True,
                check=False,
                timeout=15,  # Ray itself tries for 20 s
            )

            assert "RAY_AUTH_TOKEN" in done.stdout, done.stderr
