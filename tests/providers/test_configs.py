"""How configs are resolved with the environment, which are rejected, and that their secrets are never shown."""

import pickle
from io import StringIO
from typing import ClassVar, get_args

import msgspec
import pytest
from rich.console import Console
from rich.pretty import pretty_repr

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.google.config import Google
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.registry import PROVIDERS, ProviderConfig
from rayconteur.providers.schema.config import HTTPConfig
from rayconteur.providers.schema.errors import ConfigError, InvalidConfig, MissingKey
from rayconteur.providers.scripted.config import Scripted
from rayconteur.providers.scripted.script import Call, Fail, Say, Script

SECRET = "sk-nevermore"

CONFIGS: list[ProviderConfig] = [
    Scripted(script=Script(answers=((Say("Caw"), Call("fly", {"to": "oak"}), Fail()),), tokens_per_s=50.0)),
    Anthropic(model="claude-sonnet-4-5", api_key=SECRET),
    OpenAI(model="gpt-5", api_key=SECRET, organization="rookery", base_url="http://127.0.0.1:8000/v1", api="responses"),
    AzureOpenAI(deployment="raven", resource="rookery", api_key=SECRET),
    AzureOpenAI(deployment="raven", endpoint="https://rookery.example.com", ad_token=SECRET, model="gpt-5"),
    Bedrock(model="us.anthropic.claude-sonnet-4-5", region="us-east-1", bearer_token=SECRET),
    Cohere(model="command-a-03-2025", api_key=SECRET),
    Google(model="gemini-3-flash", api_key=SECRET),
    Google(model="gemini-3-flash", project="rookery", location="europe-west4", credentials=f'{{"type":"{SECRET}"}}'),
]


class Holder(msgspec.Struct):
    provider: ProviderConfig


def rich_print(value: object) -> str:
    """What rich prints for *value*."""
    out = StringIO()
    Console(file=out, width=1000).print(value, {"nested": [value]})
    return out.getvalue()


@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_is_shown_without_its_secrets(config: ProviderConfig) -> None:
    shown = [
        repr(config),
        str(config),
        f"{config}",
        repr(Holder(config)),
        pretty_repr(Holder(config)),
        rich_print(config),
    ]

    assert SECRET not in "".join(shown)
    assert ("***" in repr(config)) is bool(config.secrets)


class _Gateway(HTTPConfig, frozen=True, kw_only=True):
    """A config as a plug-in may have it: it lists its own secrets only."""

    secrets: ClassVar[tuple[str, ...]] = ("token",)

    token: str | None = None


def test_secrets_of_a_base_class_stay_secret_in_a_config_that_lists_its_own() -> None:
    config = _Gateway(model="raven", token=SECRET, extra_headers={"x-key": SECRET})

    assert repr(config) == "_Gateway(model='raven', extra_headers='***', token='***')"
    assert config.public() == _Gateway(model="raven")


@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_shows_the_fields_that_are_given_and_no_others(config: ProviderConfig) -> None:
    fields = msgspec.structs.fields(config)
    given = [field.name for field in fields if getattr(config, field.name) != field.default]

    assert [name for name, _ in config.__rich_repr__()] == given
    assert all(f"{name}=" in repr(config) for name in given)


@pytest.mark.parametrize("config", CONFIGS)
def test_the_public_config_has_everything_but_the_secrets(config: ProviderConfig) -> None:
    public = config.public()

    assert SECRET.encode() not in msgspec.json.encode(public) + msgspec.msgpack.encode(public) + pickle.dumps(public)
    for field in config.__struct_fields__:
        assert getattr(public, field) == (None if field in config.secret_fields() else getattr(config, field))


def test_an_address_with_a_password_that_is_not_escaped_is_rejected_and_not_shown() -> None:
    with pytest.raises(InvalidConfig, match=r"^provider\.base_url") as raised:
        Anthropic(model="m", base_url=f"https://user:a/{SECRET}@h/v1")

    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        (f"https://user:{SECRET}@h:8000/v1?key={SECRET}", "https://***@h:8000/v1?***"),
        (f"https://{SECRET}@h/v1#{SECRET}", "https://***@h/v1?***"),
        (f"https://h?{SECRET}", "https://h?***"),
        ("http://h:8000/v1/a@b", "http://h:8000/v1/a@b"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_passwords_and_keys_in_an_address_are_neither_shown_nor_published(address: str, masked: str) -> None:
    configs = [
        Anthropic(model="m", base_url=address),
        OpenAI(model="m", base_url=address),
        AzureOpenAI(deployment="m", endpoint=address),
        Google(model="m", base_url=address),
        Bedrock(model="m", endpoint_url=address),
    ]
    for config in configs:
        shown = [repr(config), repr(config.public()), rich_print(config), str(msgspec.json.encode(config.public()))]

        assert SECRET not in "".join(shown)
        assert all(masked in each for each in shown)
        assert config.public().public() == config.public()
        assert address in msgspec.json.encode(config).decode()  # what requests go to


@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_survives_pickling(config: ProviderConfig) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=ProviderConfig) == config
    assert msgspec.json.decode(msgspec.json.encode(config), type=ProviderConfig) == config
    assert pickle.loads(pickle.dumps(config)) == config


