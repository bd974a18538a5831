"""Configs made from the names of models."""

from typing import Any, cast

import pytest

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.google.config import Google
from rayconteur.providers.model_names import model
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.registry import ALIASES, PROVIDERS, ProviderConfig
from rayconteur.providers.schema.errors import InvalidConfig, UnknownProvider
from rayconteur.providers.scripted.config import Scripted


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("anthropic:claude-sonnet-4-5", Anthropic(model="claude-sonnet-4-5")),
        ("openai:gpt-4o", OpenAI(model="gpt-4o")),
        ("openai:llama3:8b", OpenAI(model="llama3:8b")),
        ("azure:mine", AzureOpenAI(deployment="mine")),
        ("azureopenai:mine", AzureOpenAI(deployment="mine")),
        ("google:gemini-3-flash", Google(model="gemini-3-flash")),
        ("gemini:gemini-3-flash", Google(model="gemini-3-flash")),
        ("scripted", Scripted()),
        ("scripted:raven", Scripted(model="raven")),
    ],
)
def test_a_model_name_is_a_provider_and_its_model(name: str, config: ProviderConfig) -> None:
    assert model(name) == config


def test_every_provider_and_alias_can_be_named() -> None:
    assert {model(f"{provider}:any").name for provider in PROVIDERS} == set(PROVIDERS)
    assert set(ALIASES.values()) <= set(PROVIDERS)


def test_fields_of_the_config_can_be_set() -> None:
    assert model("openai:qwen3", base_url="http://localhost:11434/v1") == OpenAI(
        model="qwen3", base_url="http://localhost:11434/v1"
    )


@pytest.mark.parametrize("name", ["gpt-4o", "", ":gpt-4o", "delphi:oracle"])
def test_an_unknown_provider_is_an_error_that_lists_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownProvider, match=", ".join(PROVIDERS)):
        model(name)


@pytest.mark.parametrize("name", ["anthropic", "anthropic:", "azure:"])
def test_a_name_without_a_model_is_rejected(name: str) -> None:
    with pytest.raises(InvalidConfig, match="names no model"):
        model(name)


@pytest.mark.parametrize("name", [None, 7, Scripted()])
def test_what_is_no_name_is_rejected(name: object) -> None:
    with pytest.raises(InvalidConfig, match="give a name such as"):
        model(cast(Any, name))


@pytest.mark.parametrize(("name", "field"), [("openai:m", "model"), ("azure:m", "deployment")])
def test_the_model_is_given_once(name: str, field: str) -> None:
    with pytest.raises(InvalidConfig, match="give the model once") as raised:
        model(name, **{field: "n"})

    assert raised.value.field == f"provider.{field}"


def test_a_key_given_for_a_name_is_not_repeated() -> None:
    with pytest.raises(UnknownProvider) as raised:
        model("sk-ant-nevermore")

    assert "sk-" not in str(raised.value)


def test_an_unknown_field_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(InvalidConfig, match=r"provider\.api_kee: .*api_key") as raised:
        model("openai:gpt-4o", api_kee="x")

    assert raised.value.field == "provider.api_kee"
