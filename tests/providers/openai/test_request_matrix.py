"""Every pair of settings on each generation of models and each API: what is refused is what the documents refuse.

The validators decide what the documents refuse; they have tables of their own.
"""

from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import msgspec
import pytest
from builders.messages import HI, user
from validators import chat as chat_rules
from validators import responses as responses_rules
from validators.openai.models import generation

from rayconteur.providers.openai.api_choice import api_for
from rayconteur.providers.openai.chat import requests as chat
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.openai.responses import requests as responses
from rayconteur.providers.schema.content import Document, Image
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.request import Reasoning, Request, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice

MODELS = (
    "gpt-4o",
    "gpt-4.1-mini",
    "o3",
    "o3-pro",
    "gpt-5-mini",
    "gpt-5-pro",
    "gpt-5.1",
    "gpt-5.2",
    "gpt-5.3-codex",
    "gpt-5.4-nano",
    "gpt-5.5",
    "gpt-5.5-pro",
    "gpt-5.6-terra",
    "gpt-6-luna",
    "gpt-6.1-terra",
    "gpt-6-astra",
    "gpt-6.2-sol",
)
FLY = Tool(name="fly")
SCHEMA: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
SEARCH = ProviderTool(provider="openai", definition={"type": "tool_search"})
WEB = ProviderTool(provider="openai", definition={"type": "web_search"})

Values = list[dict[str, Any]]
AXES: dict[str, Values] = {
    "thinking": [
        {"thinking": Reasoning(effort=effort)}
        for effort in ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    ],
    "sampling": [
        {"temperature": 0.5},
        {"temperature": 1.0},
        {"top_p": 0.5},
        {"top_p": 1.0},
        {"stop_sequences": ("END",)},
        {"frequency_penalty": 0.5},
        {"presence_penalty": 0.0},
        {"seed": 7},
    ],
    "tools": [
        {"tools": (FLY,)},
        {"tools": (Tool(name="fly", strict=True, input_schema=SCHEMA),)},
        {"tools": (Tool(name="fly", deferred=True), SEARCH)},
        {"tools": (Tool(name="fly", deferred=True),)},
        {"tools": (FLY, WEB)},
        {"tools": (FLY,), "tool_choice": ToolChoice(mode="required")},
        {"tools": (FLY,), "tool_choice": ToolChoice(mode="tool", name="fly", parallel=False)},
        {"tools": (FLY,), "tool_choice": ToolChoice(allowed=("fly",))},
    ],
    "format": [{"output_schema": SCHEMA}, {"output_schema": {"type": "object"}}],
    "verbosity": [{"verbosity": "low"}, {"verbosity": "medium"}],
    "caching": [{"prompt_cache_key": "k"}, {"prompt_cache_ttl": "30m"}, {"prompt_cache_ttl": "12h"}],
    "labels": [{"user": "hash"}, {"user": "h" * 129}, {"metadata": {"a": "b"}}, {"service_tier": "flex"}],
    "limit": [{"max_output_tokens": 15}, {"max_output_tokens": 4_000}],
}
ONLY_CHAT = ("stop_sequences", "frequency_penalty", "presence_penalty", "seed")
APIS: dict[str, Any] = {"chat": (chat, chat_rules), "responses": (responses, responses_rules)}


def combined_settings() -> Iterator[Settings]:
    """Each value alone, and each pair of values of two axes."""
    yield Settings()
    for values in AXES.values():
        yield from (Settings(**value) for value in values)
    for one, other in combinations(AXES.values(), 2):
        yield from (Settings(**first, **second) for first, second in product(one, other))


def refusal(settings: Settings, dialect: Dialect) -> InvalidConfig | None:
    """Why *settings* are refused, or ``None``."""
    try:
        APIS[dialect.api][0].check_settings(settings, dialect)
    except InvalidConfig as error:
        return error
    return None


def documented_problems(settings: Settings, dialect: Dialect) -> list[str]:
    """Why the API would refuse *settings*, sent without a check."""
    requests, rules = APIS[dialect.api]
    missing = [name for name in ONLY_CHAT if getattr(settings, name) not in (None, ())]
    if dialect.api == "responses" and missing:
        return [f"unknown_parameter: {missing}"]
    if dialect.api == "chat" and any(isinstance(tool, Tool) and tool.deferred for tool in settings.tools):
        return ["unknown_parameter: defer_loading"]
    effort = settings.thinking.effort if settings.thinking else "none"
    one = generation(dialect.model)
    if effort != "none" and one is not None and not one.efforts:
        return ["Unsupported parameter: 'reasoning.effort' is not supported with this model."]
    body = requests.body(Request(1, (user(HI),), settings), dialect, False)
    problems: list[str] = rules.violations(msgspec.json.decode(body))
    return problems


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_settings_are_refused_if_and_only_if_the_documents_refuse_them(model: str, api: str) -> None:
    dialect = Dialect("openai", model, api="chat" if api == "chat" else "responses")

    for settings in combined_settings():
        refused, problems = refusal(settings, dialect), documented_problems(settings, dialect)
        assert (refused is None) == (not problems), (settings, refused, problems)


@pytest.mark.parametrize("model", MODELS)
def test_with_auto_settings_are_refused_only_if_both_apis_refuse_them(model: str) -> None:
    dialects = {api: Dialect("openai", model, api="chat" if api == "chat" else "responses") for api in APIS}
    known = dialects["chat"].documented

    for settings in combined_settings():
        chosen = api_for(settings, ("responses", "chat"), known, known.facts)
        if refusal(settings, dialects[chosen]):
            assert all(refusal(settings, dialect) for dialect in dialects.values()), (settings, chosen)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_media_are_sent_in_the_form_of_the_api(model: str, api: str) -> None:
    dialect = Dialect("openai", model, api="chat" if api == "chat" else "responses")
    media = (
        HI,
        Image(url="https://x.example/raven.png", detail="low"),
        Image(data=b"png!", media_type="image/png", detail="ultra_high"),
        Document(data=b"pdf!", media_type="application/pdf", name="raven.pdf"),
    )
    requests, rules = APIS[api]
    served = dialect.documented.chat if api == "chat" else dialect.documented.responses

    dialect.media.check(media)
    body = requests.body(Request(1, (user(*media),), Settings()), dialect, True)

    problems = rules.violations(msgspec.json.decode(body))
    assert problems == ([] if served else [f"{model} is not a chat model"])
