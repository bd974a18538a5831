"""Bare Ray actors: what a session would be without the runtime, alone or with the SDK that it needs."""

import ray
from ray.actor import ActorProxy

from ..load.answers import ANTHROPIC, BEDROCK, COHERE, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES, Api
from ..readers.reader import Reading


class _Bare:
    """An async actor, with an open client of the SDK for *api* where one is given, which asks the server at *url*."""

    def __init__(self, api: Api | None = None, url: str = "") -> None:
        self._sdk = _sdk(api, url) if api else None

    @ray.method
    async def nothing(self) -> None:
        """Come back: a bare round trip."""

    @ray.method
    async def read(self, deltas: int) -> int:
        """Ask the SDK, if there is one, for an answer of so many text deltas; how many came."""
        return await self._sdk.read(deltas) if self._sdk else 0


def _sdk(api: Api, url: str) -> Reading:
    # Imported here, so that an actor has the one SDK that it uses.
    if api == ANTHROPIC:
        from ..readers.anthropic_sdk import AnthropicObjects

        return AnthropicObjects(url)
    if api == GEMINI:
        from ..readers.google_sdk import GoogleObjects

        return GoogleObjects(url)
    if api == COHERE:
        from ..readers.cohere_sdk import CohereObjects

        return CohereObjects(url)
    if api == BEDROCK:
        from ..readers.bedrock_sdk import BedrockObjects

        return BedrockObjects(url)
    if api == OPENAI_RESPONSES:
        from ..readers.responses_sdk import ResponsesObjects

        return ResponsesObjects(url)
    assert api == OPENAI_CHAT
    from ..readers.openai_sdk import OpenAIObjects

    return OpenAIObjects(url)


BareActor = ray.remote(_Bare)
BareHandle = ActorProxy[_Bare]
