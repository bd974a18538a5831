"""Cohere's SDK and its typed objects, read as its documents show."""

import cohere

from ..load.answers import COHERE


class CohereObjects:
    """``chat_stream``; with *on_aiohttp* over the transport that the runtime uses, too.

    Without a client of one's own the SDK takes aiohttp wherever it can be imported.
    """

    def __init__(self, url: str, on_aiohttp: bool = False) -> None:
        self._http = cohere.DefaultAioHttpClient() if on_aiohttp else cohere.DefaultAsyncHttpxClient()
        self._sdk = cohere.AsyncClientV2("none-needed", base_url=url, max_retries=0, httpx_client=self._http)

    async def read(self, deltas: int) -> int:
        """Ask for an answer of so many text deltas; how many came."""
        seen = 0
        asked: list[cohere.ChatMessageV2] = [cohere.UserChatMessageV2(content="Hi")]
        async for event in self._sdk.chat_stream(model=COHERE.model, max_tokens=deltas, messages=asked):
            if event.type == "content-delta" and _text(event):
                seen += 1
        return seen

    async def aclose(self) -> None:
        """Give the sockets back."""
        await self._http.aclose()


def _text(event: cohere.ContentDeltaV2ChatStreamResponse) -> str | None:
    message = event.delta.message if event.delta else None
    return message.content.text if message and message.content else None
