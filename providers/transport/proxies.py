"""Proxies, as the environment names them."""

from functools import cache
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL


@cache
def proxy_of(origin: URL) -> tuple[URL | None, dict[str, str]]:
    """The way to *origin*, and the headers for its proxy. It is looked up once.

    aiohttp, left to it, would look for each request, in a thread, and for passwords to the provider itself, too.
    """
    named = None if proxy_bypass(origin.host or "") else getproxies().get(origin.scheme)
    if named is None:
        return None, {}
    url = URL(named)
    password = {"Authorization": aiohttp.encode_basic_auth(url.user, url.password or "")} if url.user else {}
    return url.with_user(None), password
