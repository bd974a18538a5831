"""The simulation of a cluster: its queues behave as queueing theory says, and it agrees with what was measured."""

from pathlib import Path
from random import Random

import pytest

from rayconteur.benchmarks.cluster_model.cluster import Load, actors, most_sessions
from rayconteur.benchmarks.cluster_model.comparison import calibrated_costs, compare
from rayconteur.benchmarks.cluster_model.costs import NO_JOURNAL, Costs, Rows
from rayconteur.benchmarks.cluster_model.queues import LINGER_S, Cores, Outbox, Process, Simulation
from rayconteur.benchmarks.report.result import read_result
from rayconteur.benchmarks.simulate_cluster import main
from rayconteur.errors import ConfigError
from rayconteur.runtime.events import publisher

ONE_ROLE = {"sessions": 1e-3, "router": 1e-5, "driver": 1e-4, "Ray": 0.0}
COSTS = Costs(
    turn=ONE_ROLE,
    token=dict.fromkeys(ONE_ROLE, 1e-6),
    wake=0.0,
    lone=0.0,
    journals={NO_JOURNAL: (0.0, 0.0), "SQLite": (0.0, 5e-4)},
    ray_call=1e-3,
    server=0.0,
)


def nothing() -> None:
    pass


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "benchmarks/results/with_journals"


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_waits_are_those_of_queueing_theory(load: float) -> None:
    """Poisson arrivals, equal costs, one server: a mean wait of load / (2 (1 - load)) costs (Pollaczek, Khinchine)."""
    simulation, random, cost_s = Simulation(), Random(1), 1e-3
    process = Process(simulation, Cores(simulation, None))

    def arrive() -> None:
        process.handle(cost_s, nothing)
        simulation.after(random.expovariate(load / cost_s), arrive)

    arrive()
    simulation.run_until(30.0)

    waited = sum(process.waits_s) / len(process.waits_s) / cost_s - 1
    assert waited == pytest.approx(load / 2 / (1 - load), rel=0.1)
    assert process.busy_s / 30.0 == pytest.approx(load, rel=0.05)


def test_processes_share_the_cores() -> None:
    ends: list[float] = []
    simulation = Simulation()
    cores = Cores(simulation, 2)
    for _ in range(3):
        Process(simulation, cores).handle(1.0, lambda: ends.append(simulation.now_s))

    simulation.run_until(5.0)

    assert ends == [1.0, 1.0, 2.0]


def test_what_arrives_together_is_woken_for_once() -> None:
    simulation = Simulation()
    process = Process(simulation, Cores(simulation, None), wake_s=1.0)
    for _ in range(4):
        process.handle(0.1, nothing)

    simulation.run_until(10.0)

    assert process.busy_s == pytest.approx(2 * 1.0 + 4 * 0.1)  # the first alone, and the others while it ran


def test_an_outbox_sends_together_what_lingers() -> None:
    sent: list[tuple[float, int]] = []
    simulation = Simulation()
    outbox = Outbox(simulation, 0.01, lambda number: sent.append((round(simulation.now_s, 3), number)))
    for at_s in (0.0, 0.004, 0.02):
        simulation.after(at_s, lambda: outbox.add(2))

    simulation.run_until(1.0)

    assert sent == [(0.01, 4), (0.03, 2)]


def test_text_lingers_as_long_as_in_the_runtime_where_many_stream() -> None:
    assert 2 * vars(publisher)["_TICK_S"] == LINGER_S


def test_the_model_agrees_with_what_was_measured_within_a_fifth(folder: Path) -> None:
    """Of throughput at 100 and 1,000 sessions, and turns with and without each journal; none of it was fitted."""
    result = read_result(folder)
    cpus = result.run.machine.cpus

    compared = list(compare(Rows(result), calibrated_costs(Rows(result), cpus), cpus))

    assert len(compared) == 12
    assert {each.what: round(each.deviation, 2) for each in compared if abs(each.deviation) > 0.2} == {}


def test_a_session_actor_and_a_journal_carry_what_their_costs_allow() -> None:
    load = Load(turn_every_s=10.0, tokens=100)
    kinds = actors(COSTS, load, "SQLite")

    # A turn costs 1 ms and 100 tokens 0.1 ms: 0.8 of a core are 727 turns/s, of 7,270 sessions.
    assert most_sessions(kinds["sessions"]) == pytest.approx(7_270, rel=0.05)
    assert most_sessions(kinds["journal"]) == pytest.approx(0.8 / 5e-4 * 10, rel=0.05)
    assert "directory" not in kinds
    assert "journal" not in actors(COSTS, load, NO_JOURNAL)


def test_waking_sessions_costs_the_directory_two_calls_each() -> None:
    kinds = actors(COSTS, Load(turn_every_s=10.0, tokens=1, woken=0.5), NO_JOURNAL)

    assert most_sessions(kinds["directory"]) == pytest.approx(0.8 / 1e-3 * 10, rel=0.05)


def test_an_actor_with_too_much_to_do_is_busy_for_more_than_all_of_the_time() -> None:
    actor = actors(COSTS, Load(turn_every_s=10.0, tokens=100), "SQLite")["journal"]

    assert actor(60_000).share == pytest.approx(3.0, rel=0.05)


def test_a_result_without_what_it_takes_is_rejected(root: Path) -> None:
    result = read_result(root / "benchmarks/results")

    with pytest.raises(ConfigError, match=r"no row .* of costs: run the benchmark costs"):
        calibrated_costs(Rows(result.__class__(result.run, (), ())), 2)


@pytest.mark.chaos
def test_the_report_says_what_is_full_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--result", str(folder), "--sessions", "1000", "1000000"])

    printed = capsys.readouterr().out
    assert "| 1,000 | 17 | 5,000 | 1 | 1 | 1 | 1 |" in printed
    assert "the journal, at " in printed
