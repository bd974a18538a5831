"""Opening connections: names, addresses, proxies and encryption."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
from fixtures.http_requests import EACH_LOOP, Run
from servers.certificates import self_signed
from servers.loopback import Loopback, answers
from servers.proxy import TunnelProxy

from rayconteur.providers.transport.connections.dialing import keep_alive
from rayconteur.providers.transport.connections.errors import ConnectFailed
from rayconteur.providers.transport.connections.http_session import HTTPSession
from rayconteur.providers.transport.connections.names import Names
from rayconteur.providers.transport.connections.request_head import Origin, RequestHead
from rayconteur.providers.transport.proxies import proxy_of

OK = answers(b"Caw")


@pytest.fixture(autouse=True)
def fresh_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy but those of the test."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    proxy_of.cache_clear()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1, signed by itself, and its key."""
    file = tmp_path_factory.mktemp("tls") / "loopback.pem"
    file.write_bytes(self_signed("127.0.0.1"))
    return file


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def client_tls(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


async def bodies(url: str, tls: ssl.SSLContext, requests: int = 2) -> list[bytes]:
    """What a server answers to so many requests, one after the other."""
    session = HTTPSession(2, 2, lambda: tls)
    try:
        return [await (await session.send(RequestHead("GET", url, ()), None)).read() for _ in range(requests)]
    finally:
        await session.aclose()


@EACH_LOOP
@pytest.mark.parametrize("variable", ["https_proxy", "all_proxy"])
@pytest.mark.parametrize("encrypted_proxy", [False, True], ids=["http-proxy", "https-proxy"])
def test_an_encrypted_connection_goes_through_a_tunnel_of_the_proxy_which_alone_gets_its_password(
    run: Run,
    variable: str,
    encrypted_proxy: bool,
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> tuple[list[str], int, str]:
        async with (
            TunnelProxy(tls=server_tls if encrypted_proxy else None) as proxy,
            Loopback(OK, tls=server_tls) as far,
        ):
            monkeypatch.setenv(variable, proxy.url.replace("//", "//raven:c%40w@"))
            assert await bodies(far.url, client_tls) == [b"Caw", b"Caw"]
            return proxy.requests, far.connections, str(far.received)

    [request], connections, received = run(main())

    assert "Proxy-Authorization: Basic cmF2ZW46Y0B3\r\n" in request
    assert connections == 1
    assert "roxy" not in received


@EACH_LOOP
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "the proxy refuses it with HTTP status 407"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "the proxy does not speak HTTP"),
        (b"", "the proxy closed the connection"),
    ],
)
def test_a_proxy_that_opens_no_tunnel_is_named_as_the_cause(
    run: Run, answer: bytes, problem: str, client_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with TunnelProxy(answer) as proxy:
            monkeypatch.setenv("https_proxy", proxy.url)
            with pytest.raises(ConnectFailed, match=f"cannot connect to raven.invalid: {problem}"):
                await bodies("https://raven.invalid", client_tls)

    run(main())


def test_the_connection_to_a_proxy_that_opens_no_tunnel_is_closed(
    client_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        closed = asyncio.Event()

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            await reader.read()
            writer.close()
            closed.set()

        async with await asyncio.start_server(refuse, "127.0.0.1") as server:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            with pytest.raises(ConnectFailed, match="403"):
                await bodies("https://raven.invalid", client_tls)
            await asyncio.wait_for(closed.wait(), 1)

    asyncio.run(main())


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://[", "ftp://127.0.0.1"])
def test_what_is_no_http_proxy_is_an_error(
    proxy: str, client_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy)

    with pytest.raises(ConnectFailed, match="is not an HTTP proxy"):
        asyncio.run(bodies("http://raven.invalid", client_tls))


def test_a_proxy_may_be_named_without_its_scheme(client_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> str:
        async with Loopback(OK) as proxy:
            monkeypatch.setenv("http_proxy", proxy.url.removeprefix("http://"))
            await bodies("http://raven.invalid/caw", client_tls)
            return proxy.received[0].target

    assert asyncio.run(main()) == "http://raven.invalid/caw"


@EACH_LOOP
def test_a_server_whose_certificate_is_for_another_host_is_not_asked(
    run: Run, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async def main() -> int:
        async with Loopback(OK, tls=server_tls) as server:
            with pytest.raises(ConnectFailed, match="certificate"):
                await bodies(server.url.replace("127.0.0.1", "localhost"), client_tls)
            return len(server.received)

    assert run(main()) == 0


@EACH_LOOP
@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:1", "cannot connect to 127.0.0.1:1: .*(refused|Connect call failed)"),
        ("http://[::1]:1", r"cannot connect to \[::1\]:1: "),
        ("http://raven.invalid", "cannot connect to raven.invalid: "),
    ],
)
def test_a_server_that_cannot_be_reached_is_named(run: Run, url: str, problem: str, client_tls: ssl.SSLContext) -> None:
    with pytest.raises(ConnectFailed, match=problem):
        run(bodies(url, client_tls))


@EACH_LOOP
def test_a_server_that_does_not_encrypt_ends_the_attempt_in_time(run: Run, client_tls: ssl.SSLContext) -> None:
    async def main() -> None:
        closed = asyncio.Event()

        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            closed.set()

        async with await asyncio.start_server(say_nothing, "127.0.0.1") as server:
            session = HTTPSession(0.1, 5, lambda: client_tls)
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(ConnectFailed, match=r"longer than 0\.1 s"):
                await session.send(RequestHead("GET", url, ()), None)
            await asyncio.wait_for(closed.wait(), 1)
            await session.aclose()

    run(main())


@EACH_LOOP
def test_a_host_is_looked_up_once_for_all_who_ask_at_the_same_time(run: Run) -> None:
    async def main() -> None:
        names = Names()
        found = await asyncio.gather(*(names.addresses("localhost", 80) for _ in range(50)))
        assert all(addresses is found[0] for addresses in found)
        assert await names.addresses("localhost", 80) is found[0]
        assert await names.addresses("localhost", 81) is not found[0]

    run(main())


@EACH_LOOP
def test_a_host_that_is_unknown_is_looked_up_again(run: Run) -> None:
    async def main() -> None:
        names = Names()
        errors: list[object] = []
        for _ in range(2):
            errors[:] = await asyncio.gather(
                *(names.addresses("raven.invalid", 80) for _ in range(2)), return_exceptions=True
            )
            assert all(isinstance(error, socket.gaierror) for error in errors)
            assert errors[0] is errors[1]
            await asyncio.sleep(0)
        found = await asyncio.gather(names.addresses("raven.invalid", 80), return_exceptions=True)
        assert found[0] is not errors[0]

    run(main())


@EACH_LOOP
def test_a_lookup_goes_on_for_the_others_when_one_who_asked_gives_up(run: Run) -> None:
    async def main() -> None:
        names = Names()
        gives_up, waits = (asyncio.create_task(names.addresses("localhost", 80)) for _ in range(2))
        await asyncio.sleep(0)
        gives_up.cancel()
        assert await waits

    run(main())


def test_the_kernel_finds_out_whether_the_other_end_of_a_silent_connection_is_still_there() -> None:
    with socket.socket() as connected:
        keep_alive(connected)

        assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 60


@EACH_LOOP
def test_a_request_that_is_cancelled_at_any_moment_disturbs_no_other(
    run: Run, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async def main() -> None:
        async with asyncio.timeout(30), Loopback(OK, tls=server_tls) as server:
            session = HTTPSession(5, 5, lambda: client_tls)
            head = RequestHead("GET", server.url, ())
            for turns in range(40):
                asked = asyncio.create_task(session.send(head, None))
                for _ in range(turns):
                    await asyncio.sleep(0)
                asked.cancel()
                await asyncio.wait((asked,))
                others = await asyncio.gather(*(session.send(head, None) for _ in range(3)))
                assert [await other.read() for other in others] == [b"Caw"] * 3
                if not asked.cancelled():
                    (await asked).close()
            await session.aclose()

    run(main())


@EACH_LOOP
def test_a_client_that_is_closed_while_it_connects_sends_nothing(
    run: Run, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async def main() -> int:
        async with asyncio.timeout(10), Loopback(OK, tls=server_tls) as server:
            session = HTTPSession(5, 5, lambda: client_tls)
            asked = asyncio.create_task(session.send(RequestHead("GET", server.url, ()), None))
            await asyncio.sleep(0)
            await asyncio.gather(session.aclose(), session.aclose())
            with pytest.raises(ConnectFailed, match="the client is closed"):
                await asked
            return len(server.received)

    assert run(main()) == 0


@pytest.mark.parametrize("exception", ["raven.invalid", "raven.invalid:80", ".invalid", "*"])
def test_hosts_and_ports_in_no_proxy_are_asked_directly(exception: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", exception)

    assert proxy_of(Origin("http", "raven.invalid", 80)) is None
    if "raven" in exception:
        assert proxy_of(Origin("http", "crow.invalid", 80)) is not None
    if ":" in exception:
        assert proxy_of(Origin("http", "raven.invalid", 81)) is not None


@EACH_LOOP
def test_cancelling_while_connecting_closes_the_connection(run: Run, client_tls: ssl.SSLContext) -> None:
    async def main() -> None:
        connected, closed = asyncio.Event(), asyncio.Event()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connected.set()
            await reader.read()
            writer.close()
            closed.set()

        async with await asyncio.start_server(accept, "127.0.0.1") as server:
            session = HTTPSession(5, 5, lambda: client_tls)
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            asked = asyncio.create_task(session.send(RequestHead("GET", url, ()), None))
            await connected.wait()
            asked.cancel()
            await asyncio.wait_for(closed.wait(), 1)
            with pytest.raises(asyncio.CancelledError):
                await asked
            await session.aclose()

    run(main())
