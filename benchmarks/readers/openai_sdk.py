"""OpenAI's SDK and its typed objects, used as its documentation shows."""

import openai

from ..load.answers import OPENAI_CHAT, OPENAI_RESPONSES


class ChatReader:
    """``chat.completions.create(stream=True)``."""

    def __init__(self, url: str, over_aiohttp: bool) -> None:
        self._sdk = _open_sdk(url, over_aiohttp)

    async def read(self, deltas: int) -> int:
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
        await self._sdk.close()


class ResponsesReader:
    """``responses.create(stream=True)``."""

    def __init__(self, url: str, over_aiohttp: bool) -> None:
        self._sdk = _open_sdk(url, over_aiohttp)

    async def read(self, deltas: int) -> int:
        seen = 0
        stream = await self._sdk.responses.create(
            model=OPENAI_RESPONSES.model, max_output_tokens=deltas, input="Hi", stream=True, store=False
        )
        async for event in stream:
            if event.type == "response.output_text.delta" and event.delta:
                seen += 1
        return seen

    async def aclose(self) -> None:
        await self._sdk.close()


def _open_sdk(url: str, over_aiohttp: bool) -> openai.AsyncOpenAI:
    transport = openai.DefaultAioHttpClient() if over_aiohttp else None
    return openai.AsyncOpenAI(api_key="none-needed", base_url=f"{url}/v1", max_retries=0, http_client=transport)
