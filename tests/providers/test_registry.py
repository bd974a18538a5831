"""Opening clients: which configs are rejected, and the error without the vendor's SDK."""

import asyncio
import subprocess
import sys

import pytest

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.google.config import Google
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.errors import InvalidConfig

KEY = "sk-this-one-is-secret"
CONFIGS = {
    "anthropic": Anthropic(model="m", api_key=KEY),
    "openai": OpenAI(model="m", api_key=KEY),
    "azureopenai": AzureOpenAI(deployment="m", api_key=KEY, endpoint="https://x.example"),
    "bedrock": Bedrock(model="m", region="us-east-1", bearer_token=KEY),
    "cohere": Cohere(model="m", api_key=KEY),
    "google": Google(model="m", api_key=KEY),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))
def test_a_client_has_its_provider_s_name_and_opens_without_an_event_loop(config: ProviderConfig) -> None:
    client = open_client(config)

    assert client.provider == config.name
    asyncio.run(client.aclose())


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (Anthropic(model="m", api_key=KEY, base_url="x.example/v1"), "provider.base_url"),
        (Anthropic(model="m", api_key=KEY, base_url="ftp://x.example"), "provider.base_url"),
        (OpenAI(model="m", api_key=KEY, base_url="https://"), "provider.base_url"),
        (OpenAI(model="m", api_key=KEY, base_url="https://x.example:port"), "provider.base_url"),
        (OpenAI(model="m", api_key="sk-with…dots"), "provider.api_key"),
        (OpenAI(model="m", api_key="sk-in\ntwo"), "provider.api_key"),
        (Cohere(model="m", api_key="sk-in\ntwo"), "provider.api_key"),
        (Cohere(model="m", api_key=KEY, base_url="x.example"), "provider.base_url"),
        (Google(model="m", api_key="sk-in\ntwo"), "provider.api_key"),
        (Google(model="m", api_key=KEY, base_url="x.example"), "provider.base_url"),
        (Google(model="m", project="p", credentials='{"type":"sk-other"}'), "provider.credentials"),
        (Google(model="m", project="p", credentials='{"type":"service_account"}'), "provider.credentials"),
        (AzureOpenAI(deployment="m", api_key=KEY, endpoint="[::1"), "provider.endpoint"),
        (AzureOpenAI(deployment="m", ad_token="ü", endpoint="https://x.example"), "provider.ad_token"),
    ],
)
def test_a_config_that_no_request_can_be_made_with_is_an_error_that_names_the_field(
    config: ProviderConfig, field: str
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        open_client(config)

    assert raised.value.field == field
    assert "sk-" not in str(raised.value)


@pytest.mark.parametrize(
    ("provider", "absent", "extra"),
    [
        ("anthropic", "anthropic", "anthropic"),
        ("openai", "openai", "openai"),
        ("openai", "aiohttp", "openai"),
        ("azureopenai", "openai", "openai"),
        ("bedrock", "botocore", "bedrock"),
        ("bedrock", "aiohttp", "bedrock"),
        ("google", "google.genai", "google"),
        ("google", "aiohttp", "google"),
        ("cohere", "cohere", "cohere"),
        ("cohere", "httpx_aiohttp", "cohere"),
    ],
)
def test_without_its_sdk_the_error_names_the_extra_to_install(provider: str, absent: str, extra: str) -> None:
    program = f"""
import sys
sys.modules[{absent!r}] = None  # as if it were not installed
from rayconteur import *
from rayconteur.providers.schema.errors import MissingExtra
from rayconteur.providers.registry import open_client
try:
    open_client({CONFIGS[provider]!r})
except MissingExtra as error:
    print(error.provider, error.extra, error.__cause__)
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [provider, extra, "None"]
