"""Opening clients: which configs are rejected, and the error without the vendor's SDK."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fixtures.clients import EACH_PROVIDER
from fixtures.clients import Config as ConfigAt

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.google.config import Google
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.registry import PROVIDERS, ProviderConfig, open_client
from rayconteur.providers.schema.errors import ConfigError, InvalidConfig, MissingKey

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
        (lambda: Anthropic(model="m", api_key=KEY, base_url="x.example/v1"), "provider.base_url"),
        (lambda: Anthropic(model="m", api_key=KEY, base_url="ftp://x.example"), "provider.base_url"),
        (lambda: OpenAI(model="m", api_key=KEY, base_url="https://"), "provider.base_url"),
        (lambda: OpenAI(model="m", api_key=KEY, base_url="https://x.example:port"), "provider.base_url"),
        (lambda: OpenAI(model="m", api_key="sk-with…dots"), "provider.api_key"),
        (lambda: OpenAI(model="m", api_key="sk-in\ntwo"), "provider.api_key"),
        (lambda: Cohere(model="m", api_key="sk-in\ntwo"), "provider.api_key"),
        (lambda: Cohere(model="m", api_key=KEY, base_url="x.example"), "provider.base_url"),
        (lambda: Google(model="m", api_key="sk-in\ntwo"), "provider.api_key"),
        (lambda: Google(model="m", api_key=KEY, base_url="x.example"), "provider.base_url"),
        (lambda: Google(model="m", project="p", credentials='{"type":"sk-other"}'), "provider.credentials"),
        (lambda: Google(model="m", project="p", credentials='{"type":"service_account"}'), "provider.credentials"),
        (lambda: AzureOpenAI(deployment="m", api_key=KEY, endpoint="[::1"), "provider.endpoint"),
        (lambda: AzureOpenAI(deployment="m", ad_token="ü", endpoint="https://x.example"), "provider.ad_token"),
    ],
)
def test_a_config_that_no_request_can_be_made_with_is_an_error_that_names_the_field(
    config: Callable[[], ProviderConfig], field: str
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        open_client(config())

    assert raised.value.field == field
    assert "sk-" not in str(raised.value)


@pytest.mark.parametrize(
    ("provider", "absent", "extra"),
    [
        ("anthropic", "anthropic", "anthropic"),
        ("openai", "openai", "openai"),
        ("azureopenai", "openai", "openai"),
        ("bedrock", "botocore", "bedrock"),
        ("google", "google.genai", "google"),
        ("cohere", "cohere", "cohere"),
        ("cohere", "httpx", "cohere"),
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


class _Recorded(dict[str, str]):
    """An environment without variables that records which ones are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[str] = set()

    def get(self, name: str, default: object = None) -> Any:
        self.read.add(name)
        return default


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name not in ("google", "bedrock", "azureopenai")])
def test_a_provider_lists_the_variables_that_its_config_reads(name: str) -> None:
    environ = _Recorded()

    with suppress(MissingKey):
        PROVIDERS[name].config(model="m").resolved(environ)

    assert environ.read <= set(PROVIDERS[name].environment)


@pytest.mark.parametrize(
    "config",
    [
        Google(model="m"),
        Google(model="m", vertex=True),
        Bedrock(model="m"),
        AzureOpenAI(deployment="m", resource="us"),
        AzureOpenAI(deployment="m", endpoint="https://us.example"),
        Anthropic(model="m", base_url="https://us.services.ai.azure.com/anthropic"),
        Anthropic(model="m", base_url="https://bedrock-mantle.us-east-1.api.aws/anthropic"),
    ],
)
def test_each_variable_that_a_config_reads_is_listed(config: ProviderConfig) -> None:
    environ = _Recorded()

    with suppress(ConfigError):
        config.resolved(environ)

    assert environ.read
    assert environ.read <= {variable for provider in PROVIDERS.values() for variable in provider.environment}


def test_the_registry_has_every_vendor_package(root: Path) -> None:
    packages = {entry.parent.name for entry in root.glob("providers/*/provider.py")} - {"schema"}

    assert {provider.config.__module__.split(".")[2] for provider in PROVIDERS.values()} == packages


@EACH_PROVIDER
@pytest.mark.parametrize("value", ["é", "€", "\ud800", "a\nb", "a\0"])
def test_a_header_that_cannot_be_sent_is_named(config: ConfigAt, stream: bytes, value: str) -> None:
    del stream
    with pytest.raises(InvalidConfig) as raised:
        open_client(config("http://127.0.0.1:1", extra_headers={"X-Team": value}))

    assert raised.value.field == "provider.extra_headers['X-Team']"


@EACH_PROVIDER
def test_a_lone_surrogate_anywhere_in_a_config_is_an_invalid_config(config: ConfigAt, stream: bytes) -> None:
    del stream
    with pytest.raises(InvalidConfig):
        open_client(config("http://127.0.0.1:1", extra_body={"team": "\ud800"}))
