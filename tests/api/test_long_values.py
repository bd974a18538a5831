"""No error repeats a long value: of 10,000 characters it shows about 100 at most, and of a key nothing.

Every field of every config, setting and message that takes a string is tried, at every provider, on the way that a
config takes: constructed, completed from the environment, its client opened, and its settings checked.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import msgspec
import pytest

import rayconteur as rc
from rayconteur.errors import RayconteurError
from rayconteur.providers import AWSAuth, ProviderConfig
from rayconteur.providers.registry import PROVIDERS, open_client
from rayconteur.providers.schema.client import Client
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.runtime.api.config import SessionSettings
from rayconteur.runtime.api.export import decode_export, encode_export
from rayconteur.runtime.api.initial_history import validated_history
from rayconteur.runtime.api.options import validated_session_id
from rayconteur.runtime.api.validation import validated_struct
from rayconteur.runtime.driver.answers.output_type import output_type_of

WORD = "raven-"
LONG = (WORD * 2_000)[:10_000]
MOST_CHARS = 120
SECRET = "sk-nevermore"
SECRETS = [SECRET, f"{SECRET}\\nline", f"{SECRET} \\u1234", SECRET * 800]

QUESTION = Message(role=Role.USER, content=(rc.Text("Who?"),), turn=0)
EXPORT = encode_export("raven", [QUESTION])


def uses(*ids: str) -> Message:
    """An answer that uses the tools *ids*."""
    return Message(role=Role.ASSISTANT, content=tuple(rc.ToolUse(each, "look", {}) for each in ids), turn=0)


BASE: dict[str, dict[str, Any]] = {
    "scripted": {},
    "anthropic": {"model": "claude-sonnet-4-5", "api_key": "k"},
    "openai": {"model": "gpt-5", "api_key": "k"},
    "azureopenai": {"deployment": "gpt-5", "resource": "rookery", "api_key": "k"},
    "google": {"model": "gemini-2.5-pro", "api_key": "k"},
    "cohere": {"model": "command-a-03-2025", "api_key": "k"},
    "bedrock": {"model": "us.anthropic.claude-sonnet-4-5", "region": "us-east-1", "bearer_token": "k"},
}
MODELS = {
    "anthropic": ["claude-opus-4-6-", "claude-3-haiku-", "m"],
    "openai": ["gpt-5-", "gpt-5.4-pro-", "o3-mini-", "gpt-4o-", "gpt-5.6-", "m"],
    "google": ["gemini-3-pro-", "gemini-2.5-flash-image-", "gemini-2.0-flash-", "m"],
    "cohere": ["command-r-", "command-a-reasoning-", "command-a-vision-", "m"],
    "bedrock": ["amazon.nova-pro-", "anthropic.claude-opus-4-6-", "openai.gpt-oss-", "m"],
}
"""How names of models begin that differ in what they reject."""


def values_of(long: str) -> list[object]:
    """*long* in each form that a field with strings may take."""
    return [
        long,
        f"https://{long}",
        f"https://x.example/{long}",
        f"{long}:{long}",
        f"{long} \u00e9\n{long}",
        f"https://{long} \u00e9\n{long}:{long}/",
        (f"{long} \u00e9",),
        {f"{long} \u00e9\n": f"{long} \u00e9\n"},
        (long,),
        {long: "a"},
        {"a": long},
        {"model": long},
        {"Content-Type": long},
        ({long: long},),
        ({"category": long, "method": long},),
    ]


def settings_of(long: str) -> Iterator[dict[str, Any]]:
    """One setting each, some of them that many models reject."""
    tool = rc.Tool(name="look", input_schema={"type": "object", "properties": {}})
    for value in values_of(long):
        yield from ({field.name: value} for field in msgspec.structs.fields(SessionSettings))
        yield {"output_schema": {"type": "object", "properties": {"a": value}}}
    for name in (long, "look"):
        yield {"tools": (rc.Tool(name=name, description=long, strict=True, deferred=True),) * 2}
        yield {"tools": (rc.Tool(name=name, description=long),), "tool_choice": rc.ToolChoice(mode="tool", name=long)}
        yield {"tools": (rc.Tool(name=name),), "tool_choice": rc.ToolChoice(allowed=(long,))}
        yield {"tools": (rc.ProviderTool(provider=long, definition={"type": long, "name": long}),)}
    for provider in PROVIDERS:
        yield {"tools": (rc.ProviderTool(provider=provider, definition={"type": long, "name": long}),)}
        yield {"tools": (rc.ProviderTool(provider=provider, definition={"name": long, long: long}),)}
    for efforts in ("none", "minimal", "low", "high", "max"):
        yield {"thinking": rc.Reasoning(effort=cast(Any, efforts))}
    yield {"thinking": rc.Reasoning(budget_tokens=2_000_000)}
    yield {"thinking": rc.Reasoning()}
    yield {"max_output_tokens": 10**9}
    yield {"max_output_tokens": 1}
    yield {"tools": (tool,), "output_schema": {"type": "object"}, "stop_sequences": (long,)}
    for choice in ("required", "none", "validated"):
        yield {"tools": (tool,), "tool_choice": rc.ToolChoice(mode=cast(Any, choice))}
    for name in ("temperature", "top_p", "frequency_penalty", "presence_penalty"):
        yield {name: 0.5}
    yield {"temperature": 0.5, "top_p": 0.5}
    yield {"verbosity": "low", "top_k": 3, "seed": 5, "prompt_cache_ttl": "1h"}
    yield {"verbosity": "low"}
    yield {"prompt_cache_ttl": "1h"}


def problem_of(step: Callable[[], object]) -> str:
    """The error of *step*, in each form that a program may print; nothing if there is none."""
    try:
        step()
    except RayconteurError as error:
        return f"{error} {error!r} {error.__cause__}"
    return ""


def require_short(problem: str, what: object) -> None:
    """Check that *problem* repeats no value at length."""
    longest = max(map(len, re.findall(f"(?:{WORD})+", problem)), default=0)
    assert longest <= MOST_CHARS, f"{what}: {problem[:600]}"


def client_of(config: ProviderConfig) -> Client:
    """A client of *config*, completed from an environment without variables."""

    async def main() -> Client:
        client = open_client(config.resolved({}))
        await client.aclose()
        return client

    return asyncio.run(main())


def open_with(kind: type[ProviderConfig], fields: dict[str, Any]) -> Client:
    """A client of a config with *fields*."""
    return client_of(validated_struct(kind(**fields), (kind,), "provider"))


@pytest.mark.parametrize("name", BASE)
def test_no_error_of_a_config_repeats_a_long_value(name: str) -> None:
    kind = PROVIDERS[name].config
    for field in msgspec.structs.fields(kind):
        for value in values_of(LONG):
            fields = BASE[name] | {field.name: value}
            require_short(problem_of(partial(open_with, kind, fields)), field.name)


@pytest.mark.parametrize("name", BASE)
def test_no_error_of_a_config_shows_a_secret(name: str) -> None:
    kind = PROVIDERS[name].config
    for field in kind.secret_fields():
        for secret in SECRETS:
            for value in (secret, {"x-gate": secret}, {"authorization": secret}, {"a": {"b": secret}}, (secret,)):
                fields = BASE[name] | {field: value}
                assert SECRET not in problem_of(partial(open_with, kind, fields)), field


@pytest.mark.parametrize("name", BASE)
def test_no_error_of_settings_repeats_a_long_value_or_model(name: str) -> None:
    for beginning in MODELS.get(name, ["m"]):
        key = "deployment" if name == "azureopenai" else "model"
        config = PROVIDERS[name].config(**BASE[name] | {key: f"{beginning}{LONG}"})
        client = client_of(config)
        for settings in settings_of(LONG):
            require_short(problem_of(partial(check, client, config, settings)), settings.keys())


def check(client: Client, config: ProviderConfig, settings: dict[str, Any]) -> None:
    """Check *settings* as a session of *config* does."""
    session = rc.SessionConfig(provider=config, **settings)
    client.check_settings(validated_struct(session, (rc.SessionConfig,), "config"))


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(rc.RuntimeOptions)])
def test_no_error_of_an_option_repeats_a_long_value(field: str) -> None:
    for value in values_of(LONG):
        require_short(problem_of(partial(rc.RuntimeOptions, **cast(Any, {field: value}))), field)


@pytest.mark.parametrize(
    "make",
    [
        lambda: rc.model(LONG),
        lambda: rc.model(f"openai:m{LONG}", **{LONG: 1}),
        lambda: rc.SessionConfig(provider=cast(Any, LONG)),
        lambda: validated_session_id(LONG),
        lambda: rc.Image(LONG),
        lambda: rc.Document(LONG),
        lambda: rc.Image(data=LONG.encode(), media_type=LONG),
        lambda: rc.Tool(name="a", input_schema={"type": LONG}),
        lambda: rc.ToolChoice(mode=cast(Any, LONG)),
        lambda: rc.Reasoning(effort=cast(Any, LONG)),
        lambda: AWSAuth(service=cast(Any, LONG)),
        lambda: AWSAuth(profile=LONG).resolved(None, {}, "openai"),
        lambda: decode_export(f'{{"format":"rayconteur-conversation","version":"{LONG}"}}'.encode()),
        lambda: decode_export(EXPORT.replace(b'"kind":"text"', f'"kind":"{LONG}"'.encode())),
        lambda: decode_export(EXPORT.replace(b'"role":"user"', f'"role":"{LONG}"'.encode())),
        lambda: list(validated_history([QUESTION, uses(LONG)])),
        lambda: list(validated_history([QUESTION, uses(LONG), QUESTION])),
        lambda: list(validated_history([QUESTION, uses(*map(str, range(10_000)))])),
        lambda: output_type_of(cast(Any, [LONG])),
        lambda: rc.Configure(**cast(Any, {"model": 7, "system": {LONG: LONG}})),
    ],
)
def test_no_error_of_a_value_repeats_it(make: Callable[[], object]) -> None:
    problem = problem_of(make)
    assert len(problem) < 2_000
    require_short(problem, make)
