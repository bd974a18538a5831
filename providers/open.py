"""From a config to its client."""

from typing import assert_never

from .client import Client
from .configs import Anthropic, AzureOpenAI, Bedrock, Cohere, Google, OpenAI, ProviderConfig, Scripted


def open_client(config: ProviderConfig) -> Client:
    """The client that *config*, resolved, describes. Here, and only here, a provider's SDK is imported.

    Raises:
        MissingExtra: the SDK is not installed.
    """
    match config:
        case Scripted():
            from .scripted import ScriptedClient

            return ScriptedClient(config)
        case Anthropic():
            from .anthropic import AnthropicClient

            return AnthropicClient(config)
        case OpenAI():
            from .openai import openai_client

            return openai_client(config)
        case AzureOpenAI():
            from .azure import azure_client

            return azure_client(config)
        case Google():
            from .google import GoogleClient

            return GoogleClient(config)
        case Cohere():
            from .cohere import CohereClient

            return CohereClient(config)
        case Bedrock():
            from .bedrock import BedrockClient

            return BedrockClient(config)
        case _:
            assert_never(config)
