"""Which certificates clients trust: those that the SDKs would."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.clients import EACH_SSE_PROVIDER, Config, collect_deltas
from servers.certificates import self_signed
from servers.loopback import Loopback, answers

from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.errors import ProviderUnavailable
from rayconteur.providers.transport.tls import trusted_certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1, signed by itself, and its key."""
    file = tmp_path_factory.mktemp("tls") / "loopback.pem"
    file.write_bytes(self_signed("127.0.0.1"))
    return file


@pytest.fixture(autouse=True)
def fresh_certificates(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the environment names is read anew before and after each test."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    trusted_certificates.cache_clear()
    yield
    trusted_certificates.cache_clear()


def ask(config: Config, stream: bytes, certificate: Path) -> int:
    """How many deltas a client of *config* gets from a server with *certificate*."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)

    async def main() -> int:
        async with Loopback(answers(stream), tls=tls) as server:
            client = open_client(config(server.url))
            try:
                return len(await collect_deltas(client))
            finally:
                await client.aclose()

    return asyncio.run(main())


@EACH_SSE_PROVIDER
def test_certificates_in_ssl_cert_file_are_trusted(
    config: Config, stream: bytes, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert ask(config, stream, certificate) > 0


@EACH_SSE_PROVIDER
def test_a_server_with_an_unknown_certificate_is_not_asked(config: Config, stream: bytes, certificate: Path) -> None:
    with pytest.raises(ProviderUnavailable, match="certificate"):
        ask(config, stream, certificate)


def test_only_the_certificates_that_the_environment_names_are_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    trusted = trusted_certificates()
    assert isinstance(trusted, ssl.SSLContext)
    assert trusted.cert_store_stats()["x509"] == 1

    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(certificate.parent))
    trusted_certificates.cache_clear()
    trusted = trusted_certificates()
    assert isinstance(trusted, ssl.SSLContext)
    assert trusted.cert_store_stats()["x509"] == 0  # those of a folder are looked up when they are needed
