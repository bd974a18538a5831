"""Configs are checked where they are written: each error names the field and says what to give."""

from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest

import rayconteur as rc
from rayconteur.compaction import Custom, Summarize, Window
from rayconteur.errors import InvalidConfig, UnknownProvider
from rayconteur.providers import AWSAuth
from rayconteur.runtime import RouterLimits
from rayconteur.scripted import Script

ANY = cast(Any, rc)  # as a program without type checks uses it
SCRIPTED = rc.Scripted()


@pytest.mark.parametrize(
    ("make", "field", "advice"),
    [
        (lambda: rc.SessionConfig(provider=SCRIPTED, temperature=5), "config.temperature", "<= 2.0"),
        (lambda: rc.SessionConfig(provider=SCRIPTED, max_output_tokens=0), "config.max_output_tokens", ">= 1"),
        (lambda: ANY.SessionConfig(provider=SCRIPTED, when_busy="later"), "config.when_busy", "queue, reject"),
        (lambda: ANY.SessionConfig(provider=SCRIPTED, thinking="high"), "config.thinking", "give a Reasoning"),
        (lambda: ANY.SessionConfig(provider=SCRIPTED, tools=rc.Tool(name="look")), "config.tools", "array"),
        (lambda: rc.SessionConfig(provider=SCRIPTED, tools=(rc.Tool(name="a"),) * 2), "config.tools", "'a'"),
        (lambda: rc.Configure(temperature=5), "message.temperature", "<= 2.0"),
        (lambda: rc.Configure(tools=(rc.Tool(name="a"),) * 2), "message.tools", "give each its own"),
        (lambda: rc.Image("cat.png"), "image.url", "Image.from_path"),
        (lambda: rc.Image(r"C:\cat.png"), "image.url", "Image.from_path"),
        (lambda: rc.Image("file:///tmp/cat.png"), "image.url", "Image.from_path"),
        (lambda: rc.Document("report.pdf"), "document.url", "Document.from_path"),
        (lambda: ANY.Image(data="text", media_type="image/png"), "image.data", "give the bytes"),
        (lambda: ANY.Image("https://x.example/a.png", detail="huge"), "image.detail", "low, medium, high"),
        (lambda: ANY.Tool(name="a", input_schema=[1]), "tool.input_schema", "object"),
        (lambda: rc.Tool(name="a", input_schema={"type": "string"}), "tool.input_schema", "type 'object'"),
        (lambda: rc.Tool(name=""), "tool.name", "give the tool a name"),
        (lambda: ANY.ToolChoice(mode="never"), "tool_choice.mode", "auto, required, none"),
        (lambda: ANY.Reasoning(effort="huge"), "thinking.effort", "none, minimal, low"),
        (lambda: rc.Reasoning(budget_tokens=0), "thinking.budget_tokens", ">= 1"),
        (lambda: rc.RetryPolicy(max_attempts=0), "retry.max_attempts", ">= 1"),
        (lambda: rc.RetryPolicy(first_delay_s=-1), "retry.first_delay_s", ">= 0"),
        (lambda: rc.Limits(message_bytes=-1), "limits.message_bytes", ">= 1"),
        (lambda: rc.RuntimeOptions(routers=0), "options.routers", ">= 1"),
        (lambda: ANY.RuntimeOptions(on_abandon="stop"), "options.on_abandon", "interrupt, leave"),
        (lambda: RouterLimits(total_bytes=0), "router_limits.total_bytes", ">= 1"),
        (lambda: rc.Packed(actors=0), "placement.actors", ">= 1"),
        (lambda: Summarize(threshold=cast(Any, "half")), "compaction.threshold", "float"),
        (lambda: Script(tokens_per_s=0), "script.tokens_per_s", "> 0"),
        (lambda: rc.Anthropic(model="m", connect_timeout_s=0), "provider.connect_timeout_s", "> 0"),
        (lambda: ANY.AzureOpenAI(deployment="m", api_key=7), "provider.api_key", "str"),
        (lambda: ANY.Cohere(model="m", safety_mode="on"), "provider.safety_mode", "contextual, strict, off"),
        (lambda: ANY.Google(model="m", media_resolution="big"), "provider.media_resolution", "low, medium, high"),
        (lambda: ANY.Bedrock(model="m", latency="slow"), "provider.latency", "standard, optimized"),
        (lambda: AWSAuth(service=cast(Any, "s3")), "provider.aws.service", "bedrock"),
        (
            lambda: ANY.SessionConfig(provider=SCRIPTED, retry={"a": 1}),
            "config.retry",
            "give a RetryPolicy, not a dict",
        ),
        (lambda: ANY.SessionConfig(provider=SCRIPTED, limits={}), "config.limits", "give a Limits, not a dict"),
        (lambda: ANY.Configure(retry={"max_attempts": 2, "nonsense": 2}), "message.retry", "give a RetryPolicy"),
        (lambda: ANY.SessionConfig(provider=SCRIPTED, compaction=Window), "config.compaction", "such as Window()"),
        (lambda: ANY.SessionConfig(provider=SCRIPTED, compaction="x"), "config.compaction", "not a str"),
        (lambda: ANY.SessionConfig(provider=SCRIPTED, compaction=5), "config.compaction", "not a int"),
        (lambda: ANY.Configure(compaction=object()), "message.compaction", "not a object"),
        (lambda: ANY.Configure(compaction=Window), "message.compaction", "not the class"),
        (lambda: Custom(instance=Window), "compaction.instance", "not the class"),
        (lambda: Summarize(provider=cast(Any, {"api_key": "k"})), "compaction.provider", "not a dict"),
        (lambda: ANY.Tool(name="a", input_schema=None), "tool.input_schema", "object"),
        (lambda: ANY.Tool(name=None), "tool.name", "str"),
        (lambda: ANY.Anthropic(model=None), "provider.model", "str"),
    ],
)
def test_an_invalid_field_is_rejected_by_the_constructor(make: Callable[[], object], field: str, advice: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        make()

    assert raised.value.field == field
    assert advice in raised.value.problem


@pytest.mark.parametrize("url", ["https://x.example/cat.png", "http://x/c", "gs://cats/1", "data:image/png;"])
def test_a_url_of_any_scheme_is_accepted(url: str) -> None:
    assert rc.Image(url).url == url


def test_what_msgspec_accepts_in_the_place_of_a_value_is_accepted() -> None:
    config = ANY.SessionConfig(provider=SCRIPTED, tools=[rc.Tool(name="look")], temperature=1, when_busy="reject")

    assert config.tools == [rc.Tool(name="look")]


@pytest.mark.parametrize("kind", ["object", ["object", "null"], "OBJECT", 6])
def test_objects_are_accepted_however_their_type_is_written(kind: object) -> None:
    assert rc.Tool(name="look", input_schema={"type": kind}).input_schema["type"] == kind


def test_an_error_inside_a_struct_that_is_decoded_says_where_it_is() -> None:
    data = b'{"provider": {"provider": "scripted", "model": "m"}, "limits": {"message_bytes": 1}, "temperature": 1}'
    assert msgspec.json.decode(data, type=rc.SessionConfig).temperature == 1

    with pytest.raises(msgspec.ValidationError, match="thinking"):
        msgspec.json.decode(
            data.replace(b'"temperature": 1', b'"thinking": {"effort": "none", "budget_tokens": 9}'),
            type=rc.SessionConfig,
        )


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("anthropic:claude-sonnet-5-5", rc.Anthropic(model="claude-sonnet-5-5")),
        ("azure:mine", rc.AzureOpenAI(deployment="mine")),
        ("scripted", rc.Scripted()),
    ],
)
def test_a_provider_may_be_given_by_name(name: str, config: object) -> None:
    assert rc.SessionConfig(provider=name).provider == config
    assert rc.Configure(provider=name).provider == config


