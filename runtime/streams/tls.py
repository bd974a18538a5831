"""TLS for connections between nodes, with the certificates that Ray uses.

https://docs.ray.io/en/latest/ray-core/configure.html#tls-authentication
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from ..api.errors import RayUnreachable

_FILES = ("RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT")


@dataclass(frozen=True, slots=True)
class TLS:
    """The contexts of both ends. Each end shows a certificate, as with Ray."""

    listener: ssl.SSLContext
    peer: ssl.SSLContext


def ray_tls(environ: Mapping[str, str]) -> TLS | None:
    """The contexts that Ray's variables in *environ* ask for; ``None`` if they ask for none.

    Raises:
        RayUnreachable: a variable is missing, or its file can't be used.
    """
    if environ.get("RAY_USE_TLS", "0").lower() not in ("1", "true"):
        return None
    if missing := [name for name in _FILES if not environ.get(name)]:
        raise RayUnreachable(f"RAY_USE_TLS is set, but {' and '.join(missing)} is missing; set it on every node")
    certificate, key, authority = (environ[name] for name in _FILES)
    try:
        return TLS(
            _context(ssl.PROTOCOL_TLS_SERVER, certificate, key, authority),
            _context(ssl.PROTOCOL_TLS_CLIENT, certificate, key, authority),
        )
    except OSError as error:
        raise RayUnreachable(f"the files of {', '.join(_FILES)} can't be used ({error})") from None


def _context(protocol: int, certificate: str, key: str, authority: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.check_hostname = False  # nodes are addressed by IP; the handshake shows that the listener is the right one
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority)
    return context
