"""A probe for a Ray cluster that does not need Ray, which takes a second to import and minutes to give up."""

import socket
from contextlib import suppress
from urllib.parse import urlsplit

from ....providers.schema.checks.shown import shown
from ...api.errors import RayUnreachable

ANY_RUNNING = "auto"
"""Ray's own keyword for an address: the cluster that runs on this machine."""

_TIMEOUT_S = 5.0

GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
"""The preface of a client of HTTP/2, and its empty SETTINGS frame (RFC 9113, section 3.4): a server answers it.

One with TLS closes the connection instead.
"""


def probe(address: str, timeout_s: float = _TIMEOUT_S) -> None:
    """Check that a server at a host and port answers: one that is stopped accepts connections, too.

    Raises:
        RayUnreachable: no server does.
    """
    url = urlsplit(address if "//" in address else f"//{address}")
    try:
        if url.hostname is None or url.port is None:
            return  # a keyword of Ray's, such as "auto"
        with socket.create_connection((url.hostname, url.port), timeout_s) as connection, suppress(ConnectionError):
            connection.sendall(GREETING)
            connection.recv(1)
    except OSError as error:
        raise unreachable(address, error.strerror or error) from None
    except ValueError as error:  # the port is not a number
        raise unreachable(address, error) from None


def unreachable(address: str, reason: object) -> RayUnreachable:
    """The error for an *address* where Ray cannot be reached."""
    if address == ANY_RUNNING:
        return RayUnreachable(
            f"no address is given, and no Ray runs on this machine ({reason}); give the address of a cluster, in "
            "RAY_ADDRESS perhaps, or start one here with 'ray start --head'"
        )
    return RayUnreachable(
        f"Ray can't be reached at {shown(address)} ({reason}); start a cluster there, or give another address: a "
        "runtime without one starts Ray on this machine"
    )