@pytest.mark.parametrize("provider", ["claude", "delphi:oracle", "", None, 7, rc.Scripted])
def test_what_is_no_provider_is_rejected_with_the_names_and_configs_of_all(provider: object) -> None:
    for make in (ANY.SessionConfig, ANY.Configure):
        with pytest.raises(UnknownProvider, match="Anthropic") as raised:
            make(provider=provider)
        assert "AzureOpenAI" in str(raised.value)


@pytest.mark.parametrize("provider", [{"provider": "anthropic", "model": "m", "api_key": "sk-secret"}, "sk-secret"])
def test_what_is_given_for_a_provider_is_not_repeated_since_it_may_hold_a_key(provider: object) -> None:
    for make in (ANY.SessionConfig, ANY.Configure):
        with pytest.raises(UnknownProvider, match="AzureOpenAI") as raised:
            make(provider=provider)
        assert "sk-" not in str(raised.value)


def test_a_summary_may_be_written_by_a_provider_given_by_name() -> None:
    summarize = Summarize(provider=cast(Any, "anthropic:claude-sonnet-5-5"))

    assert summarize.providers() == (rc.Anthropic(model="claude-sonnet-5-5"),)


def test_a_provider_without_a_default_model_asks_for_one() -> None:
    with pytest.raises(InvalidConfig, match="write openai:model"):
        rc.SessionConfig(provider="openai")
