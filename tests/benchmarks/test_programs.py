"""The benchmarks' programs that need Ray: each runs, and says in JSON what it found, whatever that is."""

import pytest
from fixtures.bench_output import check, findings, run

pytestmark = pytest.mark.programs


@pytest.mark.parametrize(
    "program",
    [
        *("throughput", "first_token", "spawning", "interrupting", "memory", "endurance", "growth"),
        *("saturated", "paced", "latency", "shards"),
    ],
)
def test_a_program_that_needs_ray_prints_its_rows_as_json(ray_address: str, program: str) -> None:
    check(findings(run(f"rayconteur.benchmarks.programs.{program}", "--tiny", RAY_ADDRESS=ray_address)))


def test_crowds_in_processes_of_their_own_are_compared_by_their_cpu_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    found = findings(run("rayconteur.benchmarks.programs.saturated", "--tiny"))

    check(found)
    assert {row["unit"] for row in found if row["kind"] == "row"} == {"tokens/s", "tokens per CPU second"}
