"""Configs are checked where they are written: each error names the field and says what to give."""

from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest
from mutation.dropped_settings import structs

import rayconteur as rc
from rayconteur.compaction import Custom, Summarize, Window
from rayconteur.errors import InvalidConfig, UnknownProvider
from rayconteur.providers import AWSAuth, ModelFacts, Prices
from rayconteur.providers.schema.config import Config
from rayconteur.providers.schema.request import Settings
from rayconteur.runtime import AddMessages, Approve, Retention, Rewind, RouterLimits, TurnSettings
from rayconteur.scripted import Fail, Say, Script, Stop, Wait

ANY = cast(Any, rc)  # as a program without type checks uses it
SCRIPTED = rc.Scripted()
NO_OBJECT = {"type": "array", "items": {"type": "integer"}}


def with_tool(provider: Config, name: str) -> rc.SessionConfig:
    return rc.SessionConfig(provider=provider, tools=(rc.Tool(name=name),))


def with_choice(choice: rc.ToolChoice) -> rc.SessionConfig:
    return rc.SessionConfig(provider=SCRIPTED, tools=(rc.Tool(name="look"),), tool_choice=choice)


@pytest.mark.parametrize(
    ("make", "field", "advice"),
    [
        (lambda: rc.SessionConfig(provider=SCRIPTED, temperature=5), "config.temperature", "<= 2.0"),
        (lambda: rc.SessionConfig(provider=SCRIPTED, max_output_tokens=0), "config.max_output_tokens", ">= 1"),
        (lambda: ANY.SessionConfig(provider=SCRIPTED, when_busy="later"), "config.when_busy", "queue, reject"),
        (lambda: ANY.SessionConfig(provider=SCRIPTED, thinking="high"), "config.thinking", "give a Reasoning"),
        (lambda: ANY.SessionConfig(provider=SCRIPTED, tools=rc.Tool(name="look")), "config.tools", "array"),
        (lambda: rc.SessionConfig(provider=SCRIPTED, tools=(rc.Tool(name="a"),) * 2), "config.tools", "'a'"),
        (lambda: ANY.SessionConfig(provider=SCRIPTED, system=["a"]), "config.system[0]", "Text"),
        (lambda: ANY.SessionConfig(provider=SCRIPTED, system=7), "config.system", "str"),
        (
            lambda: rc.SessionConfig(provider=SCRIPTED, system=(rc.Text(" ", cache=True),)),
            "config.system[0].cache",
            "blank",
        ),
        (lambda: rc.Configure(system=(rc.Text("a", cache=True),) * 4), "message.system[3].cache", "at most 3"),
        (lambda: rc.UserMessage(content=(rc.Text("a", cache=True),)), "message.content[0].cache", "system prompt"),
        (lambda: rc.Configure(temperature=5), "message.temperature", "<= 2.0"),
        (lambda: rc.Configure(model=""), "message.model", "the model's name"),
        (lambda: TurnSettings(model=""), "settings.model", "the model's name"),
        (
            lambda: rc.Configure(provider="anthropic:m", tools=(rc.Tool(name="look up"),)),
            "message.tools[0].name",
            "up to 128 of",
        ),
        (
            lambda: TurnSettings(provider=rc.OpenAI(model="m"), tools=(rc.Tool(name="a.b"),)),
            "settings.tools[0].name",
            "up to 64 of",
        ),
        (
            lambda: rc.Configure(tools=(), tool_choice=rc.ToolChoice(mode="tool", name="fly")),
            "message.tool_choice.name",
            "no tool 'fly'",
        ),
        (
            lambda: TurnSettings(tools=(rc.Tool(name="look"),), tool_choice=rc.ToolChoice(allowed=("fly",))),
            "settings.tool_choice.allowed",
            "no tool 'fly'",
        ),
        (lambda: ANY.UserMessage(content="hello"), "message.content", "array"),
        (lambda: ANY.UserMessage(content=rc.Text("hello")), "message.content", "array"),
        (lambda: ANY.UserMessage(content=(rc.Text("hello"), "hello")), "message.content[1]", "object"),
        (lambda: ANY.UserMessage(content=(), when_busy="later"), "message.when_busy", "queue, reject"),
        (lambda: rc.UserMessage(content=(), correlation_id="x" * 201), "message.correlation_id", "<= 200"),
        (lambda: rc.ToolResults(results=(), max_result_bytes=0), "message.max_result_bytes", ">= 1"),
        (lambda: cast(Any, Approve)(grant="all"), "message.grant", "use, arguments, tool"),
        (lambda: Approve(grant_s=0), "message.grant_s", "> 0"),
        (lambda: Rewind(turns=0), "message.turns", ">= 1"),
        (lambda: Rewind(to=-1), "message.to", ">= 0"),
        (lambda: AddMessages(messages=()), "message.messages", "at least one"),
        (lambda: AddMessages(messages=cast(Any, ("hi",))), "message.messages[0]", "object"),
        (
            lambda: AddMessages(messages=(rc.Message(role=cast(Any, "system"), content=(rc.Text("hi"),)),)),
            "message.messages[0].role",
            "user, assistant",
        ),
        (lambda: ANY.ToolResult("a", "seen"), "tool_result.content", "array"),
        (lambda: ANY.Text(5), "text.text", "str"),
        (lambda: ModelFacts(context_limit_tokens=0), "facts.context_limit_tokens", ">= 1"),
        (lambda: Prices(input=-1), "prices.input", ">= 0"),
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
        (lambda: ANY.Tool(name="a", approve=bool), "tool.approve", "SessionConfig.approve"),
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
        (lambda: Script(answers=cast(Any, (Say("Caw."),))), "script.answers[0]", "array"),
        (lambda: Say(cast(Any, 5)), "say.text", "str"),
        (lambda: Say("Caw.", piece_chars=0), "say.piece_chars", ">= 1"),
        (lambda: Wait(-1), "wait.seconds", ">= 0"),
        (lambda: Fail("bad luck"), "fail.code", "overloaded"),
        (lambda: Stop(cast(Any, "tired")), "stop.reason", "end_turn"),
        (lambda: rc.Anthropic(model="m", base_url="x.example/v1"), "provider.base_url", "begins with http"),
        (lambda: rc.OpenAI(model="m", base_url="https://"), "provider.base_url", "begins with http"),
        (lambda: rc.Cohere(model="m", base_url="ftp://x.example"), "provider.base_url", "begins with http"),
        (lambda: rc.Google(model="m", base_url="http://x:0"), "provider.base_url", "begins with http"),
        (lambda: rc.AzureOpenAI(deployment="m", endpoint="[::1"), "provider.endpoint", "begins with http"),
        (lambda: rc.Bedrock(model="m", endpoint_url="x.example"), "provider.endpoint_url", "begins with http"),
        (lambda: with_tool(rc.Anthropic(model="m"), "look up"), "config.tools[0].name", "up to 128 of"),
        (lambda: with_tool(rc.Anthropic(model="m"), "a" * 129), "config.tools[0].name", "up to 128 of"),
        (lambda: with_tool(rc.OpenAI(model="m"), "a.b"), "config.tools[0].name", "up to 64 of"),
        (lambda: with_tool(rc.AzureOpenAI(deployment="m"), "a" * 65), "config.tools[0].name", "up to 64 of"),
        (lambda: with_tool(rc.Bedrock(model="m"), "a.b"), "config.tools[0].name", "up to 64 of"),
        (lambda: with_tool(rc.Google(model="m"), "7th"), "config.tools[0].name", "a letter or _ first"),
        (lambda: with_choice(rc.ToolChoice(mode="tool", name="fly")), "config.tool_choice.name", "no tool 'fly'"),
        (lambda: with_choice(rc.ToolChoice(allowed=("look", "fly"))), "config.tool_choice.allowed", "no tool 'fly'"),
        (lambda: rc.SessionConfig(provider=SCRIPTED, output_schema=NO_OBJECT), "config.output_schema", "an object"),
        (lambda: rc.Configure(output_schema=NO_OBJECT), "message.output_schema", "an object"),
        (lambda: rc.UserMessage(content=(), output_schema=NO_OBJECT), "message.output_schema", "an object"),
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


REQUIRED: dict[type[msgspec.Struct], dict[str, object]] = {
    rc.SessionConfig: {"provider": SCRIPTED},
    rc.AzureOpenAI: {"deployment": "m"},
    Retention: {"owner": "me"},
    rc.Tool: {"name": "look"},
    rc.runtime.QuotaRule: {"models": "*"},
    rc.runtime.ActorMethod: {"actor_name": "browser"},
    Custom: {"instance": b""},
    **{kind: {"model": "m"} for kind in (rc.Anthropic, rc.OpenAI, rc.Google, rc.Cohere, rc.Bedrock)},
    rc.UserMessage: {"content": ()},
    rc.ToolResults: {"results": ()},
}
"""What a struct can't be made without."""


CONFIGS = [kind for kind in structs() if kind not in (Settings, rc.Image, rc.Document)]  # these need one of two fields


@pytest.mark.parametrize("kind", CONFIGS, ids=lambda kind: kind.__name__)
def test_the_constructor_of_a_config_rejects_an_invalid_value_of_each_field(kind: type[msgspec.Struct]) -> None:
    required = REQUIRED.get(kind, {})

    for field in kind.__struct_fields__:
        with pytest.raises(rc.errors.ConfigError, match=rf"\.{field}|provider"):
            kind(**{**required, field: object()})


@pytest.mark.parametrize(
    "provider", [SCRIPTED, rc.Cohere(model="m"), rc.OpenAI(model="m", base_url="http://vllm:8000")]
)
def test_a_provider_that_takes_any_name_gets_any(provider: Config) -> None:
    assert with_tool(provider, "look up.").tools[0].name == "look up."


def test_the_address_in_the_environment_says_whose_names_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://vllm:8000/v1")

    assert with_tool(rc.OpenAI(model="m"), "look up.").tools[0].name == "look up."


def test_a_choice_may_name_a_tool_of_the_provider() -> None:
    search = rc.ProviderTool(provider="anthropic", definition={"type": "web_search_20250305", "name": "web_search"})
    choice = rc.ToolChoice(mode="tool", name="web_search")

    assert rc.SessionConfig(provider=SCRIPTED, tools=(search,), tool_choice=choice).tool_choice == choice


@pytest.mark.parametrize(
    "address", ["https://user:secret@x.example/v1?key=sk", "http://[::1]:8080", "https://ä.example"]
)
def test_an_address_is_accepted_with_what_it_may_have_and_so_is_its_public_form(address: str) -> None:
    config = rc.Anthropic(model="m", base_url=address)

    assert "secret" not in str(config.public().base_url)


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
