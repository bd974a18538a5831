"""The comparison of two results."""

import msgspec
import pytest
from builders.bench_results import MACHINE, RUN, result, row

from rayconteur.benchmarks.report.comparison import Change, better_direction, compare, comparison_table
from rayconteur.benchmarks.report.rows import Direction, Row, Target


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ((100.0, 101.0, 102.0), (50.0, 51.0, 52.0), "worse"),
        ((100.0, 101.0, 102.0), (200.0, 201.0, 202.0), "better"),
        ((100.0, 101.0, 102.0), (93.0, 94.0, 95.0), ""),  # clear, but less than 10 %
        ((60.0, 100.0, 140.0), (79.0, 80.0, 81.0), ""),  # within the old one's spread
        ((99.0, 100.0, 101.0), (30.0, 80.0, 130.0), ""),  # within the new one's
        ((100.0,), (89.0,), "worse"),
    ],
)
def test_a_change_beyond_noise_has_a_verdict(old: tuple[float, ...], new: tuple[float, ...], verdict: str) -> None:
    assert Change(row("events", *old, at_least=10), row("events", *new, at_least=10)).verdict == verdict


def test_the_quotient_is_new_over_old() -> None:
    assert Change(row("events", 4.0), row("events", 2.0)).quotient == 0.5
    assert Change(row("events", -4.0), row("events", 2.0)).quotient is None


@pytest.mark.parametrize(
    ("changed", "better"),
    [
        (row(unit="times", at_least=2), "more"),
        (msgspec.structs.replace(row(unit="/s"), target=Target("under", 2)), "less"),
        (msgspec.structs.replace(row(unit="/s"), better="less"), "less"),
        (row(unit="/s"), "more"),
        (row(unit="tokens/s"), "more"),
        (row(unit="times less"), "more"),
        (row(unit="ms"), "less"),
        (row(unit="KB"), "less"),
        (row(unit="times"), None),
    ],
)
def test_the_better_direction_is_stated_or_follows_from_target_or_unit(changed: Row, better: Direction | None) -> None:
    assert better_direction(changed) == better


def test_a_change_without_a_better_direction_is_changed() -> None:
    assert Change(row("events", 4.0), row("events", 2.0)).verdict == "changed"


def test_a_worse_row_comes_first_in_capitals() -> None:
    old = result(row("reading", 5.0, at_least=1), row("events", 8.0, at_least=1))
    new = result(row("reading", 5.0, at_least=1), row("events", 4.0, at_least=1))

    text = comparison_table(compare(old, new))

    first = next(line for line in text.splitlines() if line.startswith("| throughput"))
    assert [cell.strip() for cell in first.strip("|").split("|")] == [
        "throughput: events",
        "calls",
        "8 times",
        "4 times",
        "0.50",
        "WORSE",
    ]
    assert "2 rows in both: 1 worse, 1 as before." in text


def test_rows_of_only_one_result_are_listed() -> None:
    text = comparison_table(compare(result(row("feathers")), result(row("scales"))))

    before, _, after = text.partition("Only in the new one")
    assert "Only in the old one:\n\n- throughput: feathers, beside calls" in before
    assert "scales, beside calls" in after


def test_rows_are_paired_by_the_name_of_the_peer_without_its_figures() -> None:
    old = result(msgspec.structs.replace(row(), peer="the client (a round trip: 2.7 ms)"), row())
    new = result(row(), msgspec.structs.replace(row(), peer="the client (a round trip: 3.1 ms)"))

    compared = compare(old, new)

    assert [change.new.peer for change in compared.changes] == ["calls", "the client (a round trip: 3.1 ms)"]
    assert (compared.gone, compared.added) == ((), ())


def test_figures_in_different_units_are_not_compared() -> None:
    compared = compare(result(row("reading", 5.0, unit="/s")), result(row("reading", 5.0, unit="ms")))

    assert compared.changes == ()
    assert (len(compared.gone), len(compared.added)) == (1, 1)


def test_rows_of_the_same_name_are_paired_in_order() -> None:
    compared = compare(result(row("events", 1.0), row("events", 2.0)), result(row("events", 1.0), row("events", 2.0)))

    assert [change.quotient for change in compared.changes] == [1.0, 1.0]


def test_another_machine_or_version_is_noted() -> None:
    machine = msgspec.structs.replace(MACHINE, cpus=64, packages={"ray": "3.0"})

    notes = compare(result(), result(run=msgspec.structs.replace(RUN, machine=machine))).notes

    assert notes == (
        "Another processor: Abacus, 2 CPUs then, Abacus, 64 CPUs now.",
        "Other versions: ray 2.60.0 then, 3.0 now.",
    )
