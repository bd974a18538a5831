"""Which of the two APIs serves a request, where the config leaves it open.

https://developers.openai.com/api/docs/guides/migrate-to-responses: the Responses API is recommended;
https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle: Chat Completions serve models of other makers.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ..auth.aws_endpoints import aws_endpoint
from ..schema.errors import InvalidConfig
from ..schema.facts import ModelFacts
from ..schema.request import Settings
from ..schema.tools import ProviderTool, Tool
from ..wire.hosts import host_of
from ..wire.settings_rules import wants_thinking
from .config import WITH_RESPONSES, ApiName, AzureOpenAI, OpenAI
from .models import OpenAIModel, is_openai_name, openai_model

CHAT_PATH = "/chat/completions"
RESPONSES_PATH = "/responses"

INFERENCE_PATH = "/models"
"""The end of an address of Azure AI model inference, which has Chat Completions for models of all makers."""

CHAT_TOOL_TYPES = ("custom", "function")
"""The types of tools that Chat Completions have."""

RESPONSES_MIN_OUTPUT_TOKENS = 16
"""The least ``max_output_tokens`` of the Responses API."""

_MAX_TOOLS = 128
"""Of a request: "Invalid 'tools': array too long. Expected an array with maximum length 128"."""

_OTHER_TOOLS = 2
"""So many may be added to those of the settings: the search, and one that reads long results."""

_AZURE_DOMAINS = (".azure.com", ".azure.us")
_OWN_DOMAINS = (".openai.com", *_AZURE_DOMAINS)
_CHAT_SETTINGS = ("frequency_penalty", "presence_penalty", "seed")
_CHAT_MEMBERS = frozenset(
    {
        "audio",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "modalities",
        "n",
        "prediction",
        "response_format",
        "web_search_options",
    }
)
_RESPONSES_MEMBERS = frozenset(
    {
        "background",
        "context_management",
        "conversation",
        "include",
        "max_tool_calls",
        "previous_response_id",
        "prompt",
        "reasoning",
        "text",
        "truncation",
    }
)


def is_own(base_url: str | None, model: str) -> bool:
    """True if *model* at *base_url* is served as OpenAI documents it: by OpenAI, by Azure, or its own models by AWS.

    Compatible servers may take more or less.
    """
    if base_url is None or f".{host_of(base_url)}".endswith(_OWN_DOMAINS):
        return True
    return aws_endpoint(base_url) is not None and is_openai_name(model)


def _has_responses(base_url: str | None) -> bool:
    """False for Azure's addresses that are not OpenAI's, such as ``https://{name}.{region}.models.ai.azure.com/v1``.

    They have Chat Completions for models of all makers. OpenAI's APIs are below ``/openai``.
    """
    return not host_of(base_url).endswith(_AZURE_DOMAINS) or "/openai" in urlsplit(base_url or "").path


def documented_facts(config: OpenAI | AzureOpenAI) -> ModelFacts:
    """What OpenAI documents about the model of *config*; nothing at a compatible server.

    Histories are compacted, and deferred tools searched, by OpenAI itself, and by Azure at its v1 address.
    """
    if isinstance(config, AzureOpenAI):
        facts = openai_model(config.model or config.deployment).facts
        has_all = config.api_version == "v1" and not _at_inference(config)
    elif is_own(config.base_url, config.model):
        facts = openai_model(config.model).facts
        has_all = _has_responses(config.base_url) and aws_endpoint(config.base_url) is None
    else:
        return ModelFacts()
    # Of the tool search elsewhere nothing is known: it is not used without being asked for.
    return facts if has_all else msgspec.structs.replace(facts, compacts=False, searches_tools=None)


def openai_apis(config: OpenAI) -> tuple[ApiName, ...]:
    """The APIs that requests of *config* may go to, the preferred one first."""
    if config.api != "auto":
        return (config.api,)
    if apis := _by_extras(config.extra_body):
        return apis
    has_both = is_own(config.base_url, config.model) and _has_responses(config.base_url)
    return ("responses", "chat") if has_both else ("chat",)


def azure_apis(config: AzureOpenAI) -> tuple[ApiName, ...]:
    """Likewise for Azure.

    Raises:
        InvalidConfig: *config* asks for the Responses API where there is none.
    """
    if _at_inference(config) and config.api == "responses":
        raise InvalidConfig("provider.api", "an endpoint that ends in /models has Chat Completions only; give 'chat'")
    if config.api != "auto":
        return (config.api,)
    if _at_inference(config) or config.api_version < WITH_RESPONSES:
        return ("chat",)
    if apis := _by_extras(config.extra_body):
        return apis
    if config.api_version != "v1":
        return "chat", "responses"
    of_another_maker = config.model not in ("", config.deployment) and not is_openai_name(config.model)
    return ("chat",) if of_another_maker else ("responses", "chat")


def _at_inference(config: AzureOpenAI) -> bool:
    return (config.endpoint or "").rstrip("/").endswith(INFERENCE_PATH)


def _by_extras(extra: Mapping[str, Any] | None) -> tuple[ApiName, ...]:
    """The API that alone has a member of *extra*."""
    members = frozenset(extra or ())
    if members & _CHAT_MEMBERS:
        return ("chat",)
    return ("responses",) if members & _RESPONSES_MEMBERS else ()


def api_for(settings: Settings, apis: tuple[ApiName, ...], model: OpenAIModel, facts: ModelFacts) -> ApiName:
    """The first of *apis* that has everything in *settings* for a *model* with *facts*; else the preferred one."""
    preferred, *others = apis
    if not others or not (model.chat and model.responses):
        return preferred if not others else "chat" if model.chat else "responses"
    if _needs_chat(settings):
        return "chat"
    if preferred == "responses" or (takes_chat_tools(settings, model, facts) and not _needs_responses(settings)):
        return preferred
    return "responses"


def tool_search(config: OpenAI | AzureOpenAI, settings: Settings) -> ProviderTool | None:
    """The tool by which OpenAI finds deferred tools, where its Responses API serves requests of *config*.

    https://developers.openai.com/api/docs/guides/tools-tool-search. Whether deferred ones count for the limit to the
    number of tools is not documented: it is not put to the test.
    """
    if not config.facts.searches_tools or len(settings.tools) + _OTHER_TOOLS > _MAX_TOOLS:
        return None
    if isinstance(config, AzureOpenAI):
        apis, model = azure_apis(config), openai_model(config.model or config.deployment)
    else:
        apis, model = openai_apis(config), openai_model(config.model)
    if api_for(settings, apis, model, config.facts) != "responses":
        return None
    return ProviderTool(provider=config.name, definition={"type": "tool_search"})


def _needs_chat(settings: Settings) -> bool:
    """True if only Chat Completions have something that *settings* ask for."""
    limit = settings.max_output_tokens
    return (
        bool(settings.stop_sequences)
        or any(getattr(settings, name) is not None for name in _CHAT_SETTINGS)
        or (limit is not None and limit < RESPONSES_MIN_OUTPUT_TOKENS)
    )


def _needs_responses(settings: Settings) -> bool:
    """True if *settings* have tools that only the Responses API has."""
    return any(
        tool.deferred if isinstance(tool, Tool) else tool.definition.get("type") not in CHAT_TOOL_TYPES
        for tool in settings.tools
    )


def takes_chat_tools(settings: Settings, model: OpenAIModel, facts: ModelFacts) -> bool:
    """True if Chat Completions accept the tools and the effort of *settings* for *model*."""
    if settings.thinking is not None and settings.thinking.effort == "max":
        return False
    match model.chat_tools if settings.tools else "always":
        case "always":
            return True
        case "without_thinking":
            return not wants_thinking(settings, facts)
        case "never":
            return False
