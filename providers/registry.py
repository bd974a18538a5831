"""From a config to its client."""

from typing import assert_never

from .anthropic.config import Anthropic
from .bedrock.config import Bedrock
from .cohere.config import Cohere
from .configs import ProviderConfig
from .google.config import Google
from .openai.config import AzureOpenAI, OpenAI
from .schema.client import Client
from .scripted.config import Scripted


def open_client(config: ProviderConfig) -> Client:
    """The client that *config*, resolved, describes. Here, and only here, a provider's SDK is imported.

    Raises:
        MissingExtra: the SDK is not installed.
    """
    match config:
        case Scripted():
            from .scripted.client import ScriptedClient

            return ScriptedClient(config)
        case Anthropic():
            from .anthropic.client import AnthropicClient

            return AnthropicClient(config)
        case OpenAI():
            from .openai.client import openai_client

            return openai_client(config)
        case AzureOpenAI():
            from .openai.azure import azure_client

            return azure_client(config)
        case Google():
            from .google.client import GoogleClient

            return GoogleClient(config)
        case Cohere():
            from .cohere.client import CohereClient

            return CohereClient(config)
        case Bedrock():
            from .bedrock.client import BedrockClient

            return BedrockClient(config)
        case _:
            assert_never(config)
