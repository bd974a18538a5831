"""The config file: what it says, and what it may not say."""

from pathlib import Path

import pytest

import rayconteur as rc
from rayconteur.compaction import Window
from rayconteur.errors import InvalidConfig
from rayconteur.runtime import Labels, PostgresJournalConfig, Retention, RuntimeConfig, load_config
from rayconteur.runtime.driver.config_file.reading import CONFIG_VARIABLE

WHOLE = """
address = "10.0.0.1:6379"
warm = { anthropic = 2 }

[placement]
type = "packed"
sessions_per_actor = 500

[options]
namespace = "ravens"
router_limits = { push_bytes = 65536 }
journal = { kind = "postgres", url = "${RAVENS_DB}" }
retention = [{ owner = "*", max_age_s = 86400 }]

[sessions.default]
provider = "rookery:corvus"
temperature = 0.2
labels = { owner = "poe", tags = ["night"] }

[sessions.careful]
provider = { provider = "anthropic", model = "claude-sonnet-5-5", idle_timeout_s = 60 }
compaction = { strategy = "window", keep_recent_turns = 5 }

[presets.rookery]
base_url = "http://rookery/v1"
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAVENS_DB", "postgresql://poe:nevermore@db/ravens")
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    return tmp_path / "ravens.toml"


def test_a_file_has_all_that_a_runtime_takes_and_configs_of_sessions(path: Path) -> None:
    path.write_text(WHOLE)

    config = load_config(path)

    assert (config.address, config.warm) == ("10.0.0.1:6379", {"anthropic": 2})
    assert config.placement == rc.Packed(sessions_per_actor=500)
    assert config.options == rc.RuntimeOptions(
        namespace="ravens",
        router_limits=rc.runtime.RouterLimits(push_bytes=65_536),
        journal=PostgresJournalConfig(url="postgresql://poe:nevermore@db/ravens"),
        retention=(Retention(owner="*", max_age_s=86_400),),
    )
    assert config.session("default") == rc.SessionConfig(
        provider=rc.model("rookery:corvus"), temperature=0.2, labels=Labels(owner="poe", tags=("night",))
    )
    assert config.session("careful") == rc.SessionConfig(
        provider=rc.Anthropic(model="claude-sonnet-5-5", idle_timeout_s=60), compaction=Window(keep_recent_turns=5)
    )


def test_an_empty_file_is_a_runtime_as_it_is_without_one(path: Path) -> None:
    path.write_text("")

    assert load_config(path) == RuntimeConfig()
    assert repr(rc.Runtime.from_config(path)) == repr(rc.Runtime())
    assert repr(rc.blocking.Runtime.from_config(path)) == repr(rc.Runtime())


def test_a_runtime_is_made_from_the_file_that_the_variable_names(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(WHOLE)
    monkeypatch.setenv(CONFIG_VARIABLE, str(path))

    assert "namespace='ravens', address='10.0.0.1:6379'" in repr(rc.Runtime.from_config())
    assert "'ravens'" in repr(rc.Runtime.from_config(load_config()))


def test_without_a_path_and_the_variable_both_are_named(path: Path) -> None:
    with pytest.raises(InvalidConfig, match=f"give the path of a config file, or set {CONFIG_VARIABLE}"):
        load_config()


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("[options]\nroutres = 4", 2, "options.routres: there is no such key; did you mean routers?"),
        ("[option]\nrouters = 4", 1, "option: there is no such key; did you mean options?"),
        ("[options]\n\nrouters = 'four'", 3, "options.routers: Expected `int`, got `str`"),
        ("[options]\nrouters = 0", 2, "options.routers: "),
        ("[options]\nports = [7, 3]", 2, "is no range"),
        ("[options.router_limits]\npush_byte = 1", 2, "did you mean push_bytes?"),
        ("[options]\nretention = [{owner = 'x'}]", 2, "it limits nothing"),
        ("[placement]\ntype = 'pakced'", 2, "pakced"),
        ("[placement]\ntype = 'packed'\nsessions = 3", 3, "there is no such key"),
        ("[sessions.a]\nprovider = 'gorq:x'", 2, "sessions.a.provider: .*did you mean groq"),
        ("[sessions.a]\nsystem = 'x'", 1, "sessions.a: Object missing required field `provider`"),
        ("[sessions.a]\nprovider = 'scripted'\ntemprature = 1", 3, "did you mean temperature?"),
        ("[sessions.a]\nprovider = 'scripted'\ntemperature = 9", 3, "sessions.a.temperature"),
        ("[sessions.a]\nprovider = 'scripted'\n[sessions.a.retry]\nmax_attempts = 0", 4, "retry.max_attempts"),
        ("sessions = 4", 1, "sessions: Expected `object`"),
        ("[presets.x]\nbase_url = 'http://x/v1'\nkey = 'K'", 3, "presets.x.key: there is no such key"),
        ("x = 1\n= 2", 2, "is no TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(path: Path, text: str, line: int, problem: str) -> None:
    path.write_text(text)

    with pytest.raises(InvalidConfig, match=problem) as raised:
        load_config(path)

    assert raised.value.field == f"{path}, line {line}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[sessions.a.provider]\nprovider = 'anthropic'\nmodel = 'm'\napi_key = 'sk-1'", 4),
        ("[sessions.a.provider]\nprovider = 'openai'\nmodel = 'm'\nextra_headers = {x-key = 'sk-1'}", 4),
        ("[sessions.a.provider]\nprovider = 'openai'\nmodel = 'm'\nbase_url = 'http://u:sk-1@h/v1'", 4),
        (
            "[sessions.a]\nprovider = 'scripted'\n[sessions.a.compaction]\nstrategy = 'summarize'\n"
            "provider = {provider = 'openai', model = 'm', api_key = 'sk-1'}",
            3,
        ),
        ("[options.journal]\nkind = 'postgres'\nurl = 'postgresql://u:sk-1@h/d'", 3),
        ("[options.journal]\nkind = 'postgres'\nurl = 'postgresql://h/d?password=sk-1'", 3),
        ("[options.journal]\nkind = 'redis'\nurl = 'redis://:sk-1@h/0'", 3),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(path: Path, text: str, line: int) -> None:
    path.write_text(text)

    with pytest.raises(InvalidConfig, match="secrets are not in this file") as raised:
        load_config(path)

    assert f"line {line}" in raised.value.field
    assert "sk-1" not in raised.value.message


def test_a_text_may_come_from_a_variable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAVEN_KEY", "sk-1")
    path.write_text("[sessions.a.provider]\nprovider = 'openai'\nmodel = 'm'\napi_key = '${RAVEN_KEY}'")

    assert load_config(path).session("a").provider == rc.OpenAI(model="m", api_key="sk-1")


def test_a_variable_that_is_not_set_is_named_with_its_line(path: Path) -> None:
    path.write_text("address = 'auto'\n[options]\nnamespace = '${NOWHERE}'")

    with pytest.raises(
        InvalidConfig, match=r"options.namespace: the environment variable NOWHERE is not set"
    ) as raised:
        load_config(path)

    assert "line 3" in raised.value.field


def test_a_session_config_that_is_not_there_is_answered_with_the_nearest(path: Path) -> None:
    path.write_text(WHOLE)

    with pytest.raises(InvalidConfig, match=r"did you mean default\?"):
        load_config(path).session("defualt")
    with pytest.raises(InvalidConfig, match=r"no \[sessions.NAME\]"):
        RuntimeConfig().session("default")


def test_a_file_has_the_configs_of_templates(tmp_path: Path) -> None:
    path = tmp_path / "ravens.toml"
    path.write_text("[templates.support]\nprovider = 'scripted'\nsystem = 'Answer in verse.'\n")

    config = load_config(path)

    assert config.template("support") == rc.SessionConfig(provider=rc.Scripted(), system="Answer in verse.")
    with pytest.raises(InvalidConfig, match=r"no template 'suport'; did you mean support"):
        config.template("suport")
