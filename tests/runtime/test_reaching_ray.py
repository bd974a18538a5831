"""Joining a cluster that is not there."""

import asyncio
import socket

import pytest

from rayconteur import RayUnreachable, Runtime


@pytest.mark.timeout(30)  # Ray by itself would try for minutes
def test_where_nothing_listens_ray_is_unreachable_at_once() -> None:
    with socket.socket() as bound:  # and so nobody else's, but it does not listen
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"

        with pytest.raises(RayUnreachable, match=address):
            asyncio.run(enter(address))


@pytest.mark.parametrize("address", ["no such place", "127.0.0.1:99999"])
def test_what_is_no_address_is_told_as_such(address: str) -> None:
    with pytest.raises(RayUnreachable, match=address):
        asyncio.run(enter(address))


async def enter(address: str) -> None:
    async with Runtime(address):
        pass
