"""Which of OpenAI's two APIs a request goes to."""

import asyncio
from typing import Any

import msgspec
import pytest
from builders.messages import user
from fixtures.clients import CHAT, HI, KEY, RESPONSES, client_and_server, collect_deltas
from servers.loopback import Exchange, answers

from rayconteur.providers.openai.api_choice import api_for, azure_apis, openai_apis
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.openai.models import openai_model
from rayconteur.providers.registry import ProviderConfig
from rayconteur.providers.schema.content import Document
from rayconteur.providers.schema.errors import InvalidConfig, UnsupportedContent
from rayconteur.providers.schema.request import Reasoning, Request, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool

AWS = "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1"
FOUNDRY = "https://x.services.ai.azure.com"
FLY = Tool(name="fly")
WEB = ProviderTool(provider="azureopenai", definition={"type": "web_search"})
UNTHINKING = Reasoning(effort="none")


def openai_api(model: str, settings: Settings, **fields: Any) -> str:
    """The API for *settings*."""
    config = OpenAI(model=model, api_key=KEY, **fields)
    known = openai_model(model)
    return api_for(settings, openai_apis(config), known, known.facts)


def azure_api(settings: Settings, **fields: Any) -> str:
    """Likewise at Azure."""
    given = {"deployment": "prod", "endpoint": "https://x.openai.azure.com", **fields}
    config = msgspec.convert({"provider": "azureopenai", **given}, AzureOpenAI)
    known = openai_model(config.model)
    return api_for(settings, azure_apis(config), known, known.facts)


@pytest.mark.parametrize(
    ("model", "settings", "fields", "api"),
    [
        ("gpt-6-luna", Settings(), {}, "responses"),
        ("gpt-6-luna", Settings(tools=(FLY,)), {}, "responses"),
        ("gpt-4o", Settings(), {}, "responses"),
        ("gpt-4o", Settings(stop_sequences=("END",)), {}, "chat"),
        ("gpt-4o", Settings(presence_penalty=0.5), {}, "chat"),
        ("gpt-6-luna", Settings(seed=7), {}, "chat"),
        ("gpt-5-pro", Settings(seed=7), {}, "responses"),
        ("gpt-audio", Settings(), {}, "chat"),
        ("gpt-4o", Settings(), {"extra_body": {"logit_bias": {"7": -100}}}, "chat"),
        ("gpt-4o", Settings(stop_sequences=("END",)), {"extra_body": {"truncation": "auto"}}, "responses"),
        ("gpt-4o", Settings(), {"api": "chat"}, "chat"),
        ("gpt-4o", Settings(seed=7), {"api": "responses"}, "responses"),
        ("gpt-6-luna", Settings(), {"base_url": "https://eu.api.openai.com/v1"}, "responses"),
        ("gpt-6-luna", Settings(tools=(FLY,)), {"base_url": "http://localhost:8000/v1"}, "chat"),
        ("us.openai.gpt-6-sol", Settings(), {"base_url": AWS}, "responses"),
        ("openai.gpt-oss-120b-1:0", Settings(), {"base_url": AWS}, "chat"),
        ("gpt-4o", Settings(max_output_tokens=15), {}, "chat"),
        ("gpt-4o", Settings(max_output_tokens=16), {}, "responses"),
        ("prod", Settings(), {"base_url": "https://x.openai.azure.com/openai/v1"}, "responses"),
        ("prod", Settings(), {"base_url": f"{FOUNDRY}/api/projects/p/openai/v1"}, "responses"),
        ("Llama-3.3-70B-Instruct", Settings(), {"base_url": "https://x.eastus2.models.ai.azure.com/v1"}, "chat"),
        ("gpt-4o", Settings(), {"base_url": f"{FOUNDRY}/models"}, "chat"),
    ],
)
def test_openai_is_sent_responses_unless_a_setting_calls_for_chat(
    model: str, settings: Settings, fields: dict[str, Any], api: str
) -> None:
    assert openai_api(model, settings, **fields) == api


@pytest.mark.parametrize(
    ("settings", "fields", "api"),
    [
        (Settings(), {}, "responses"),
        (Settings(stop_sequences=("END",)), {"model": "gpt-4.1"}, "chat"),
        (Settings(), {"model": "DeepSeek-V3.2"}, "chat"),
        (Settings(), {"endpoint": "https://x.services.ai.azure.com/models/"}, "chat"),
        (Settings(), {"api_version": "2024-10-21", "model": "gpt-6-luna"}, "chat"),
        (Settings(tools=(FLY,)), {"api_version": "2025-04-01-preview", "model": "gpt-5"}, "chat"),
        (Settings(tools=(FLY,)), {"api_version": "2025-04-01-preview", "model": "gpt-6-luna"}, "responses"),
        (
            Settings(tools=(FLY,), thinking=UNTHINKING),
            {"api_version": "2025-04-01-preview", "model": "gpt-6-luna"},
            "chat",
        ),
        (
            Settings(thinking=Reasoning(effort="max")),
            {"api_version": "2025-04-01-preview", "model": "gpt-6-luna"},
            "responses",
        ),
        (Settings(), {"api_version": "2025-04-01-preview", "model": "gpt-5-pro"}, "responses"),
        (Settings(tools=(WEB,)), {"api_version": "2025-04-01-preview", "model": "gpt-4.1"}, "responses"),
    ],
)
def test_azure_is_sent_what_the_version_and_the_model_call_for(
    settings: Settings, fields: dict[str, Any], api: str
) -> None:
    assert azure_api(settings, **fields) == api


def test_the_inference_endpoint_has_no_responses() -> None:
    config = AzureOpenAI(deployment="grok", endpoint="https://x.services.ai.azure.com/models", api="responses")

    with pytest.raises(InvalidConfig) as raised:
        azure_apis(config)

    assert raised.value.field == "provider.api"


def test_media_that_only_the_preferred_api_takes_are_an_error_on_the_other() -> None:
    report = Document(data=b"doc", media_type="application/msword", name="report.doc")
    message = user(report)

    def config_at(url: str) -> ProviderConfig:
        return AzureOpenAI(deployment="prod", model="gpt-4.1", api_key=KEY, endpoint=url)

    async def main() -> None:
        async with client_and_server(config_at, answers(CHAT)) as (client, server):
            client.check_content(message.content)
            with pytest.raises(UnsupportedContent, match="application/msword"):
                await collect_deltas(client, Request(1, (message,), Settings(seed=7)))
            await collect_deltas(client, Request(2, (message, HI), Settings(seed=7)))
            assert len(server.received) == 1

    asyncio.run(main())


def test_requests_of_one_client_go_to_the_api_that_each_calls_for() -> None:
    with_seed = Request(1, (HI,), Settings(seed=7))
    without = Request(1, (HI,), Settings())

    def config_at(url: str) -> ProviderConfig:
        return AzureOpenAI(deployment="prod", model="gpt-6-luna", api_key=KEY, endpoint=url)

    async def respond(exchange: Exchange) -> None:
        await exchange.send_answer(RESPONSES if exchange.request.target.endswith("/responses") else CHAT)

    async def main() -> list[str]:
        async with client_and_server(config_at, respond) as (client, server):
            for request in (without, without, without, with_seed, with_seed, with_seed, without, with_seed):
                await collect_deltas(client, request)
            return [received.target.rpartition("/v1/")[2] for received in server.received]

    assert asyncio.run(main()) == [
        *["responses"] * 3,
        *["chat/completions"] * 3,
        "responses",
        "chat/completions",
    ]
