"""An answer as aiohttp has it."""

from collections.abc import AsyncGenerator, Mapping

import aiohttp


class AiohttpAnswer:
    """An HTTP ``Response`` whose *answer* is from aiohttp itself."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.status_code = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self.content = b""

    async def aiter_bytes(self) -> AsyncGenerator[bytes, None]:
        body = self._answer.content
        while piece := await body.readany():
            yield piece

    async def aread(self) -> bytes:
        self.content = await self._answer.read()
        return self.content

    async def aclose(self) -> None:
        self._answer.close()
