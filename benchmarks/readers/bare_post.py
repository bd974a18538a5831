"""The lower bound of sending a request in Python: aiohttp posts bytes that are ready."""

import hashlib

import aiohttp
from yarl import URL

from ..load.answers import BEDROCK, Api


class BarePost:
    """Posts bodies to *api* at the load server *url*, and reads the answers without looking at them."""

    def __init__(self, url: str, api: Api) -> None:
        self._http = aiohttp.ClientSession()
        self._url = URL(url + api.path, encoded=True)
        self._is_signed = api == BEDROCK

    async def send(self, body: bytes) -> None:
        """Post *body*; for Bedrock also hash it, as its signature requires."""
        if self._is_signed:
            hashlib.sha256(body).hexdigest()
        async with self._http.post(self._url, data=body) as response:
            await response.read()

    async def aclose(self) -> None:
        await self._http.close()
