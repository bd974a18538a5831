"""Whether there is a Ray at an address, without Ray, which takes a second to import and minutes to give up."""

import socket
from urllib.parse import urlsplit

from ..api.errors import RayUnreachable

_LONGEST_S = 5.0


def knock(address: str) -> None:
    """See whether anything listens at a host and port.

    Raises:
        RayUnreachable: nothing does.
    """
    place = urlsplit(address if "//" in address else f"//{address}")
    try:
        if place.hostname is None or place.port is None:
            return  # a word of Ray's own, such as "auto"
        socket.create_connection((place.hostname, place.port), timeout=_LONGEST_S).close()
    except OSError as error:
        raise unreachable(address, error.strerror or error) from None
    except ValueError as error:  # the port is no number
        raise unreachable(address, error) from None


def unreachable(address: str, reason: object) -> RayUnreachable:
    """What there is to say about it."""
    return RayUnreachable(
        f"Ray can't be reached at {address!r} ({reason}); "
        "start a cluster there, or leave the address out to start Ray here"
    )
