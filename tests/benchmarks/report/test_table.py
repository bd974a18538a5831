"""Tables in Markdown."""

import msgspec
from builders.bench_results import result, row

from rayconteur.benchmarks.report.markdown import markdown
from rayconteur.benchmarks.report.result import Ended
from rayconteur.benchmarks.report.table import short_number, table


def test_each_benchmark_has_a_table_with_targets_and_verdicts() -> None:
    kept = msgspec.structs.replace(row("memory of a session", 3.0), program="memory")

    text = markdown(result(kept, row("events", 2.0, at_least=1), row("tokens", 1.0, 2.0, 3.0, at_least=9)))

    throughput, memory = text.split("## throughput\n\n")[1].split("## memory\n\n")
    assert [line.split("|")[1].strip() for line in throughput.strip().splitlines()[2:]] == ["events", "tokens"]
    assert "| at least 1 | yes |" in throughput
    assert "| 2 times (1.5 to 2.5) | at least 9 | NO  |" in throughput
    assert "memory of a session" in memory
    assert "1 of 2 targets met." in text


def test_the_conditions_and_the_unfinished_benchmarks_are_listed() -> None:
    broken = msgspec.structs.replace(result(), ended=(Ended(program="throughput", took_s=95.0, problem="no Ray"),))

    text = markdown(broken)

    assert "2026-11-21 10:45 UTC, full, 1 min 35 s. Commit 0123456789ab. Abacus, 2 CPUs, 8 GB" in text
    assert "ray 2.60.0" in text
    assert "- throughput: no Ray\n\n- memory: not run\n" in text


def test_a_bar_in_a_name_does_not_split_the_cell() -> None:
    line = table([row("a|b")]).splitlines()[2]

    assert "a\\|b" in line


def test_figures_have_about_three_digits() -> None:
    assert [short_number(value) for value in (0.0123456, 1.2345, 99.95, 123.4, 123_456.0)] == [
        "0.0123",
        "1.23",
        "100",
        "123",
        "123,000",
    ]
