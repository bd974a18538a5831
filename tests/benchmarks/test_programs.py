"""The benchmarks' programs that need Ray: each runs, and says in JSON what it found, whatever that is."""

import pytest
from findings import check, findings, run


@pytest.mark.parametrize(
    "program", ["throughput", "first_token", "spawning", "interrupting", "memory", "endurance", "growth"]
)
def test_a_program_that_needs_ray_prints_its_rows_as_json(ray_address: str, program: str) -> None:
    check(findings(run(f"rayconteur.benchmarks.programs.{program}", "--tiny", RAY_ADDRESS=ray_address)))
