"""The proxies that the environment names."""

from base64 import b64encode
from functools import cache
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from .connections.request_head import Origin


class Proxy(NamedTuple):
    """A proxy, and the headers for it."""

    origin: Origin
    fields: bytes


@cache
def proxy_of(origin: Origin) -> Proxy | None:
    """The proxy for *origin*, if there is one. It is looked up once.

    Raises:
        ValueError: what the environment names is not an HTTP proxy.
    """
    proxies = getproxies()
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    is_direct = proxy_bypass(f"{host}:{origin.port}") or any(
        _covers(entry.strip(), origin) for entry in getproxies_environment().get("no", "").split(",")
    )
    url = None if is_direct else proxies.get(origin.scheme, proxies.get("all"))
    if not url:
        return None
    url = url if "://" in url else f"http://{url}"
    try:
        proxy = Origin.of(url)
    except ValueError:
        raise ValueError("the proxy that the environment names is not an HTTP proxy") from None
    parts = urlsplit(url)
    if parts.username is None:
        return Proxy(proxy, b"")
    name, password = unquote(parts.username), unquote(parts.password or "")
    return Proxy(proxy, b"Proxy-Authorization: Basic %b\r\n" % b64encode(f"{name}:{password}".encode()))


def _covers(entry: str, origin: Origin) -> bool:
    """Whether *entry* of ``NO_PROXY`` covers *origin* in a form that Python's ``proxy_bypass`` does not know.

    These are ``*`` beside other entries, a URL as in httpx, and a network (``10.0.0.0/8``) as in curl and Go.
    """
    if entry == "*":
        return True
    try:
        if "://" in entry:
            url = urlsplit(entry)
            host = (url.hostname, url.port or origin.port)
            return url.scheme in (origin.scheme, "all") and host == (origin.host, origin.port)
        return ip_address(origin.host) in ip_network(entry, strict=False)
    except ValueError:
        return False
