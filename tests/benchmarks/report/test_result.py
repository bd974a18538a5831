"""Results as JSON Lines."""

from pathlib import Path

import msgspec
import pytest
from builders.bench_results import RUN, curve, distribution, result, row, write_result

from rayconteur import RayconteurError
from rayconteur.benchmarks.catalog import BENCHMARKS
from rayconteur.benchmarks.report.findings import json_line
from rayconteur.benchmarks.report.result import FINDINGS, Ended, ResultWriter, read_result

FINDING = json_line(row())


def test_a_written_result_is_read_back(tmp_path: Path) -> None:
    whole = result(row("events", 1.0, 2.0, 4.0, at_least=1.5), curve("ours", 1.0, 2.0), distribution("ours", 1.0, 9.0))

    file = write_result(tmp_path, whole)

    assert read_result(file) == whole
    assert read_result(tmp_path) == whole


def test_a_finding_is_in_the_file_as_soon_as_it_is_written(tmp_path: Path) -> None:
    with (tmp_path / FINDINGS).open("w") as file:
        writer = ResultWriter(file, RUN)
        writer.write_finding(row())

        partial = read_result(tmp_path)

    assert partial.findings == (row(),)
    assert partial.unfinished == {"throughput": "not run", "memory": "not run"}


def test_a_program_that_failed_is_unfinished() -> None:
    whole = msgspec.structs.replace(
        result(),
        ended=(Ended(program="throughput", took_s=1.0, problem="no Ray"), Ended(program="memory", took_s=1.0)),
    )

    assert whole.unfinished == {"throughput": "no Ray"}
    assert whole.took_s == 2.0


def test_the_line_of_a_row_has_its_verdict() -> None:
    assert '"met":true' in json_line(row("events", 2.0, at_least=1.5))
    assert '"met":false' in json_line(row("events", 2.0, at_least=2.5))


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "is empty"),
        ([FINDING], "line 1: not a run"),
        (["RUN", FINDING, "RUN"], "line 3: a second run"),
        (["RUN", FINDING, FINDING[:40]], "line 3: Input data was truncated"),
        (["RUN", FINDING.replace('"unit":"/s"', '"unit":7')], "line 2: Expected `str`, got `int`"),
        (["RUN", FINDING.replace('"kind":"row"', '"kind":"pie"')], "line 2: Invalid value 'pie'"),
        (["RUN", ""], "line 2: Input data was truncated"),
    ],
)
def test_an_invalid_result_is_rejected_with_file_and_line(tmp_path: Path, lines: list[str], problem: str) -> None:
    file = tmp_path / "old.jsonl"
    run = msgspec.json.encode(RUN).decode()
    file.write_text("".join(f"{run if each == 'RUN' else each}\n" for each in lines))

    with pytest.raises(RayconteurError) as error:
        read_result(file)

    assert str(file) in error.value.message
    assert problem in error.value.message


SINCE_COMMITTED = {"nodes"}
"""Benchmarks that are newer than the committed result: the next full run has their rows."""


def test_the_committed_result_has_rows_of_every_benchmark_to_compare_with(root: Path) -> None:
    committed = read_result(root / "benchmarks/results")

    assert {row.program for row in committed.rows} == set(BENCHMARKS) - SINCE_COMMITTED
    assert committed.unfinished == {}


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RayconteurError, match="can't be read"):
        read_result(tmp_path / "old")
