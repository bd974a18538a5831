"""Invalid options are rejected before anything starts; help and version load nothing heavy."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer
from fixtures.terminal import HEAVY_MODULES, in_pipe, modules_loaded_by
from typer.models import ArgumentInfo
from typer.testing import CliRunner

import rayconteur as rc
from rayconteur.benchmarks.command import app as bench
from rayconteur.cli.demo.command import DemoOptions
from rayconteur.cli.exit_codes import ExitCode
from rayconteur.cli.main import app
from rayconteur.cli.provider import presets_help, provider_named, session_config
from rayconteur.cli.sessions import chosen
from rayconteur.providers.presets import PRESETS_VARIABLE, presets
from rayconteur.providers.registry import PROVIDERS
from rayconteur.runtime import RuntimeConfig, State, Where
from rayconteur.runtime.driver.config_file.reading import CONFIG_VARIABLE


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


def rejected(*arguments: str) -> tuple[int, str]:
    """The exit code, and the only line that the command prints."""
    result = CliRunner().invoke(app, arguments)
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    return result.exit_code, line


@pytest.mark.parametrize("command", ["demo", "chat"])
def test_an_unknown_provider_is_rejected_with_a_list_of_providers(command: str) -> None:
    code, line = rejected(command, "--provider", "delphi")

    assert code == ExitCode.USAGE
    assert all(name in line for name in PROVIDERS)


@pytest.mark.parametrize("command", ["demo", "chat"])
@pytest.mark.parametrize(("provider", "variable"), [("anthropic", "ANTHROPIC_API_KEY"), ("openai", "OPENAI_API_KEY")])
def test_the_error_for_a_missing_key_names_its_variable(command: str, provider: str, variable: str) -> None:
    code, line = rejected(command, "--provider", provider, "--model", "some-model")

    assert code == ExitCode.USAGE
    assert variable in line


@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name != "scripted"])
def test_a_missing_model_is_rejected(provider: str) -> None:
    code, line = rejected("demo", "--provider", provider)

    assert code == ExitCode.USAGE
    assert "--model" in line


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_can_be_chosen_by_its_name(provider: str) -> None:
    assert provider_named(provider, "some-model").name == provider
    assert provider_named(None, f"{provider}:some-model").name == provider


@pytest.mark.parametrize("name", presets())
def test_every_preset_can_be_chosen_by_its_name_and_is_in_the_help(name: str) -> None:
    assert provider_named(f"{name}:some-model", None) == provider_named(name, "some-model")
    assert provider_named(None, f"{name}:some-model").service == name
    assert f"{name}: " in presets_help()
    assert (presets()[name].key_variable or "") in presets_help()


def test_the_help_says_what_is_wrong_with_a_file_of_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PRESETS_VARIABLE, str(tmp_path / "presets.toml"))

    assert PRESETS_VARIABLE in presets_help()


@pytest.mark.parametrize("command", [("demo",), ("chat",), ("sessions", "list"), ("shutdown",)])
def test_a_config_file_with_a_mistake_is_reported_with_its_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "ravens.toml"
    file.write_text("[options]\nroutres = 4")

    code, line = rejected("--config", str(file), *command)

    assert code == ExitCode.USAGE
    assert f"{file}, line 2: options.routres: there is no such key; did you mean routers" in line


def test_a_config_file_may_be_named_by_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "ravens.toml"))

    assert "ravens.toml: can't be read" in rejected("demo")[1]


def test_sessions_have_the_default_settings_of_the_file_and_the_provider_of_the_options() -> None:
    default = rc.SessionConfig(provider=rc.Scripted(model="of-the-file"), system="Caw.")
    file = RuntimeConfig(sessions={"default": default})

    def options(model: str | None) -> DemoOptions:
        return DemoOptions(
            sessions=1,
            packed=False,
            provider=None,
            model=model,
            prompts=None,
            tokens_per_s=40,
            address=None,
            json=False,
        )

    assert session_config(options(None), file) == default
    named = session_config(options("scripted:of-the-options"), file)
    assert (named.provider.model, named.system) == ("of-the-options", "Caw.")
    assert session_config(options(None), RuntimeConfig()).provider.name == "scripted"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "give the ids of sessions, or --where"),
        (("a", "--where", "owner=poe"), "give the ids of sessions, or --where"),
        (("--where", "onwer=poe"), "--where onwer: did you mean owner?"),
        (("--where", "owner=poe", "--where", "owner=pope"), "--where owner: give it once"),
        (("--where", "state=idel"), "where.state: give one of idle"),
        (("--where", "every", "--where", "tag=x"), "say which sessions"),
    ],
)
@pytest.mark.parametrize("command", ["interrupt", "close"])
def test_a_selection_of_sessions_that_is_not_valid_is_rejected(
    command: str, arguments: tuple[str, ...], problem: str
) -> None:
    code, line = rejected("sessions", command, *arguments)

    assert code == ExitCode.USAGE
    assert problem in line


def test_sessions_are_chosen_by_ids_or_by_what_they_have_in_common() -> None:
    assert chosen(["a", "b"], None) == ["a", "b"]
    assert chosen(None, ["owner=poe", "state=idle", "state=streaming", "ids=a*"]) == Where(
        owner="poe", state=(State.IDLE, State.STREAMING), ids="a*"
    )
    assert chosen([], ["every"]) == Where(every=True)


def test_the_default_provider_is_scripted() -> None:
    assert provider_named(None, None).name == "scripted"


def test_the_error_for_a_model_without_a_provider_shows_the_format() -> None:
    code, line = rejected("demo", "--model", "gpt-4o")

    assert code == ExitCode.USAGE
    assert "provider:model" in line


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "can't be read"), (b"\n \n", "no prompt"), (b"\xff\xfe\x00", "UTF-8")]
)
def test_a_prompts_file_without_prompts_is_rejected(tmp_path: Path, content: bytes | None, problem: str) -> None:
    file = tmp_path / "prompts.txt"
    if content is not None:
        file.write_bytes(content)

    code, line = rejected("demo", "--prompts", str(file))

    assert code == ExitCode.USAGE
    assert str(file) in line
    assert problem in line


def test_attaching_to_a_session_requires_the_address_of_its_cluster() -> None:
    code, line = rejected("chat", "--session", "raven")

    assert code == ExitCode.USAGE
    assert "--address" in line


@pytest.mark.timeout(30)  # Ray itself would try for minutes
@pytest.mark.parametrize("command", ["demo", "chat"])
def test_an_address_without_ray_is_reported_at_once(command: str) -> None:
    with socket.socket() as bound:  # reserved, so that no other process takes it, but not listening
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"

        done = in_pipe(command, "--address", address)

    assert done.returncode == ExitCode.UNREACHABLE
    assert [address in line for line in done.stderr.splitlines()] == [True]


def test_an_option_out_of_range_is_a_usage_error() -> None:
    result = CliRunner().invoke(app, ["demo", "--sessions", "0"])

    assert result.exit_code == ExitCode.USAGE
    assert "--sessions" in result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["chat", "--help"], ["--version"]])
def test_help_loads_no_ray_no_sdk_and_no_benchmark(arguments: list[str]) -> None:
    done, modules = modules_loaded_by(*arguments)

    assert done.returncode == ExitCode.COMPLETED
    assert "rayconteur" in done.stdout or "Usage" in done.stdout
    assert modules & HEAVY_MODULES == set()
    assert [module for module in modules if module.startswith("rayconteur.benchmarks")] == []


def test_help_lists_commands_variables_and_exit_codes() -> None:
    printed = CliRunner().invoke(app, ["--help"]).stdout

    words = ("demo", "chat", "bench", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "RAY_ADDRESS")
    assert all(word in printed for word in words)
    assert all(str(int(code)) in printed for code in ExitCode)


def _numbers(commands: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All options of *commands* that take a number, with the commands that lead to them."""
    for group in commands.registered_groups:
        assert group.typer_instance
        yield from _numbers(group.typer_instance, (*path, str(group.name)))
    for command in commands.registered_commands:
        assert command.callback
        declared = get_type_hints(command.callback, include_extras=True)
        for option, annotation in get_type_hints(command.callback).items():
            if any(isinstance(each, ArgumentInfo) for each in getattr(declared[option], "__metadata__", ())):
                continue
            parts = {annotation, *get_args(annotation)}
            if {int, float} & (parts | {inner for part in parts for inner in get_args(part)}):
                yield (*path, str(command.name), f"--{option}")


NUMBERS = [*_numbers(app), *_numbers(bench)]


@pytest.mark.parametrize("path", NUMBERS, ids=" ".join)
@pytest.mark.parametrize("value", ["0", "-1", "100000000000000000000", "1e400", "nan", "raven"])
def test_every_number_has_bounds(path: tuple[str, ...], value: str) -> None:
    if (path[-1], value) == ("--share", "0"):
        pytest.skip("a share may be 0: a version that no session has yet")
    result = CliRunner().invoke(app, [*path, value])

    assert result.exit_code == ExitCode.USAGE
    assert f"Invalid value for '{path[-1]}'" in result.stderr


def test_all_options_that_take_numbers_are_found() -> None:
    known: set[tuple[str, ...]] = {
        ("demo", "--sessions"),
        ("demo", "--rate"),
        ("chat", "--rate"),
        ("bench", "--sessions"),
    }
    known |= {("bench", "--duration"), ("shutdown", "--drain"), ("replay", "--at"), ("replay", "--epoch")}
    known |= {("top", "--interval"), ("sessions", "move", "--timeout"), ("sessions", "drain", "--timeout")}
    known |= {("templates", "put", "--share"), ("templates", "use", "--share")}
    assert known == set(NUMBERS)
