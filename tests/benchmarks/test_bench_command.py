"""`rayconteur bench`, with benchmarks that need no Ray."""

import signal
from pathlib import Path

import psutil
import pytest
from findings import check
from terminal import in_pipe, started
from typer.testing import CliRunner

from rayconteur.benchmarks.catalogue import PROGRAMS
from rayconteur.benchmarks.report.result import FINDINGS, read
from rayconteur.cli.exits import ExitCode
from rayconteur.cli.main import app

SMALL = ("--tiny", "--only", "request_building")


def refused(*arguments: str) -> str:
    """The only line that the command writes."""
    result = CliRunner().invoke(app, ["bench", *arguments])
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    return line


def test_a_run_prints_its_tables_and_keeps_all_it_found(tmp_path: Path) -> None:
    done = in_pipe("bench", *SMALL, "--sessions", "7", "--out", str(tmp_path / "out"))

    result = read(tmp_path / "out")
    check([row.plain() for row in result.rows])
    assert done.returncode == ExitCode.COMPLETED
    assert {row.program for row in result.rows} == {"request_building"}
    assert result.run.options.sessions == (7,)
    assert result.unfinished == {}
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(result.rows)


def test_an_unknown_benchmark_is_told_with_those_there_are() -> None:
    line = refused("--only", "throughput", "--only", "oracle")

    assert "oracle" in line
    assert all(name in line for name in PROGRAMS)


def test_a_result_to_compare_with_must_be_there_before_anything_runs(tmp_path: Path) -> None:
    assert str(tmp_path / FINDINGS) in refused(*SMALL, "--compare", str(tmp_path), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_result_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / FINDINGS).write_text("kept\n")

    assert "--out" in refused(*SMALL, "--out", str(tmp_path))
    assert (tmp_path / FINDINGS).read_text() == "kept\n"


@pytest.mark.parametrize("words", [("--sessions", "0"), ("--duration", "0")])
def test_an_option_that_does_not_fit_is_wrong_usage(words: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, ["bench", *words])

    assert result.exit_code == ExitCode.USAGE
    assert words[0] in result.stderr


def test_ctrl_c_ends_what_runs_and_reports_what_was_found(tmp_path: Path) -> None:
    command = started("bench", "--only", "request_building", "--only", "compacting", "--out", str(tmp_path))
    assert command.stdout
    while not (line := command.stdout.readline()).startswith("  request"):
        assert line
    running = psutil.Process(command.pid).children(recursive=True)

    command.send_signal(signal.SIGINT)
    rest, _ = command.communicate(timeout=60)

    result = read(tmp_path)
    assert command.returncode == ExitCode.INTERRUPTED
    assert result.rows[0].what in rest[rest.index("## request_building") :]
    assert result.unfinished == {"request_building": "interrupted", "compacting": "not run"}
    assert running
    assert [process for process in running if process.is_running()] == []
