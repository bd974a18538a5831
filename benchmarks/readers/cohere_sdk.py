"""Cohere's SDK and its typed objects, used as its documentation shows."""

import cohere

from ..load.answers import COHERE


class CohereReader:
    """``chat_stream``. Unless it is given a client, the SDK uses aiohttp wherever that is installed."""

    def __init__(self, url: str, over_aiohttp: bool) -> None:
        self._http = cohere.DefaultAioHttpClient() if over_aiohttp else cohere.DefaultAsyncHttpxClient()
        self._sdk = cohere.AsyncClientV2("none-needed", base_url=url, max_retries=0, httpx_client=self._http)

    async def read(self, deltas: int) -> int:
        seen = 0
        messages: list[cohere.ChatMessageV2] = [cohere.UserChatMessageV2(content="Hi")]
        async for event in self._sdk.chat_stream(model=COHERE.model, max_tokens=deltas, messages=messages):
            if event.type == "content-delta" and _text(event):
                seen += 1
        return seen

    async def aclose(self) -> None:
        await self._http.aclose()


def _text(event: cohere.ContentDeltaV2ChatStreamResponse) -> str | None:
    message = event.delta.message if event.delta else None
    return message.content.text if message and message.content else None