def test_every_provider_has_its_own_name() -> None:
    assert {config.name for config in CONFIGS} == set(PROVIDERS)
    assert {type(config) for config in CONFIGS} == set(get_args(ProviderConfig))


def test_a_config_stored_by_an_earlier_version_can_be_read() -> None:
    stored = b'{"provider":"azureopenai","deployment":"raven","resource":"rookery","idle_timeout_s":30.0}'

    assert msgspec.json.decode(stored, type=ProviderConfig) == AzureOpenAI(
        deployment="raven", resource="rookery", idle_timeout_s=30.0
    )


@pytest.mark.parametrize(
    ("config", "variable"),
    [
        (Anthropic(model="m"), "ANTHROPIC_API_KEY"),
        (OpenAI(model="m"), "OPENAI_API_KEY"),
        (Cohere(model="m"), "CO_API_KEY"),
        (AzureOpenAI(deployment="d", resource="r"), "AZURE_OPENAI_API_KEY"),
    ],
)
def test_the_key_is_read_from_its_variable_unless_configured(
    config: Anthropic | OpenAI | Cohere | AzureOpenAI, variable: str
) -> None:
    configured = msgspec.structs.replace(config, api_key="configured")

    assert config.resolved({variable: SECRET}).api_key == SECRET
    assert configured.resolved({variable: SECRET}).api_key == "configured"
    assert configured.resolved({}).api_key == "configured"


@pytest.mark.parametrize("environ", [{}, {"ANTHROPIC_API_KEY": ""}, {"ANTHROPIC_API_KEY": " \n"}])
def test_a_missing_key_is_named_with_its_variable(environ: dict[str, str]) -> None:
    with pytest.raises(MissingKey) as caught:
        Anthropic(model="m").resolved(environ)

    assert (caught.value.provider, caught.value.field, caught.value.variable) == (
        "anthropic",
        "api_key",
        "ANTHROPIC_API_KEY",
    )


def test_the_base_url_is_read_from_its_variable_unless_configured() -> None:
    environ = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": "http://rookery/v1"}

    assert OpenAI(model="m").resolved(environ).base_url == "http://rookery/v1"
    assert OpenAI(model="m", base_url="http://oak/v1").resolved(environ).base_url == "http://oak/v1"


def test_an_azure_resource_is_a_host_and_the_model_defaults_to_the_deployment() -> None:
    config = AzureOpenAI(deployment="raven", resource="rookery", api_key=SECRET).resolved({})

    assert (config.endpoint, config.model) == ("https://rookery.openai.azure.com", "raven")
    assert config.resolved({}) == config


@pytest.mark.parametrize(
    ("environ", "key", "token"),
    [
        ({"AZURE_OPENAI_API_KEY": "k"}, "k", None),
        ({"AZURE_OPENAI_AD_TOKEN": "t"}, None, "t"),
        ({"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_AD_TOKEN": "t"}, None, "t"),
        ({"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_AD_TOKEN": " "}, "k", None),
    ],
)
def test_azure_takes_exactly_one_credential(environ: dict[str, str], key: str | None, token: str | None) -> None:
    config = AzureOpenAI(deployment="d").resolved({"AZURE_OPENAI_ENDPOINT": "https://rookery", **environ})

    assert (config.api_key, config.ad_token, config.endpoint) == (key, token, "https://rookery")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"deployment": ""}, "provider.deployment"),
        ({"deployment": "d", "resource": "r", "endpoint": "https://e"}, "provider.resource"),
        ({"deployment": "d", "resource": "https://r.openai.azure.com"}, "provider.resource"),
        ({"deployment": "d", "api_key": SECRET, "ad_token": SECRET}, "provider.api_key"),
        ({"deployment": "d", "api_key": SECRET}, "provider.endpoint"),
        ({"deployment": "d", "api_key": SECRET, "ad_token_provider": "m:f"}, "provider.api_key"),
        ({"deployment": "d", "ad_token_provider": "a function"}, "provider.ad_token_provider"),
        ({"deployment": "d", "api_version": "latest"}, "provider.api_version"),
        ({"deployment": "d", "api": "responses", "api_version": "2024-10-21"}, "provider.api_version"),
        ({"deployment": "d", "api": "assistants"}, "provider.api"),
    ],
)
def test_an_invalid_azure_config_is_an_error_that_names_the_field(fields: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        AzureOpenAI(**fields).resolved({})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    assert caught.value.field == field
    assert SECRET not in f"{caught.value!r} {caught.value}"


def test_azure_needs_no_key_if_a_function_provides_tokens() -> None:
    unresolved = AzureOpenAI(deployment="d", resource="r", ad_token_provider="tokens:entra")

    config = unresolved.resolved({"AZURE_OPENAI_API_KEY": SECRET, "AZURE_OPENAI_AD_TOKEN": SECRET})

    assert (config.api_key, config.ad_token, config.ad_token_provider) == (None, None, "tokens:entra")


def test_openai_has_two_apis() -> None:
    with pytest.raises(InvalidConfig, match="auto, chat, responses") as caught:
        OpenAI(model="m", api="assistants")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    assert caught.value.field == "provider.api"


@pytest.mark.parametrize("config", [Anthropic, OpenAI, Scripted])
def test_a_config_without_a_model_is_rejected(config: type[Anthropic | OpenAI | Scripted]) -> None:
    with pytest.raises(ConfigError, match=r"provider\.model"):
        config(model="")
