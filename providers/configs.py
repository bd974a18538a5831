"""The configs of all providers. Configs cross processes; the clients made from them don't."""

from typing import Literal

from .anthropic.config import Anthropic
from .bedrock.config import Bedrock
from .cohere.config import Cohere
from .google.config import Google
from .openai.config import AzureOpenAI, OpenAI
from .scripted.config import Scripted

ProviderConfig = Scripted | Anthropic | OpenAI | AzureOpenAI | Google | Cohere | Bedrock
ProviderName = Literal["scripted", "anthropic", "openai", "azureopenai", "google", "cohere", "bedrock"]
