"""Connecting to a cluster that does not exist, from a process without Ray."""

import socket
import subprocess
import sys

import pytest

ENTER = """
import asyncio, sys
import rayconteur as rc
from rayconteur.errors import RayUnreachable

async def enter() -> None:
    try:
        async with rc.Runtime(sys.argv[1]):
            print("entered")
    except RayUnreachable as error:
        print(error)

asyncio.run(enter())
"""


def output_of_entering(address: str) -> str:
    # Ray itself would try for minutes, hence the timeout.
    entered = subprocess.run(
        [sys.executable, "-c", ENTER, address], capture_output=True, text=True, timeout=60, check=True
    )
    return entered.stdout


def test_an_address_without_a_server_is_reported_at_once() -> None:
    with socket.socket() as bound:  # so that no other process listens there
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"

        assert f"Ray can't be reached at '{address}'" in output_of_entering(address)


@pytest.mark.parametrize("address", ["no such place", "127.0.0.1:99999"])
def test_an_invalid_address_is_reported(address: str) -> None:
    assert f"Ray can't be reached at '{address}'" in output_of_entering(address)
