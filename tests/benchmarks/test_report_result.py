"""Results as JSON Lines."""

from pathlib import Path

import msgspec
import pytest
from builders.bench_results import RUN, curve, distribution, kept, result, row

from rayconteur import RayconteurError
from rayconteur.benchmarks.report.findings import line
from rayconteur.benchmarks.report.result import FINDINGS, Ended, Lines, read

FINDING = line(row())


def test_what_is_written_is_read(tmp_path: Path) -> None:
    whole = result(row("events", 1.0, 2.0, 4.0, at_least=1.5), curve("ours", 1.0, 2.0), distribution("ours", 1.0, 9.0))

    file = kept(tmp_path, whole)

    assert read(file) == whole
    assert read(tmp_path) == whole


def test_a_line_is_in_the_file_as_soon_as_it_is_found(tmp_path: Path) -> None:
    with (tmp_path / FINDINGS).open("w") as file:
        lines = Lines(file, RUN)
        lines.found(row())

        broken_off = read(tmp_path)

    assert broken_off.findings == (row(),)
    assert broken_off.unfinished == {"throughput": "not run", "memory": "not run"}


def test_a_program_that_failed_is_unfinished() -> None:
    whole = msgspec.structs.replace(
        result(),
        ended=(Ended(program="throughput", took_s=1.0, problem="no Ray"), Ended(program="memory", took_s=1.0)),
    )

    assert whole.unfinished == {"throughput": "no Ray"}
    assert whole.took_s == 2.0


def test_a_line_says_whether_the_target_is_met() -> None:
    assert '"met":true' in line(row("events", 2.0, at_least=1.5))
    assert '"met":false' in line(row("events", 2.0, at_least=2.5))


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
def test_what_is_no_result_is_refused_with_file_and_line(tmp_path: Path, lines: list[str], problem: str) -> None:
    file = tmp_path / "old.jsonl"
    run = msgspec.json.encode(RUN).decode()
    file.write_text("".join(f"{run if each == 'RUN' else each}\n" for each in lines))

    with pytest.raises(RayconteurError) as refused:
        read(file)

    assert str(file) in refused.value.message
    assert problem in refused.value.message


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RayconteurError, match="can't be read"):
        read(tmp_path / "old")
