"""OpenAI's SDK and the typed objects of its Responses API, read as its documents show."""

import openai

from ..load.answers import OPENAI_RESPONSES


class ResponsesObjects:
    """``responses.create(stream=True)``; with *on_aiohttp* over the transport that the runtime uses, too."""

    def __init__(self, url: str, on_aiohttp: bool = False) -> None:
        transport = openai.DefaultAioHttpClient() if on_aiohttp else None
        self._sdk = openai.AsyncOpenAI(
            api_key="none-needed", base_url=f"{url}/v1", max_retries=0, http_client=transport
        )

    async def read(self, deltas: int) -> int:
        """Ask for an answer of so many text deltas; how many came."""
        seen = 0
        stream = await self._sdk.responses.create(
            model=OPENAI_RESPONSES.model, max_output_tokens=deltas, input="Hi", stream=True, store=False
        )
        async for event in stream:
            if event.type == "response.output_text.delta" and event.delta:
                seen += 1
        return seen

    async def aclose(self) -> None:
        """Give the sockets back."""
        await self._sdk.close()
