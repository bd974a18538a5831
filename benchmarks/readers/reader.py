"""Answer readers: clients that read one streamed answer of the load server and count its text deltas."""

from typing import Protocol

from ..load.answers import ANTHROPIC, BEDROCK, COHERE, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES, Api


class AnswerReader(Protocol):
    """Reads answers of the load server."""

    async def read(self, deltas: int) -> int:
        """Request an answer of *deltas* text deltas; returns how many came."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


def sdk_reader(api: Api, url: str, over_aiohttp: bool = False) -> AnswerReader:
    """The vendor's SDK for *api*; *over_aiohttp* it uses the transport of the runtime, if the SDK supports it."""
    # Imported here, so that an actor loads only the SDK that it uses.
    if api == ANTHROPIC:
        from .anthropic_sdk import AnthropicReader

        return AnthropicReader(url, over_aiohttp)
    if api == GEMINI:
        from .google_sdk import GoogleReader

        return GoogleReader(url, over_aiohttp)
    if api == COHERE:
        from .cohere_sdk import CohereReader

        return CohereReader(url, over_aiohttp)
    if api == BEDROCK:
        from .bedrock_sdk import BedrockReader

        return BedrockReader(url)
    from .openai_sdk import ChatReader, ResponsesReader

    assert api in (OPENAI_CHAT, OPENAI_RESPONSES)
    return (ChatReader if api == OPENAI_CHAT else ResponsesReader)(url, over_aiohttp)
