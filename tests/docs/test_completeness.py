"""The pages of docs/ list every message, event, setting, error, strategy, provider, benchmark and option."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from typer.testing import CliRunner

import rayconteur as rc
from rayconteur.benchmarks.catalog import BENCHMARKS
from rayconteur.cli.exit_codes import ExitCode
from rayconteur.cli.main import app
from rayconteur.providers.registry import PROVIDERS
from rayconteur.runtime.metrics.catalog import METRICS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def missing(names: Iterable[str], page: str) -> list[str]:
    """Those of *names* that *page* does not contain as a word."""
    words = set(re.findall(r"--[\w-]+|\w+", (DOCS / page).read_text()))
    return [name for name in names if name not in words]


def fields(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    return struct.__struct_fields__


@pytest.mark.parametrize("union", [rc.ToLLM, rc.FromLLM], ids=["ToLLM", "FromLLM"])
def test_sessions_lists_every_message_and_event(union: object) -> None:
    assert missing([member.__name__ for member in get_args(union)], "sessions.md") == []


@pytest.mark.parametrize("struct", [rc.SessionConfig, rc.RetryPolicy, rc.Limits, rc.Usage])
def test_sessions_lists_every_setting(struct: type[msgspec.Struct]) -> None:
    assert missing(fields(struct), "sessions.md") == []


def test_cluster_lists_every_runtime_option() -> None:
    assert missing(fields(rc.RuntimeOptions), "cluster.md") == []


def test_errors_lists_every_error() -> None:
    assert missing(rc.errors.__all__, "errors.md") == []


def test_compaction_lists_every_strategy() -> None:
    assert missing([strategy.__name__ for strategy in get_args(rc.compaction.Compaction)], "compaction.md") == []


def test_providers_lists_every_provider_and_its_fields() -> None:
    configs = get_args(rc.providers.ProviderConfig)
    names = [name for config in configs for name in [config.__name__, *fields(config)]]

    assert missing(names, "providers.md") == []


def test_providers_lists_every_environment_variable_and_alias() -> None:
    names = [name for provider in PROVIDERS.values() for name in [*provider.environment, *provider.aliases]]

    assert missing(names, "providers.md") == []


SESSIONS = [f"sessions {command}" for command in ("list", "show", "interrupt", "close")]
TEMPLATES = [f"templates {command}" for command in ("list", "put", "use", "delete")]


@pytest.mark.parametrize(
    "command", ["demo", "chat", "bench", "replay", "shutdown", "status", "top", *SESSIONS, *TEMPLATES]
)
def test_command_line_lists_every_option(command: str) -> None:
    options = re.findall(
        r"^  (?:-\w, )?(--[\w-]+)", CliRunner().invoke(app, [*command.split(), "--help"]).output, re.MULTILINE
    )

    assert missing(set(options) - {"--help"}, "command-line.md") == []


def test_operations_has_a_row_for_each_metric_as_the_catalog_describes_it() -> None:
    rows = re.findall(
        r"^\| `(rayconteur_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", (DOCS / "operations.md").read_text(), re.MULTILINE
    )

    assert rows == [
        (metric.name, metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.meaning)
        for metric in METRICS.values()
    ]


def test_benchmarks_lists_every_benchmark() -> None:
    assert missing(BENCHMARKS, "benchmarks.md") == []


def test_command_line_lists_every_exit_code() -> None:
    assert missing([str(int(code)) for code in ExitCode], "command-line.md") == []
