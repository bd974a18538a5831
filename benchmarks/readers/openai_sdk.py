"""OpenAI's SDK and its typed objects, read as its documents show."""

import openai

from ..load.answers import OPENAI_CHAT


class OpenAIObjects:
    """``chat.completions.create(stream=True)``; with *on_aiohttp* over the transport that the runtime uses, too."""

    def __init__(self, url: str, on_aiohttp: bool = False) -> None:
        transport = openai.DefaultAioHttpClient() if on_aiohttp else None
        self._sdk = openai.AsyncOpenAI(
            api_key="none-needed", base_url=f"{url}/v1", max_retries=0, http_client=transport
        )

    async def read(self, deltas: int) -> int:
        """Ask for an answer of so many text deltas; how many came."""
        seen = 0
        stream = await self._sdk.chat.completions.create(
            model=OPENAI_CHAT.model,
            max_completion_tokens=deltas,
            messages=[{"role": "user", "content": "Hi"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                seen += 1
        return seen

    async def aclose(self) -> None:
        """Give the sockets back."""
        await self._sdk.close()
