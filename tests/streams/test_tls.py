"""Where Ray uses TLS, connections between nodes use it as well, with the same certificates at both ends."""

import asyncio
import re
from pathlib import Path

import pytest
from servers.certificates import self_signed
from servers.streams import LOOPBACK, NODE, elsewhere, play

from rayconteur.errors import PeerUnreachable, RayUnreachable
from rayconteur.runtime.streams.channel import Channel
from rayconteur.runtime.streams.endpoint import Endpoint
from rayconteur.runtime.streams.listener import Listener
from rayconteur.runtime.streams.tls import TLS, ray_tls

HANDSHAKE_S = 1.0
"""Longer than any handshake takes. A caller without TLS, and a listener with it, wait for each other so long."""


def variables(folder: Path, name: str) -> dict[str, str]:
    """Ray's variables for a new certificate, which is its own authority."""
    file = folder / f"{name}.pem"
    file.write_bytes(self_signed(LOOPBACK))
    files = ("RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT")
    return {"RAY_USE_TLS": "1"} | dict.fromkeys(files, str(file))


async def echo_over(listening: TLS | None, calling: TLS | None) -> bytes | None:
    """The reply to a call between nodes whose ends have these contexts."""
    listener = Listener(lambda peer, method, data: data, HANDSHAKE_S)
    endpoint = await listener.listen(NODE, LOOPBACK, tls=listening)

    async def locate() -> Endpoint:
        return elsewhere(endpoint)

    channel = Channel(locate, "driver-1", NODE, calling)
    try:
        return await channel.call(1, b"caw")
    finally:
        await channel.aclose()
        listener.close()
        await asyncio.sleep(0)


def test_peers_with_certificates_of_one_authority_call_each_other(tmp_path: Path) -> None:
    environ = variables(tmp_path, "ours")

    async def scene() -> None:
        assert await echo_over(ray_tls(environ), ray_tls(environ)) == b"caw"

    play(scene)


def test_a_peer_without_tls_or_with_a_foreign_certificate_is_refused(tmp_path: Path) -> None:
    ours, foreign = ray_tls(variables(tmp_path, "ours")), ray_tls(variables(tmp_path, "foreign"))

    async def scene() -> None:
        for calling in (None, foreign):
            with pytest.raises(PeerUnreachable):
                await echo_over(ours, calling)
        with pytest.raises(PeerUnreachable):
            await echo_over(None, ours)

    play(scene)


@pytest.mark.parametrize("environ", [{}, {"RAY_USE_TLS": "0"}, {"RAY_TLS_CA_CERT": "/x"}])
def test_without_ray_s_variable_there_is_no_tls(environ: dict[str, str]) -> None:
    assert ray_tls(environ) is None


def test_a_missing_variable_and_an_unusable_file_are_named(tmp_path: Path) -> None:
    environ = variables(tmp_path, "ours")

    with pytest.raises(RayUnreachable, match="RAY_TLS_SERVER_KEY is missing"):
        ray_tls(environ | {"RAY_TLS_SERVER_KEY": ""})
    with pytest.raises(RayUnreachable, match=re.escape("RAY_TLS_CA_CERT can't be used")):
        ray_tls(environ | {"RAY_TLS_CA_CERT": str(tmp_path / "none")})
