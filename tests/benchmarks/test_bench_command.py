"""`rayconteur bench`, with benchmarks that need no Ray."""

import signal
import sys
from pathlib import Path

import psutil
import pytest
from builders.bench_results import result, row, write_result
from fixtures.benchmarks.output import check_findings
from fixtures.terminal import HEAVY_MODULES, Terminal, in_pipe, modules_loaded_by, started
from msgspec.structs import replace
from typer.testing import CliRunner

from rayconteur.benchmarks.adapters.registry import ADAPTERS
from rayconteur.benchmarks.catalog import BENCHMARKS
from rayconteur.benchmarks.command import selected_benchmarks
from rayconteur.benchmarks.program import Scale
from rayconteur.benchmarks.report.result import FINDINGS, read_result
from rayconteur.cli.exit_codes import ExitCode
from rayconteur.cli.main import app

SMALL = ("--tiny", "--only", "compacting")


def rejected(*arguments: str) -> str:
    """The only line that the rejected command writes."""
    result = CliRunner().invoke(app, ["bench", *arguments])
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    return line


def test_help_loads_no_ray_no_sdk_and_nothing_of_the_extra() -> None:
    done, modules = modules_loaded_by("bench", "--help")

    assert done.returncode == ExitCode.COMPLETED
    assert all(name in done.stdout for name in BENCHMARKS)
    assert "rayconteur.benchmarks.command" in modules
    assert modules & HEAVY_MODULES == set()


@pytest.mark.programs
def test_a_run_prints_its_tables_stores_its_findings_and_is_compared_with_an_older_one(tmp_path: Path) -> None:
    done = in_pipe("bench", *SMALL, "--sessions", "7", "--out", str(tmp_path / "out"))

    stored = read_result(tmp_path / "out")
    check_findings([each.plain() for each in stored.rows])
    assert done.returncode == ExitCode.COMPLETED
    assert {each.program for each in stored.rows} == {"compacting"}
    assert stored.run.options.sessions == (7,)
    assert stored.unfinished == {}
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(stored.rows)

    faster = [replace(each, figure=each.figure.scaled(0.01)) for each in stored.rows]
    write_result(tmp_path / "faster", replace(stored, findings=tuple(faster)))
    done = in_pipe(
        "bench", *SMALL, "--sessions", "7", "--compare", str(tmp_path / "faster"), "--out", str(tmp_path / "new")
    )

    assert done.returncode == ExitCode.COMPLETED
    assert done.stdout.count("WORSE") == len(stored.rows)
    assert "WORSE" in (tmp_path / "new" / "comparison.md").read_text()
    assert "What has changed" in (tmp_path / "new" / "page.html").read_text()


def test_an_unknown_benchmark_is_rejected_with_the_known_ones() -> None:
    line = rejected("--only", "throughput", "--only", "oracle")

    assert "oracle" in line
    assert all(name in line for name in BENCHMARKS)


def test_a_quick_run_leaves_out_slow_benchmarks_unless_they_are_named() -> None:
    quick = selected_benchmarks((), Scale.QUICK)

    assert selected_benchmarks((), Scale.FULL) == tuple(BENCHMARKS)
    assert set(quick) == {name for name, each in BENCHMARKS.items() if each.in_quick_run}
    assert selected_benchmarks(("endurance", "costs"), Scale.QUICK) == ("costs", "endurance")


def test_an_unknown_peer_is_rejected_with_the_known_ones() -> None:
    line = rejected("--peers", "langgraph", "--peers", "oracle")

    assert "peer oracle;" in line
    assert all(name in line for name in ADAPTERS)


def test_an_unreachable_cluster_is_reported_before_anything_runs(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", *SMALL, "--address", "127.0.0.1:1", "--out", str(tmp_path / "out")])

    assert done.exit_code == ExitCode.UNREACHABLE
    assert "127.0.0.1:1" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_missing_result_to_compare_with_is_reported_before_anything_runs(tmp_path: Path) -> None:
    assert str(tmp_path / FINDINGS) in rejected(*SMALL, "--compare", str(tmp_path), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_result_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / FINDINGS).write_text("existing\n")

    assert "--out" in rejected(*SMALL, "--out", str(tmp_path))
    assert (tmp_path / FINDINGS).read_text() == "existing\n"


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    line = rejected(*SMALL)

    assert "matplotlib" in line
    assert "rayconteur[bench]" in line


def test_two_results_are_compared_without_running_anything(tmp_path: Path) -> None:
    old = write_result(tmp_path / "old", result(row("events", 8.0, at_least=1)))
    new = write_result(tmp_path / "new", result(row("events", 4.0, at_least=1)))

    done = CliRunner().invoke(app, ["bench", "--compare", str(old), "--with", str(new.parent)])

    assert done.exit_code == ExitCode.COMPLETED
    assert "WORSE" in done.stdout
    assert "throughput ..." not in done.stdout


def test_with_needs_compare() -> None:
    assert "--compare" in rejected("--with", "new")


@pytest.mark.parametrize("words", [("--sessions", "0"), ("--duration", "0")])
def test_an_option_out_of_range_is_wrong_usage(words: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, ["bench", *words])

    assert result.exit_code == ExitCode.USAGE
    assert words[0] in result.stderr


@pytest.mark.programs
def test_at_a_terminal_the_progress_shows_running_and_waiting_benchmarks_and_findings(tmp_path: Path) -> None:
    with Terminal("bench", "--only", "compacting", "--only", "request_building", "--out", str(tmp_path)) as terminal:
        progress = terminal.until("waiting")
        findings = terminal.until("times (")
        terminal.type_keys("\x03")
        terminal.until("interrupted")

        assert terminal.exit_code() == ExitCode.INTERRUPTED

    assert "running" in progress
    assert "request on 1,000 messages" in findings


@pytest.mark.programs
def test_ctrl_c_ends_the_running_benchmark_and_reports_the_findings_so_far(tmp_path: Path) -> None:
    command = started("bench", "--only", "request_building", "--only", "compacting", "--out", str(tmp_path))
    assert command.stdout
    while not (line := command.stdout.readline()).startswith("  request"):
        assert line
    running = psutil.Process(command.pid).children(recursive=True)

    command.send_signal(signal.SIGINT)
    rest, _ = command.communicate(timeout=60)

    found = read_result(tmp_path)
    assert command.returncode == ExitCode.INTERRUPTED
    assert found.rows[0].what in rest[rest.index("## request_building") :]
    assert found.unfinished == {"request_building": "interrupted", "compacting": "not run"}
    assert running
    assert [process for process in running if process.is_running()] == []
