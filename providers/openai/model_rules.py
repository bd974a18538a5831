"""What OpenAI's and Azure's own servers refuse of a model's requests, checked before anything is sent.

The sources are those of ``models``. Compatible servers decide for themselves.
"""

from dataclasses import replace

import msgspec

from ..schema.checks.shown import short_name, shown
from ..schema.errors import InvalidConfig
from ..schema.request import Settings
from ..schema.tools import ProviderTool, Tool
from ..wire.settings_rules import SettingsRules
from .api_choice import CHAT_TOOL_TYPES, takes_chat_tools
from .dialect import Dialect

_PENALTIES = ("frequency_penalty", "presence_penalty")
_USER_CHARS = 128
_METADATA_PAIRS, _METADATA_KEY_CHARS, _METADATA_VALUE_CHARS = 16, 64, 512


def check_settings(settings: Settings, dialect: Dialect, rules: SettingsRules) -> None:
    """Reject what *rules* or, at OpenAI's own servers, the model of *dialect* refuse.

    Raises:
        InvalidConfig: the field is named.
    """
    rules = replace(rules, provider=dialect.provider)
    if not dialect.own:
        rules.check(settings, dialect.model, dialect.known)
        return
    _check_api(dialect)
    _check_model(settings, dialect)
    rules.check(_without_neutral(settings, dialect), dialect.model, dialect.known)
    _check_labels(settings)
    _check_custom_form(settings, dialect.api)
    if dialect.api == "chat":
        _check_chat(settings, dialect)
    else:
        _check_responses(settings, dialect)


def _without_neutral(settings: Settings, dialect: Dialect) -> Settings:
    """*settings* without sampling settings of 1: "Only the default (1) value is supported" of all models."""
    neutral = {name: None for name in ("temperature", "top_p") if getattr(settings, name) == 1}
    if not neutral or dialect.known.takes_sampling in (None, True):
        return settings
    return msgspec.structs.replace(settings, **neutral)


def _check_api(dialect: Dialect) -> None:
    if dialect.api == "chat" and not dialect.documented.chat:
        raise InvalidConfig(
            "provider.api", f"Chat Completions do not serve {short_name(dialect.model)}; give 'responses' or 'auto'"
        )
    if dialect.api == "responses" and not dialect.documented.responses:
        raise InvalidConfig(
            "provider.api", f"the Responses API does not serve {short_name(dialect.model)}; give 'chat' or 'auto'"
        )


def _check_model(settings: Settings, dialect: Dialect) -> None:
    """What the model refuses on either API."""
    name, model = short_name(dialect.model), dialect.documented
    if not model.takes_stop:
        if settings.stop_sequences:
            raise InvalidConfig(
                "stop_sequences", f"{name} rejects them; remove them, or say in the prompt where to end"
            )
        for penalty in _PENALTIES:
            if getattr(settings, penalty):
                raise InvalidConfig(penalty, f"{name} rejects penalties; remove it, and steer it by the prompt")
    if settings.verbosity is not None and settings.verbosity not in model.verbosities:
        raise InvalidConfig(
            "verbosity", f"{name} takes {', '.join(model.verbosities)}; remove it, and ask in the prompt"
        )
    if settings.prompt_cache_ttl is not None:
        if not model.has_cache_options:
            raise InvalidConfig("prompt_cache_ttl", f"{name} has none, GPT-5.6 and later have; leave it out")
        if settings.prompt_cache_ttl not in _CACHE_TTLS[dialect.api]:
            raise InvalidConfig(
                "prompt_cache_ttl", f"{_API_NAMES[dialect.api]} {' or '.join(_CACHE_TTLS[dialect.api])}"
            )


_CACHE_TTLS = {"chat": ("30m",), "responses": ("30m", "12h")}
_API_NAMES = {"chat": "Chat Completions take", "responses": "the Responses API takes"}


def _check_labels(settings: Settings) -> None:
    """https://developers.openai.com/api/docs/api-reference/responses/create: ``metadata`` and ``safety_identifier``."""
    if settings.user is not None and len(settings.user) > _USER_CHARS:
        raise InvalidConfig("user", f"OpenAI takes up to {_USER_CHARS} characters; give a hash")
    labels = settings.metadata or {}
    if len(labels) > _METADATA_PAIRS:
        raise InvalidConfig("metadata", f"OpenAI takes up to {_METADATA_PAIRS} pairs")
    if any(len(key) > _METADATA_KEY_CHARS or len(value) > _METADATA_VALUE_CHARS for key, value in labels.items()):
        raise InvalidConfig(
            "metadata",
            f"OpenAI takes keys of up to {_METADATA_KEY_CHARS} and values of up to {_METADATA_VALUE_CHARS} characters",
        )


def _check_custom_form(settings: Settings, api: str) -> None:
    """Custom tools have a member more on Chat Completions, which have none of the hosted tools."""
    for number, tool in enumerate(settings.tools):
        if not isinstance(tool, ProviderTool):
            continue
        kind, is_nested = tool.definition.get("type"), "custom" in tool.definition
        if api == "chat" and kind not in CHAT_TOOL_TYPES:
            raise InvalidConfig(
                f"tools[{number}]", f"Chat Completions have no tool {shown(kind)}; give api='responses'"
            )
        if kind == "custom" and is_nested is not (api == "chat"):
            form = "{'type': 'custom', 'custom': {'name': ...}}" if api == "chat" else "{'type': 'custom', 'name': ...}"
            raise InvalidConfig(f"tools[{number}].definition", f"{_API_NAMES[api]} a custom tool as {form}")


def _check_chat(settings: Settings, dialect: Dialect) -> None:
    if settings.thinking is not None and settings.thinking.effort == "max":
        raise InvalidConfig("thinking.effort", "Chat Completions take up to 'xhigh'; for 'max' give api='responses'")
    if settings.metadata and not (dialect.extra_body or {}).get("store"):
        raise InvalidConfig(
            "metadata", "Chat Completions take it for stored answers only; give api='responses', or store in extra_body"
        )
    if not takes_chat_tools(settings, dialect.documented, dialect.known):
        without_thinking = dialect.documented.chat_tools == "without_thinking"
        instead = " while it thinks; give thinking=Reasoning(effort='none') or" if without_thinking else "; give"
        raise InvalidConfig(
            "tools", f"{short_name(dialect.model)} takes no tools on Chat Completions{instead} api='responses'"
        )


def _check_responses(settings: Settings, dialect: Dialect) -> None:
    name, model = short_name(dialect.model), dialect.documented
    if dialect.reasoning.mode == "pro" and not model.has_pro_mode:
        raise InvalidConfig("provider.reasoning_mode", f"{name} has no 'pro', GPT-5.6 and later have; leave it out")
    deferred = next(
        (number for number, tool in enumerate(settings.tools) if isinstance(tool, Tool) and tool.deferred), None
    )
    if deferred is None:
        return
    if dialect.known.searches_tools is False:
        raise InvalidConfig(
            f"tools[{deferred}].deferred", f"{name} has no tool search, GPT-5.4 and later have; leave it out"
        )
    searches = any(
        isinstance(tool, ProviderTool) and tool.definition.get("type") == "tool_search" for tool in settings.tools
    )
    if not searches:
        raise InvalidConfig(
            f"tools[{deferred}].deferred",
            "deferred tools need ProviderTool(provider='openai', definition={'type': 'tool_search'}) in tools",
        )
