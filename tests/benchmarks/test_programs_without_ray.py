"""The benchmarks' programs that need no Ray."""

import pytest
from fixtures.bench_output import check, findings, run

pytestmark = pytest.mark.programs


@pytest.mark.parametrize("program", ["compacting", "delta_cost", "request_building", "server_ceiling"])
def test_a_program_prints_its_rows_as_json(program: str) -> None:
    check(findings(run(f"rayconteur.benchmarks.programs.{program}", "--tiny")))
