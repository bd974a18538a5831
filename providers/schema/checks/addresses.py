"""Addresses of servers that speak HTTP."""

import re
from urllib.parse import urlsplit

from ..errors import InvalidConfig

DEFAULT_PORTS = {"http": 80, "https": 443}

# A name in DNS, whose labels are not empty, or an address of IPv6.
_host = re.compile(r"(?:[\w-]+\.)*[\w-]+\.?|[0-9a-f:.]*:[0-9a-f:.]*", re.ASCII)


def server_of(url: str) -> tuple[str, str, int]:
    """The scheme, the host (as in DNS, in lower case) and the port of *url*.

    Raises:
        ValueError: it is not the URL of a server that speaks HTTP.
    """
    parts = urlsplit(url)
    scheme, host = parts.scheme, parts.hostname or ""
    if not host.isascii():
        host = host.encode("idna").decode()
    if scheme not in DEFAULT_PORTS or not _host.fullmatch(host):
        raise ValueError("it is not the address of an HTTP server")
    return scheme, host, DEFAULT_PORTS[scheme] if parts.port is None else parts.port


def http_url(url: str | None, field: str) -> str | None:
    """*url*, if it is an HTTP address.

    Raises:
        InvalidConfig: it is not; *field* is named.
    """
    if url is None:
        return None
    try:
        is_usable = server_of(url)[2] != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise InvalidConfig(field, "give an address that begins with http:// or https:// and the name of a host")
    return url
