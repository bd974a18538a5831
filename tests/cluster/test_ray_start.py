"""Joining a cluster that is not there, from a process that has joined none."""

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


def what_entering_says(address: str) -> str:
    # Ray by itself would try for minutes.
    entered = subprocess.run(
        [sys.executable, "-c", ENTER, address], capture_output=True, text=True, timeout=60, check=True
    )
    return entered.stdout


def test_where_nothing_listens_ray_is_unreachable_at_once() -> None:
    with socket.socket() as bound:  # and so nobody else's, but it does not listen
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"

        assert f"Ray can't be reached at '{address}'" in what_entering_says(address)


@pytest.mark.parametrize("address", ["no such place", "127.0.0.1:99999"])
def test_what_is_no_address_is_told_as_such(address: str) -> None:
    assert f"Ray can't be reached at '{address}'" in what_entering_says(address)
