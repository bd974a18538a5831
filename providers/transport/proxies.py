"""The proxies that the environment names."""

from functools import cache
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL


@cache
def proxy_of(origin: URL) -> tuple[URL | None, dict[str, str]]:
    """The proxy for *origin*, if there is one, and the headers for it. It is looked up once.

    aiohttp would look it up for each request, in a thread, and would also look for a password for the provider itself.
    """
    proxy = None if proxy_bypass(origin.host or "") else getproxies().get(origin.scheme)
    if proxy is None:
        return None, {}
    url = URL(proxy)
    authorization = {"Authorization": aiohttp.encode_basic_auth(url.user, url.password or "")} if url.user else {}
    return url.with_user(None), authorization
