"""The proxies that the environment names."""

from base64 import b64encode
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

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
    url = None if proxy_bypass(f"{host}:{origin.port}") else proxies.get(origin.scheme, proxies.get("all"))
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
